"""Ollama, in thought started again and again while pulltui is at work: what it would do wrong each time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import msgspec
from pulltui.engine.log import EventLog
from pulltui.engine.views import EventKind
from support import ollama

TWO_HOURS = 7200.0


def age(models: Path) -> None:
    """Set the times of all files back by two hours; an engine may rename and remove some meanwhile."""
    then = time.time() - TWO_HOURS
    for path in models.rglob("*"):
        with suppress(FileNotFoundError):
            os.utime(path, (then, then))


def complaints(models: Path, now: float, unwanted: Collection[str] = ()) -> list[str]:
    """What Ollama, started at `now` (unix seconds), would delete or list without its blobs.

    `unwanted` are names of blobs that nobody needs any more: those it may delete.
    """
    if not (models / "blobs").is_dir():
        return []
    doomed = {path.name for path in ollama.doomed(models, now)} - set(unwanted)
    return [
        *(f"would delete {name}" for name in sorted(doomed)),
        *(f"lists a model without {lost}" for lost in ollama.missing(models)),
    ]


class Look(msgspec.Struct, frozen=True):
    """What it made of the models directory at one event, now and if it started two hours later."""

    kind: EventKind
    name: str
    """The pull's."""
    listed: dict[str, str]
    """`ollama.listed`."""
    complaints: list[str]


def look_at_each_event(models: Path, seen: Callable[[Look], None]) -> Callable[..., None]:
    """Return an `EventLog.emit` that looks while the engine's thread waits, at the moment of the event."""
    real = EventLog.emit

    @wraps(real)
    def emit(log: EventLog, kind: EventKind, **fields: Any) -> None:
        real(log, kind, **fields)
        now = time.time()
        found = complaints(models, now) + complaints(models, now + TWO_HOURS)
        seen(Look(kind, str(fields.get("name", "")), ollama.listed(models), found))

    return emit
