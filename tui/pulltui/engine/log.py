"""The event log: what must not be missed, numbered, for whoever asks."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

from pulltui.engine.views import Event, EventKind

_KEPT = 2000

logger = logging.getLogger("pulltui.engine")


def log_unexpected(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Write a defect of ours to the log file: the exception handler of the engine's loop.

    Where it happened, and not what the exception says: addresses in that may be secret.
    """
    error = context.get("exception")
    where = "".join(traceback.format_tb(error.__traceback__)) if error is not None else ""
    logger.error("%s: %s\n%s", context["message"], type(error).__name__, where.rstrip())


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
