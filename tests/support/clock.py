"""Clocks for tests: one that stands still until it is moved, one that leaves out what was not our doing."""

from __future__ import annotations

import threading
import time


class Clock:
    """Gives `now`, in seconds, to whoever calls it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class PauselessClock:
    """The monotonic clock in seconds, but no pause of the whole process counts for more than `longest`.

    For whoever asks it more often than that, like the engine, which does with every view. On a busy machine
    the process stands still for a tenth of a second now and then, its servers too, and a silence of
    milliseconds would be laid at their door. What they do not send while all of it runs counts in full.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._lock = threading.Lock()
        self._now = self._last = time.monotonic()

    def __call__(self) -> float:
        with self._lock:
            real = time.monotonic()
            self._now += min(real - self._last, self._longest)
            self._last = real
            return self._now
