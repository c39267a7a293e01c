"""The tabs, with counts, and what narrows or orders the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.cells import cell_len

from pulltui.ui.filter import Filter
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, fit
from pulltui.ui.ordering import Order, SortBy
from pulltui.ui.tab import Tab

_NAMES: Final[Sequence[Mapping[Tab, str]]] = (
    {Tab.ALL: "All", Tab.ACTIVE: "Active", Tab.QUEUED: "Queued", Tab.DONE: "Done", Tab.FAILED: "Failed"},
    {Tab.ALL: "All", Tab.ACTIVE: "Act", Tab.QUEUED: "Que", Tab.DONE: "Done", Tab.FAILED: "Fail"},
)
_LEAST: Final = 24
"""Cells that a filter gets before the tabs' names are cut."""


def tabs_line(
    tab: Tab,
    counts: Mapping[Tab, int],
    keys: Mapping[str, str],
    said: Sequence[Span],
    width: int,
) -> Line:
    """Return the line of tabs for `width` cells; the one in brackets is shown.

    `counts` is empty as long as nobody knows. `keys` has what each action's key is called, `said` what stands
    at the right end; if there is no room for all of it, the tabs become shorter first, then what is said.
    """
    needed = min(sum(cell_len(span.text) for span in said), _LEAST)
    forms = [_tabs(tab, counts, keys, names) for names in _NAMES] + [_tabs(tab, counts, {}, _NAMES[1])]
    left = next((form for form in forms if _length(form) + needed + 1 <= width), forms[-1])
    room = width - _length(left) - 1
    right: list[Span] = []
    for span in said:
        if room > 2:
            text = span.text if cell_len(span.text) <= room else fit(span.text, room, "..")
            right.append(Span(text, span.role, span.action))
            room -= cell_len(text)
    gap = width - _length(left) - _length(right)
    return Line((*left, Span(" " * max(0, gap)), *right))


def _tabs(
    shown: Tab, counts: Mapping[Tab, int], keys: Mapping[str, str], names: Mapping[Tab, str]
) -> list[Span]:
    spans = []
    for tab in Tab:
        action = f"tab_{tab}"
        key = f"{keys[action]}:" if keys.get(action) else ""
        text = f"{names[tab]} {counts.get(tab, '')}".rstrip()
        role = "strong" if tab is shown else "text" if counts.get(tab) else "dim"
        before, after = "[]" if tab is shown else "  "
        spans += [Span(before, role, action), Span(key, "key", action), Span(text + after, role, action)]
    return spans


def _length(spans: Sequence[Span]) -> int:
    return sum(cell_len(span.text) for span in spans)


def said(marked: int, chosen: Filter, order: Order, glyphs: Glyphs) -> list[Span]:
    """Return what stands beside the tabs: marks, filter, order; only what is not as it always is."""
    found = []
    if marked:
        found.append(Span(f"{glyphs.mark} {marked} marked ", "key"))
    if chosen.text:
        found.append(Span(f"/ {chosen.text} ", "wait", "filter"))
    if order != Order():
        arrow = glyphs.down if order.falls else glyphs.up
        by = "queue, last first" if order.by is SortBy.QUEUE else f"by {order.by} {arrow}"
        found.append(Span(f"{by} ", "dim", "sort"))
    return found
