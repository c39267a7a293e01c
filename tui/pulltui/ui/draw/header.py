"""The header line: everything in one line; and the whole app in one line for tiny terminals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pulltui_config.units import format_duration, format_rate, format_size

from pulltui.engine.views import EngineView, PullState, PullView
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, join_fitting, percent
from pulltui.ui.words import counted

_GROUPS = (
    ("queued", (PullState.QUEUED, PullState.PAUSED), "dim"),
    ("done", (PullState.DONE,), "done"),
    ("failed", (PullState.FAILED,), "bad"),
)


def counts(pulls: Sequence[PullView]) -> list[Span]:
    """Return "2 active", "1 queued" and so on, without those that are none."""
    found_states = Counter(pull.state for pull in pulls)
    numbers = {word: sum(found_states[state] for state in states) for word, states, _ in _GROUPS}
    active = len(pulls) - sum(numbers.values())
    found = [Span(f"{active} active", "active")] if active else []
    return found + [Span(f"{numbers[word]} {word}", role) for word, _, role in _GROUPS if numbers[word]]


def spark(rates: Sequence[float], width: int, levels: str) -> str:
    """Return the last `width` rates as a graph, the highest filling its cell; "" for only one."""
    shown = list(rates)[-width:] if width > 0 and levels else []
    top = max(shown, default=0.0)
    if top <= 0 or len(shown) < 2:
        return ""
    return "".join(levels[min(len(levels) - 1, int(rate / top * len(levels)))] for rate in shown)


def header_line(view: EngineView, rates: Sequence[float], width: int, glyphs: Glyphs) -> Line:
    """Return the header for `width` cells; `rates` are the total speeds of the last seconds."""
    facts = [(0, Span("pulltui", "strong")), (0, Span(f"{glyphs.down} {format_rate(view.rate)}", "active"))]
    if width >= 100 and (graph := spark(rates, 16, glyphs.spark)):
        facts.append((9, Span(graph, "active")))
    facts += [(1 if span.role == "bad" else 2, span) for span in counts(view.pulls)]
    if view.eta is not None and not view.unresolved:
        facts.append((1, Span(f"{format_duration(view.eta)} left")))
    if amount := amount_words(view):
        facts.append((3, Span(amount)))
    if view.free is not None:
        facts.append((4, Span(f"free {format_size(view.free)}", "dim")))
    if view.suspended:
        facts.append((1, Span("was suspended, reconnecting", "wait")))
    return Line((Span(" "), *join_fitting(facts, width - 2, "  ")))


def amount_words(view: EngineView) -> str:
    """Return "12 MB of 184 MB", and how many models have a size that is not known yet; "" for nothing."""
    whole = f"{format_size(view.done)} of {format_size(view.size)}" if view.size else ""
    unknown = f"{counted(view.unresolved, 'model')} of unknown size" if view.unresolved else ""
    return " + ".join(filter(None, (whole, unknown)))


def summary_line(view: EngineView, width: int, glyphs: Glyphs) -> Line:
    """Return the one line that tiny terminals get."""
    if not view.pulls:
        return Line(
            tuple(join_fitting([(0, Span("nothing queued", "dim")), (1, Span("a add"))], width, "  "))
        )
    facts = [(0, Span(f"{glyphs.down} {format_rate(view.rate)}", "active"))]
    if view.size and not view.unresolved:
        facts.append((1, Span(percent(view.done, view.size), "strong")))
    if view.eta is not None and not view.unresolved:
        facts.append((2, Span(f"{format_duration(view.eta)} left")))
    facts += [(3, span) for span in counts(view.pulls)]
    return Line(tuple(join_fitting(facts, width, "  ")))
