"""Connections are few: the process has so many, and each registry's blobs may use so many of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping


class Slots:
    """Hands out the right to open a connection, first come first served."""

    def __init__(self, total: Callable[[], int], per_host: Callable[[], Mapping[str, int]]) -> None:
        self._total = total
        self._per_host = per_host
        self._used: Counter[str] = Counter()
        self._event = asyncio.Event()

    async def acquire(self, registry: str) -> None:
        """Wait for a connection to what `registry` (`host[:port]`) serves; give it back with `release`."""
        while not self._free(registry):
            await self._event.wait()
        self._used[registry] += 1

    def release(self, registry: str) -> None:
        """Give it back."""
        self._used[registry] -= 1
        event, self._event = self._event, asyncio.Event()
        event.set()

    def most(self, registry: str) -> int:
        """Return how many connections that registry's blobs may use at once."""
        return min(self._total(), self._per_host().get(registry, self._total()))

    def _free(self, registry: str) -> bool:
        return self._used.total() < self._total() and self._used[registry] < self.most(registry)
