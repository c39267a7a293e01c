"""Speed and time left: arithmetic over samples, the time passed in."""

from __future__ import annotations

import math
from collections import deque


class Meter:
    """Average speed over a sliding window."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._samples: deque[tuple[float, int]] = deque()

    def sample(self, now: float, total: int) -> None:
        """Note that `total` bytes have come by `now`; a fall of the total starts over."""
        samples = self._samples
        if samples and total < samples[-1][1]:
            samples.clear()
        if samples and now - samples[-1][0] < self._window / 50:
            return
        samples.append((now, total))
        while len(samples) > 2 and now - samples[1][0] >= self._window:
            samples.popleft()

    def rate(self, now: float, total: int, over: float = math.inf) -> float:
        """Return bytes a second over the window that ends now, or its last `over` seconds and a bit."""
        if not self._samples:
            return 0.0
        old_enough = (sample for sample in reversed(self._samples) if now - sample[0] >= over)
        at, start = next(old_enough, self._samples[0])
        return max(0.0, (total - start) / (now - at)) if now > at else 0.0

    def clear(self) -> None:
        """Forget everything: after a pause old samples would be a lie."""
        self._samples.clear()


def time_left(remaining: int, rate: float) -> float | None:
    """Return seconds until `remaining` bytes have come at `rate`, None if nobody can tell or none remain."""
    return remaining / rate if remaining > 0 and rate >= 1.0 else None
