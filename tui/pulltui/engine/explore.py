"""While all connections of a pull crawl: when one should see whether a fresh address leads elsewhere.

Only arithmetic, with the time passed in: seconds, bytes a second.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from statistics import median

CRAWL = 128 << 10
"""A connection of fewer bytes a second crawls, whatever the others do."""
_LAST = 300.0
"""Longest pause, in seconds, between two tries."""


class Explore:
    """Of one pull. Call `look` a few times a second."""

    def __init__(self, first: float) -> None:
        """`first`: seconds of crawling before the first try; then twice as many."""
        self._first = self._pause = first
        self._at = math.inf
        self._crawled_at = -math.inf

    def look(self, now: float, rates: Collection[float]) -> bool:
        """Return whether it is time for a try, given the speeds of the connections there are."""
        if not rates or median(rates) >= CRAWL:
            if now - self._crawled_at > self._pause:
                self._pause = self._first
                self._at = now + self._first
            return False
        self._crawled_at = now
        if now < self._at:
            return False
        self._pause = min(2 * self._pause, _LAST)
        self._at = now + self._pause
        return True
