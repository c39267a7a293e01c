"""How fast a pull's bytes come, beside how fast they came a moment ago.

Only arithmetic, with the time passed in: seconds, bytes.
"""

from __future__ import annotations

import math
from collections import deque

_OVER = 0.4
"""A speed is measured over so many seconds."""
_FORGOTTEN = 4.0
"""After so many seconds a speed that was counts for half of what it was."""


class Flow:
    """Of one pull. Call `look` a few times a second."""

    def __init__(self, slump: float) -> None:
        """`slump`: far slower is below so many times of what it was."""
        self._slump = slump
        self.slumps = False
        """Bytes come far slower than they did."""
        self._came: deque[tuple[float, int]] = deque()
        """How many bytes there were at which time, over the last moment."""
        self._best = self._best_at = 0.0
        """The speed that was, and when it was that."""

    def look(self, now: float, came: int, *, held: bool) -> None:
        """Say how many bytes came by now; `held`: it is not the connections that they wait for, so that says
        nothing.
        """
        if held:
            self._best = 0.0
        if held or (self._came and now - self._came[-1][0] > _OVER):  # or nobody looked, nor read
            self._came.clear()
        self._came.append((now, came))
        while len(self._came) > 1 and now - self._came[1][0] >= _OVER:
            self._came.popleft()
        began, had = self._came[0]
        self.slumps = False
        if now - began >= _OVER:
            rate = (came - had) / (now - began)
            self._best = max(rate, self._best * 0.5 ** ((now - self._best_at) / _FORGOTTEN))
            self._best_at = now
            self.slumps = rate < self._slump * self._best

    def seconds(self, left: int) -> float:
        """Return how long so many bytes take at the speed that was; infinity while nobody knows."""
        return left / self._best if self._best else math.inf
