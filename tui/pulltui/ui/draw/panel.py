"""The panel beneath the list: parts, details and log of what the cursor is on, one by one or side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from rich.cells import cell_len

from pulltui.engine.views import BlobState, BlobView, EngineView, PullState, PullView
from pulltui.ui.diary import Entry
from pulltui.ui.draw.detail import Look, nothing_lines, status, status_lines
from pulltui.ui.draw.facts import fact_lines, facts
from pulltui.ui.draw.log import log_lines
from pulltui.ui.draw.parts import active_lines, legend_line, map_cells, map_lines, title_facts
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, rule

SIDE_BY_SIDE = 116
"""Cells from which on everything is seen at once; below, one pane at a time."""
NARROW = 70
"""Below, the names of all panes would leave too little of the title."""
_GAP = 2
_LEAST_LOG = 3
_AT_ONCE = 200
"""Entries to look at, at least: as many connections break off at once."""
_LEFT = (6, 10)
"""The left side's share of the width: a line of a part needs more than a digest."""


class Pane(StrEnum):
    """What of it is to be seen."""

    ALL = "all"
    PARTS = "parts"
    DETAILS = "details"
    LOG = "log"


_NARROW = (Pane.PARTS, Pane.DETAILS, Pane.LOG)
_FINISHED = (PullState.DONE, PullState.QUEUED, PullState.RESOLVING, PullState.COMMITTING)


class Subject(NamedTuple):
    """What the panel is about."""

    view: EngineView
    pull: PullView | None = None
    blob: BlobView | None = None
    entries: Sequence[Entry] = ()
    """What happened to this pull, oldest first."""
    today: date = date.min


def panes(width: int) -> tuple[Pane, ...]:
    """Return the panes there are at this width."""
    return tuple(Pane) if width >= SIDE_BY_SIDE else _NARROW


def panel_lines(subject: Subject, pane: Pane, width: int, height: int, look: Look) -> list[Line]:
    """Return at most `height` lines of at most `width` cells."""
    view, pull, glyphs = subject.view, subject.pull, look.glyphs
    if height <= 0 or width <= 0:
        return []
    if pull is None:
        return nothing_lines(view, width, height, look)
    if pane is Pane.ALL and width >= SIDE_BY_SIDE:
        left = (width - _GAP) * _LEFT[0] // _LEFT[1]
        right = width - _GAP - left
        return _beside(
            _parts(subject, left, height, look),
            _details_and_log(subject, right, height, look),
            left,
        )
    shown = Pane.PARTS if pane is Pane.ALL else pane
    labels = tuple(span for _, span in tab_labels(shown, width))
    if shown is Pane.PARTS:
        return _parts(subject, width, height, look, labels)
    room = width - 9 - sum(cell_len(span.text) for span in labels)
    title = rule(title_facts(pull.name, subject.blob, 0, room, glyphs)[:1], labels, width, glyphs)
    if shown is Pane.DETAILS:
        found = facts(view, pull, subject.blob)
        return [title, *fact_lines(found, width, height - 1, look)]
    return [title, *_log(subject, width, height - 1, glyphs)]


def tab_labels(shown: Pane, width: int) -> tuple[tuple[Pane, Span], ...]:
    """Return what is clicked for each pane: their names, that of the one that is seen set off.

    Narrow, there is only which of how many is seen; that leads to the next one.
    """
    there = panes(width)
    place = there.index(shown)
    if width < NARROW:
        return ((there[(place + 1) % len(there)], Span(f"{shown} {place + 1}/{len(there)}", "key")),)
    return tuple(
        (pane, Span(f"[{pane}]", "key") if pane is shown else Span(f" {pane} ", "dim")) for pane in there
    )


