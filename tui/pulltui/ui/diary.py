"""What happened, and what the clock on the wall said then."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from pulltui.engine.views import Event

KEPT = 2000
"""Entries; the engine keeps no more events either."""


def local_time() -> datetime:
    """Return the time on the wall here and now."""
    return datetime.now(UTC).astimezone()


class Entry(NamedTuple):
    """An event and its local time."""

    event: Event
    time: datetime


class Diary:
    """Every event so far, oldest first.

    The engine counts its seconds from its start by a clock that knows no date and stands still while the
    machine sleeps, so an event gets its time when it is taken in, a moment after it happened.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        """`now` is the local time."""
        self._now = now
        self.entries: deque[Entry] = deque(maxlen=KEPT)

    def take(self, events: Sequence[Event]) -> None:
        """Take in what happened since the last time."""
        if events:
            now = self._now()
            newest = events[-1].at
            self.entries.extend(
                Entry(event, now - timedelta(seconds=max(0.0, newest - event.at))) for event in events
            )

    def after(self, seq: int) -> list[Entry]:
        """Return what came after the event with this number."""
        return list(takewhile(lambda entry: entry.event.seq > seq, reversed(self.entries)))[::-1]

    @property
    def today(self) -> date:
        """The day by the clock on the wall."""
        return self._now().date()
