"""The header line: everything in one line; and the whole app in one line for tiny terminals."""

from __future__ import annotations

from collections.abc import Sequence

from pulltui_config.units import format_duration, format_rate, format_size

from pulltui.engine.views import EngineView, PullState, PullView
from pulltui.ui.caps import in_force
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, fit, join_fitting, percent
from pulltui.ui.rows import SMALL
from pulltui.ui.tab import TAB_OF, Tab, counts
from pulltui.ui.words import BY_DISK, counted

_COUNTS = 100
"""Cells from which on all counts fit; some of them would mislead, and the tabs have them all."""
_SPEED, _LEFT = 11, 10
"""Cells for the speed and the time left, so that what stands behind them does not move with them."""
_ROLES = ((Tab.ACTIVE, "active"), (Tab.QUEUED, "dim"), (Tab.DONE, "done"), (Tab.FAILED, "bad"))


def count_spans(pulls: Sequence[PullView]) -> list[Span]:
    """Return "2 active", "1 queued" and so on, without those that are none; "3 paused" if no other waits."""
    numbers = counts(pulls)
    words = {tab: str(tab) for tab, _ in _ROLES}
    if numbers[Tab.QUEUED] == sum(pull.state is PullState.PAUSED for pull in pulls):
        words[Tab.QUEUED] = "paused"
    return [Span(f"{numbers[tab]} {words[tab]}", role) for tab, role in _ROLES if numbers[tab]]


def spark(rates: Sequence[float], width: int, levels: str) -> str:
    """Return the last `width` rates as a graph, the highest filling its cell; "" for only one."""
    shown = list(rates)[-width:] if width > 0 and levels else []
    top = max(shown, default=0.0)
    if top <= 0 or len(shown) < 2:
        return ""
    return "".join(levels[min(len(levels) - 1, int(rate / top * len(levels)))] for rate in shown)


def header_line(view: EngineView, rates: Sequence[float], width: int, glyphs: Glyphs) -> Line:
    """Return the header for `width` cells; `rates` are the total speeds of the last seconds.

    What is left out first when it gets narrow: the graph, the counts (the tabs have them), the free space.
    What comes and goes keeps its place while something is going on, so that nothing jumps.
    """
    moving = any(TAB_OF[pull.state] is Tab.ACTIVE for pull in view.pulls)
    speed = f"{glyphs.down} {format_rate(view.rate)}"
    facts = [
        (0, Span("pulltui", "strong")),
        (0, Span(fit(speed, _SPEED, glyphs.more) if moving else speed, "active")),
    ]
    if moving and glyphs.spark:
        cells = 8 if width < 120 else 16
        facts.append((7, Span(spark(rates, cells, glyphs.spark).rjust(cells), "active")))
    if words := cap_words(view, width):
        facts.append((1, Span(words, "wait" if view.capped or view.limit == 0 else "text")))
    if view.disk:
        facts.append((1, Span(BY_DISK, "held")))
    if moving and not view.unresolved:
        left = "" if view.eta is None or view.eta < 1 else f"{format_duration(view.eta)} left"
        facts.append((1, Span(left.ljust(_LEFT))))
    if view.size:
        more = " + ?" if view.unresolved else ""
        facts.append((3, Span(f"{format_size(view.done)} of {format_size(view.size)}{more}")))
        listed = sum(pull.size for pull in view.pulls if pull.state is not PullState.FAILED)
        if listed >= view.size + SMALL:
            facts.append((8, Span("shared blobs count once", "dim")))
    if view.unresolved:
        facts.append((6, Span(f"{counted(view.unresolved, 'size')} not known yet", "dim")))
    if view.free is not None:
        short = view.size - view.done > view.free
        facts.append((2 if short else 4, _space(view, view.free, width)))
    facts += [
        (3 if span.role == "bad" else 8, span)
        for span in count_spans(view.pulls)
        if span.role == "bad" or width >= _COUNTS
    ]
    if view.suspended:
        facts.append((1, Span("was suspended, reconnecting", "wait")))
    return Line((Span(" "), *join_fitting(facts, width - 2, "  ")))


def cap_words(view: EngineView, width: int) -> str:
    """Return the cap of everything and whose it is, "cap 20 MB/s (schedule)"; "" without one.

    Narrow, that it is the settings' goes without saying.
    """
    if view.limit is None:
        return ""
    why = view.limit_why.partition(":")[0].removeprefix("set ")
    limit = in_force(view)
    if limit is None:
        return f"no cap ({why})"
    if limit == 0:
        return f"all paused ({why})"
    return f"cap {format_rate(limit)}" + (f" ({why})" if width >= 100 or why != "settings" else "")


def _space(view: EngineView, free: int, width: int) -> Span:
    """Return what is free, and what the queue needs; narrow, only if it does not fit: the details have it."""
    needs = view.size - view.done
    if not needs or (width < _COUNTS and needs <= free):
        return Span(f"free {format_size(free)}", "dim")
    text = f"free {format_size(free)}, needs {format_size(needs)}"
    return Span(text, "bad" if needs > free else "dim")


def summary_line(view: EngineView, width: int, glyphs: Glyphs, add: str) -> Line:
    """Return the one line that tiny terminals get; `add` is the key that adds, "" if there is none."""
    if view.starting:
        return Line((Span("looking what is queued", "dim"),))
    if not view.pulls:
        said = [
            (0, Span("nothing queued", "dim")),
            *([(1, Span(f"{add} add", "text", "add"))] if add else []),
        ]
        return Line(tuple(join_fitting(said, width, "  ")))
    facts = [(0, Span(f"{glyphs.down} {format_rate(view.rate)}", "active"))]
    if words := cap_words(view, width):
        facts.append((1, Span(words, "wait" if view.capped or view.limit == 0 else "text")))
    if view.disk:
        facts.append((1, Span(BY_DISK, "held")))
    if view.size and not view.unresolved:
        facts.append((1, Span(percent(view.done, view.size), "strong")))
    if view.eta is not None and view.eta >= 1 and not view.unresolved:
        facts.append((2, Span(f"{format_duration(view.eta)} left")))
    facts += [(3, span) for span in count_spans(view.pulls)]
    return Line(tuple(join_fitting(facts, width, "  ")))
