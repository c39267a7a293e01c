"""What pops up: that pulls are done or failed, notes about more than one blob, and never a heap of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from pulltui_config.units import format_size

from pulltui.engine.views import Event, EventKind
from pulltui.ui.words import span_of

MOST = 3
"""More than this many at once become one that counts."""
PAUSE = 2.0
"""Seconds between two showings, so that what happens in quick succession is counted together."""

_ENDS = (EventKind.DONE, EventKind.FAILED)


class Toast(NamedTuple):
    """One message to pop up."""

    title: str
    text: str
    severity: Literal["information", "error"]


class Toaster:
    """Collects events and says when there is something to show.

    Times are seconds of one monotonic clock.
    """

    def __init__(self) -> None:
        self._waiting: list[Event] = []
        self._shown_at = float("-inf")

    def take(self, events: Iterable[Event], now: float) -> list[Toast]:
        """Take in new events and return what to show now."""
        self._waiting += [event for event in events if _matters(event)]
        if not self._waiting or now - self._shown_at < PAUSE:
            return []
        batch, self._waiting, self._shown_at = self._waiting, [], now
        if len(batch) <= MOST:
            return [_toast(event) for event in batch]
        failed = sum(event.kind is EventKind.FAILED for event in batch)
        notes = sum(event.kind is EventKind.NOTE for event in batch)
        done = len(batch) - failed - notes
        words = [f"{done} done"] if done else []
        words += [f"{failed} failed"] if failed else []
        words += [f"{notes} to know"] if notes else []
        names = ", ".join(event.name or event.why for event in batch[:MOST]) + " and others"
        return [Toast(", ".join(words), names, "error" if any(map(_is_bad, batch)) else "information")]


def _matters(event: Event) -> bool:
    """Whether to show it: the end of a pull, or a note about a whole pull, the queue, a hook."""
    return event.kind in _ENDS or (event.kind is EventKind.NOTE and not event.digest)


def _is_bad(event: Event) -> bool:
    return event.kind is EventKind.FAILED or bool(event.error_kind)


def _toast(event: Event) -> Toast:
    if event.kind is EventKind.NOTE:
        return Toast(event.name, f"{event.why}.", "error" if _is_bad(event) else "information")
    if event.kind is EventKind.FAILED:
        title = "failed" if event.name in event.why else f"{event.name} failed"
        return Toast(title, f"{event.why}. {event.hint}".strip(" .") + ".", "error")
    took = f" in {span_of(event.seconds)}" if event.seconds >= 1 else ""
    return Toast(f"{event.name} is done", f"{format_size(event.size)}, verified{took}.", "information")
