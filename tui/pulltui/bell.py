"""The terminal's bell, and its notification (OSC 9), when pulls are done or failed (`ui.bell`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pulltui_config.units import format_size

from pulltui.engine.clean import safe
from pulltui.engine.views import Event, EventKind

PAUSE: Final = 2.0
"""Seconds between two rings, so that what happens in quick succession is told together."""
LONGEST: Final = 120
"""Characters of a notification."""
_BELL: Final = "\a"
_PLAIN: Final = ("dumb", "linux")
"""Terminals (TERM) that would print a notification instead of showing it."""


class Bell:
    """Collects events and says when to ring. Times are seconds of one monotonic clock."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._notifies = environ.get("TERM", "dumb") not in _PLAIN
        self._waiting: list[Event] = []
        self._rang_at = float("-inf")

    def take(self, events: Iterable[Event], now: float, *, wanted: bool) -> str:
        """Take in new events; return what to write to the terminal now, "" for nothing.

        It moves no cursor and may be written between any two other things. `wanted` is `ui.bell`.
        """
        ended = [event for event in events if event.kind in (EventKind.DONE, EventKind.FAILED)]
        self._waiting = [*self._waiting, *ended] if wanted else []
        if not self._waiting or now - self._rang_at < PAUSE:
            return ""
        batch, self._waiting, self._rang_at = self._waiting, [], now
        return notification(_words(batch)) + _BELL if self._notifies else _BELL


def notification(words: str) -> str:
    """Return the sequence that makes a terminal show `words` to somebody who is elsewhere.

    iTerm2's OSC 9. To ConEmu and Windows Terminal the same is a command if it begins with a digit and a
    semicolon, so it never does; nothing in the words can end it either.
    """
    return f"\x1b]9;pulltui: {safe(words, LONGEST).replace(';', ',')}\a"


def _words(ended: list[Event]) -> str:
    if len(ended) > 1:
        failed = sum(event.kind is EventKind.FAILED for event in ended)
        counts = ((len(ended) - failed, "done"), (failed, "failed"))
        return ", ".join(f"{count} {what}" for count, what in counts if count)
    event = ended[0]
    if event.kind is EventKind.FAILED:
        return f"{event.name} failed: {event.why}"
    return f"{event.name} is done, {format_size(event.size)}"
