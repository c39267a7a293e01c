"""Waking those who wait for something to change."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Change:
    """Others wait here; whoever changes something tells them."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Event] = []
        self._resting: list[asyncio.Event] = []
        """Those of them for whom there was nothing to do."""

    def tell(self) -> None:
        """Have everybody look again."""
        for event in self._waiting:
            event.set()

    def tell_one(self) -> None:
        """Have one of those look again for whom there was nothing to do: there may be, but not for many."""
        event = next((event for event in self._resting if not event.is_set()), None)
        if event is not None:
            event.set()

    async def wait(self, seconds: float | None = None, *, resting: bool = False) -> None:
        """Wait until somebody tells, or for so many seconds; `resting`: there was nothing to do."""
        event = asyncio.Event()
        lists = [self._waiting, self._resting] if resting else [self._waiting]
        for waiting in lists:
            waiting.append(event)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation
                    await event.wait()
        finally:
            for waiting in lists:
                waiting.remove(event)
