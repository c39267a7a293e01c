"""Rates: what one connection or the whole link may send a second."""

from __future__ import annotations

import asyncio

# What a late wake-up may catch up with; more would turn a pause into a burst.
CATCH_UP = 0.02


class Pace:
    """Hands out turns so that not more than `rate` bytes a second go out, in the order they are asked for."""

    def __init__(self, rate: float) -> None:
        """`rate` in bytes a second."""
        self.rate = rate
        self._free_at = 0.0

    def reserve(self, size: int, now: float) -> float:
        """Books `size` bytes at time `now` (seconds, monotonic); seconds to wait before they may be sent."""
        at = max(self._free_at, now - CATCH_UP)
        self._free_at = at + size / self.rate
        return max(0.0, at - now)


class Lane:
    """What one response passes: its own pace, if any, and the link it shares with all others, if any."""

    MOST = 256 * 1024
    LEAST = 1

    def __init__(self, own: Pace | None, link: Pace | None) -> None:
        """Either pace may be missing; without both nothing waits."""
        self._paces = [pace for pace in (own, link) if pace is not None]
        sizes = [self.MOST]
        # Small helpings keep what is under way small and let connections take turns on the link.
        if own is not None:
            sizes.append(int(own.rate * 0.02))
        if link is not None:
            sizes.append(int(link.rate * 0.005))
        self.helping = max(self.LEAST, min(sizes))

    async def turn(self, size: int) -> None:
        """Returns when `size` bytes may be sent."""
        if not self._paces:
            return
        now = asyncio.get_running_loop().time()
        wait = max(pace.reserve(size, now) for pace in self._paces)
        if wait > 0:
            await asyncio.sleep(wait)
