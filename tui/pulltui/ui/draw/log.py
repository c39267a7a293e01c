"""The event log in words: one pull's in the panel, all pulls' on a screen of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from pulltui_config.units import format_size

from pulltui.engine.views import Event, EventKind
from pulltui.ui.diary import Entry
from pulltui.ui.draw.pulls import short
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, fit, wrap
from pulltui.ui.words import span_of

_DATED = 80
"""Cells from which on the year of a day that is over is told as well."""
_MOST = 6
"""Lines for one event: errors of servers can be long."""
_ONE_MOMENT = timedelta(seconds=2)
"""What happens to several parts within it is one entry."""
_SECONDS = re.compile(r"\d+\.\d s")
"""How long exactly something was quiet: that makes no difference."""
_TAKEN_OVER = ("quiet for ", "far slower than ")
"""How the engine's notes about connections begin that it has given up for others."""
_ROLE = {
    EventKind.STALLED: "bad",
    EventKind.RETRY: "wait",
    EventKind.WAITING: "wait",
    EventKind.VERIFIED: "hash",
    EventKind.DONE: "done",
    EventKind.FAILED: "bad",
}


def log_lines(
    entries: Sequence[Entry],
    width: int,
    glyphs: Glyphs,
    *,
    today: date,
    names: Mapping[str, str] | None = None,
    known: str = "",
) -> list[Line]:
    """Return what happened as lines of at most `width` cells, oldest first.

    `today` needs no date before its times; `names` are those of pulls, by their ids, to say whose each one
    is; `known` is the digest of a blob that need not be named. The same trouble of several parts
    in a row is one entry.
    """
    # Names get a column where there is room for one; narrower, they stand before the words.
    column = min(28, width // 4) if names is not None and width >= 80 else 0
    lines: list[Line] = []
    for happened in together(entries):
        group = [entry.event for entry in happened]
        text, role = event_words(group, known), _ROLE.get(group[0].kind, "text")
        name = (names or {}).get(group[0].pull, group[0].name)
        if names is not None and not column and name:
            text = f"{name}: {text}"
        front = [Span(f" {time_words(happened[0].time, today, width)}  ", "dim")]
        if column:
            front.append(Span(fit(name, column, glyphs.more, middle=True) + "  ", "strong"))
        indent = " " * sum(len(span.text) for span in front)
        for number, part in enumerate(wrap(text, max(8, width - len(indent)), _MOST, glyphs.more)):
            head = front if number == 0 else [Span(indent)]
            lines.append(Line((*head, Span(part, role))))
    return lines


def together(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Return the entries in groups: the same trouble of several parts at about the same time is one.

    An entry that is older stays as it is, so that nothing that was read is written anew.
    """
    groups: list[list[Entry]] = []
    for entry in entries:
        first = groups[-1][0] if groups else None
        if first and _alike(first) == _alike(entry) and entry.time - first.time <= _ONE_MOMENT:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


def _alike(entry: Entry) -> tuple[date, EventKind, str, str, str]:
    event = entry.event
    return entry.time.date(), event.kind, event.pull, event.digest, _SECONDS.sub("", event.why)


def time_words(time: datetime, today: date, width: int) -> str:
    """Return "14:03:07", after the date if that is another day than `today`."""
    if time.date() == today:
        return f"{time:%H:%M:%S}"
    return f"{time:%Y-%m-%d %H:%M:%S}" if width >= _DATED else f"{time:%m-%d %H:%M:%S}"


def event_words(group: Sequence[Event], known: str = "") -> str:
    """Return what happened: one event, or several that differ in their part and wait only."""
    event = group[0]
    named = event.digest and event.digest != known
    blob = f"blob {short(event.digest)}" if named else ""
    what = blob
    parts = {each.part for each in group}
    if event.part is not None:
        what = f"part {event.part}" if len(parts) == 1 else f"{len(parts)} parts"
        what += f" of {blob}" if blob else ""
        if len(parts) == 1 < len(group):
            what += f", {len(group)} times"
    lead = f"{what}: " if what else ""
    match event.kind:
        case EventKind.RESOLVED:
            before = max(event.cached, event.here)
            here = f", {format_size(before)} here already" if before else ""
            return f"{event.blobs} blobs, {format_size(event.size)}{here}"
        case EventKind.STALLED | EventKind.RETRY:
            return lead + _next_try(group)
        case EventKind.WAITING:
            return f"{lead}waiting{_for(event.wait)}: {event.why}"
        case EventKind.NOTE if event.part is not None and event.why.startswith(_TAKEN_OVER):
            return f"{lead}{event.why}: another connection goes on there"
        case EventKind.CONNECTIONS:
            return f"connections: {event.why}"
        case EventKind.NOTE:
            return lead + event.why
        case EventKind.VERIFIED:
            return f"blob {short(event.digest)}: verified"
        case EventKind.DONE:
            again = f", {format_size(event.fetched_again)} fetched again" if event.fetched_again else ""
            took = f" in {span_of(event.seconds)}" if event.seconds >= 1 else ""
            return f"done: {format_size(event.size)}{took}{again}"
        case EventKind.FAILED:
            return f"failed: {event.why.rstrip(' .')}. {event.hint}".rstrip(" .") + "."
        case _:
            return event.kind.value


def _next_try(group: Sequence[Event]) -> str:
    event = group[0]
    why = event.why or event.kind.value
    waits = [each.wait for each in group if each.wait is not None]
    if not waits:
        return f"{why}, set aside after {event.attempt} tries"
    number = f" {event.attempt} of {event.attempts}" if event.attempts and len(group) == 1 else ""
    return f"{why}, retry{number}{_in(min(waits))}"


def _for(wait: float | None) -> str:
    return "" if wait is None else f" {span_of(wait)}"


def _in(wait: float | None) -> str:
    return "" if wait is None else f" in {span_of(wait)}"
