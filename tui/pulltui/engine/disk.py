"""Does the disk keep up? For how long sockets waited for it lately, and what it takes meanwhile.

Pure: the clock is passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pulltui_config.units import format_rate

from pulltui.engine.meter import Meter

_LATELY = 2.0
_ENOUGH = 0.5
"""Waits of so many seconds, in the last so many, are worth telling; shorter ones nobody notices."""
_LONG_SYNC = 0.5
"""Seconds from which on a sync is worth telling."""
_SYNC_COUNTS = 30.0
"""Seconds for which a sync that is over is still told of."""
_WINDOW = 5.0
_IDLE = 1.0


class Disk:
    """What the writer and the checkpoints notice of it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` has monotonic seconds."""
        self._clock = clock
        self._waits: deque[tuple[float, float]] = deque()
        """When sockets waited lately: beginnings and ends."""
        self._since: float | None = None
        """Since when they wait."""
        self._sync_since: float | None = None
        self._sync = (0.0, 0.0)
        """When the last sync ended, and how long it took."""
        self._meter = Meter(_WINDOW)
        self._written = 0
        self._busy_at = clock()
        """When it last had something to do."""
        self._still_since: float | None = None
        """Since when it has written nothing although there is something to write."""

    def wait(self) -> None:
        """Sockets wait from now on."""
        if self._since is None:
            self._since = self._clock()

    def go_on(self) -> None:
        """They wait no more."""
        if self._since is not None:
            self._waits.append((self._since, self._clock()))
            self._since = None

    @contextmanager
    def syncing(self) -> Iterator[None]:
        """What happens in this block is a sync."""
        began = self._sync_since = self._clock()
        try:
            yield
        finally:
            self._sync_since = None
            self._sync = (self._clock(), self._clock() - began)

    def look(self, written: int, left: int) -> None:
        """Take note of the bytes written since the start, and of those left; several times a second."""
        if written != self._written or not left:
            self._still_since = None
        elif self._still_since is None:
            self._still_since = self._clock()
        self._written = written
        now = self._clock()
        if left or self._since is not None:
            self._busy_at = now
        elif now - self._busy_at > _IDLE:
            self._meter.clear()  # that nothing was to be written says nothing about the disk
        self._meter.sample(now, written)

    @property
    def holds(self) -> bool:
        """Whether it is stuck, or the sockets wait for it, most of the time or for longer than a moment."""
        now = self._clock()
        if self._still_since is not None and now - self._still_since >= _ENOUGH:
            return True
        while self._waits and self._waits[0][1] < now - _LATELY:
            self._waits.popleft()
        waits = [*self._waits, *([(self._since, now)] if self._since is not None else [])]
        return sum(end - max(begin, now - _LATELY) for begin, end in waits) >= _ENOUGH

    @property
    def why(self) -> str:
        """What it takes, in words; empty while it keeps up."""
        if not self.holds:
            return ""
        now = self._clock()
        rate = f"it takes {format_rate(self._meter.rate(now, self._written))}"
        if self._sync_since is not None and now - self._sync_since >= _LONG_SYNC:
            return f"{rate}, syncing for {now - self._sync_since:.0f} s"
        ended, took = self._sync
        if took >= _LONG_SYNC and now - ended < _SYNC_COUNTS:
            return f"{rate}, its last sync took {took:.1f} s"
        return rate
