"""How long a registry's addresses are good: learned from one that went stale, so that the next is asked for
before this one does.

Pure: the time, in monotonic seconds, is passed in.
"""

from __future__ import annotations

import math

_LEAST = 1.0
"""Seconds; an address that was good for less did not go stale because of its age."""
_EARLY = 0.9
"""It is asked for anew after so much of its time: connections then ask for their next bytes in a row."""


class Lifetime:
    """Of the addresses of one blob at one registry."""

    def __init__(self) -> None:
        self._told_at = self._good_at = -math.inf
        self._lasts = math.inf
        """For so many seconds one was good that went stale then."""

    def told(self, now: float) -> None:
        """There is a new address."""
        self._told_at = now
        self._good_at = -math.inf

    def good(self, now: float) -> None:
        """It is good: it brought what was asked for."""
        self._good_at = now

    def stale(self) -> None:
        """It is not any more."""
        age = self._good_at - self._told_at
        if age >= _LEAST:
            self._lasts = age

    def ends(self, now: float, took: float) -> bool:
        """Return whether it will have gone stale by the time there is another one, which takes so long."""
        return math.isfinite(self._lasts) and now + took - self._told_at >= _EARLY * self._lasts
