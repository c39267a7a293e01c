"""The event log: what must not be missed, numbered, for whoever asks."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from pulltui.engine.views import Event, EventKind

_KEPT = 2000

logger = logging.getLogger("pulltui.engine")


class EventLog:
    """Written by the engine's thread, read by any."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start = clock()
        self._seq = 0
        self._events: deque[Event] = deque(maxlen=_KEPT)

    def emit(self, kind: EventKind, **fields: Any) -> None:
        """Append an event; `fields` are Event's. It also goes to the log file."""
        self._seq += 1
        event = Event(seq=self._seq, at=self._clock() - self._start, kind=kind, **fields)
        self._events.append(event)
        told = " ".join(f"{key}={value}" for key, value in fields.items() if value not in ("", None))
        level = logging.WARNING if kind is EventKind.FAILED else logging.INFO
        logger.log(level, "%s %s", kind, told)

    def after(self, seq: int) -> list[Event]:
        """Return the events behind number `seq`, oldest first."""
        events = list(self._events)
        if not events or events[-1].seq <= seq:
            return []
        return [event for event in events if event.seq > seq]
