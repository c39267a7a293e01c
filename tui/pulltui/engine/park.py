"""How long a pull rests when all its unfinished parts have used up their retries."""

from __future__ import annotations

from pulltui.engine.backoff import doubling
from pulltui.engine.tuning import Tuning


class Park:
    """Rests longer each time, up to a minute; progress starts over."""

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._times = 0
        self._written = 0

    def next_pause(self, written: int) -> float:
        """Return the seconds to rest; `written` is what there is by now."""
        if written - self._written >= self._tuning.budget_refill:
            self._times = 0
        self._written = written
        pause = doubling(self._times, self._tuning.park_first, self._tuning.park_last)
        self._times += 1
        return pause

    def reset(self) -> None:
        """Begin with the shortest rest again."""
        self._times = 0