def label_at(shown: Pane, width: int, x: int, glyphs: Glyphs) -> Pane | None:
    """Return the pane that a click on cell `x` of the title leads to."""
    labels = tab_labels(shown, width)
    at = width - 1 - len(glyphs.rule) - sum(len(span.text) for _, span in labels)
    for pane, span in labels:
        if at <= x < at + len(span.text):
            return pane
        at += len(span.text)
    return None


def _parts(subject: Subject, width: int, height: int, look: Look, labels: Sequence[Span] = ()) -> list[Line]:
    """Return title, sentences, map, legend and bars, as much of it as there is room for."""
    view, pull, blob, (glyphs, keys) = subject.view, subject.pull, subject.blob, look
    assert pull is not None
    said = status(view, pull, blob, keys)
    if height == 1 and said:
        return status_lines(said, width, 1, glyphs)
    # What has failed has to be read in full; there is nothing to be seen in its map that matters more.
    most = height - 1 if pull.state is PullState.FAILED else min(6, height - 1)
    sentences = status_lines(said, width, max(1, most), glyphs)
    room = height - 1 - len(sentences)
    map_rows = _map_rows(blob, width - 2, room) if blob is not None and pull.state not in _FINISHED else 0
    space = width - 6 - (sum(cell_len(span.text) for span in labels) + 3 if labels else 0)
    about = title_facts(pull.name, blob, (width - 2) * map_rows, space, glyphs)
    lines = [rule(about, labels, width, glyphs), *sentences]
    if blob is None:
        return lines
    if map_rows and blob.map is not None:
        states = map_cells(blob.map, (width - 2) * map_rows)
        lines += map_lines(states, width - 2, glyphs)
        if room - map_rows >= 5:
            lines.append(legend_line(width, glyphs, set(states)))
    told = pull.waiting.why if pull.waiting is not None and said else ""
    return lines + active_lines(blob, width, height - len(lines), glyphs, keys=keys, told=told)


def _map_rows(blob: BlobView, width: int, room: int) -> int:
    """Return how many lines of `width` cells the map gets of `room`: a cell a part if it can be.

    Bars need lines, too. A blob that has all its bytes needs no map.
    """
    if blob.map is None or blob.state is BlobState.VERIFYING:
        return 0
    most = min(room, 1 if room < 6 else 2 if room < 11 else 3 if room < 18 else 5)
    return min(most, -(-len(blob.map.states) // width))


def _details_and_log(subject: Subject, width: int, height: int, look: Look) -> list[Line]:
    assert subject.pull is not None
    glyphs = look.glyphs
    found = facts(subject.view, subject.pull, subject.blob)
    detail = height - 1
    if subject.entries and height >= 8:
        detail = height - 2 - _LEAST_LOG
    lines = [rule((Span("details", "strong"),), (), width, glyphs)]
    lines += fact_lines(found, width, detail, look)
    rest = height - len(lines) - 1
    if rest > 0:
        lines.append(rule((Span("log", "strong"),), (), width, glyphs))
        lines += _log(subject, width, rest, glyphs)
    return lines


def _log(subject: Subject, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Return the newest lines of the pull's log."""
    if not subject.entries:
        return [Line((Span(" nothing happened yet", "dim"),))][: max(0, height)]
    # No event takes less than a line, but those of many connections may become one.
    recent = subject.entries[-max(_AT_ONCE, 2 * height) :]
    known = subject.blob.digest if subject.blob is not None else ""
    lines = log_lines(recent, width, glyphs, today=subject.today, known=known)
    return lines[-height:] if height > 0 else []


def _beside(left: Sequence[Line], right: Sequence[Line], width: int) -> list[Line]:
    """Return the lines of both, the right ones beginning `_GAP` cells after `width`."""
    lines = []
    for row in range(max(len(left), len(right))):
        one = left[row] if row < len(left) else Line()
        two = right[row] if row < len(right) else Line()
        pad = " " * (width - cell_len(one.text) + _GAP)
        lines.append(Line((*one.spans, Span(pad), *two.spans)))
    return lines
