"""What a setting means, for the pane beside the editor of the settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pulltui_config import Loaded, Problem
from pulltui_config.kinds import (
    allowed,
    default_of,
    description_of,
    every_setting,
    is_live,
    keys_of,
    struct_of,
    value_of,
)
from pulltui_config.problems import masked
from pulltui_config.settings import Period, Settings
from pulltui_config.values import write
from rich.cells import cell_len

from pulltui.engine.clean import safe
from pulltui.engine.views import PullState
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.keymap import ACTIONS
from pulltui.ui.lines import Line, Span, fit, wrap
from pulltui.ui.themes import names

LONGEST = 12
"""Lines for one text."""
_LABEL = 10
"""Cells for a fact's label."""
_INTRO = (
    "A line that begins with # and a key shows the default: remove the # to change it.",
    "What is saved counts at once, without a restart, unless it says otherwise here.",
)


def about_lines(
    place: tuple[str, ...], now: Loaded, start: Loaded, width: int, glyphs: Glyphs, *, brief: bool = False
) -> list[Line]:
    """Return what there is to say about a place of the file, in lines of `width` cells.

    `now` is what the file, the environment and the flags say at this moment; `start` is what they said when
    the program began, which stays in force for what is not live. `brief`: there is room for few lines.
    """
    texts = _Texts(width, glyphs, brief)
    setting = place if place in every_setting() else place[:1]
    if place[:1] == ("schedule",) and len(place) > 1:
        _about_period(place[1], texts)
    elif setting in every_setting() and (len(place) == len(setting) or len(setting) > 1):
        _about_setting(setting, now, start, texts)
    elif place and place[0] in (tables := dict(keys_of(Settings))):
        texts.heading(f"[{place[0]}]" if len(place) == 1 else ".".join(place))
        texts.paragraph(
            description_of(tables[place[0]].type) if len(place) == 1 else "There is no such setting."
        )
        struct = struct_of(tables[place[0]].type)
        if struct is not None:
            texts.fact("keys", ", ".join(key for key, _ in keys_of(struct)))
    elif place:
        texts.heading(".".join(place))
        texts.paragraph("There is no such table.")
        texts.fact("tables", ", ".join(name for name, _ in keys_of(Settings)))
    else:
        texts.heading("Settings")
        for sentence in _INTRO:
            texts.paragraph(sentence)
        texts.fact("tables", ", ".join(name for name, _ in keys_of(Settings)))
    return texts.lines


def problem_lines(problems: Sequence[Problem], width: int, glyphs: Glyphs) -> list[Line]:
    """Return problems in full, wrapped into `width` cells."""
    lines: list[Line] = []
    for problem in problems:
        role = "bad" if problem.severity == "error" else "wait"
        place = f"line {problem.line}: " if problem.line else ""
        for number, piece in enumerate(wrap(f"{place}{full_text(problem)}", width - 2, LONGEST, glyphs.more)):
            lead = mark(problem, glyphs) if number == 0 else " "
            lines.append(Line((Span(f"{lead} ", role), Span(piece, role))))
    return lines


def mark(problem: Problem, glyphs: Glyphs) -> str:
    """The glyph for a problem."""
    return glyphs.pull[PullState.FAILED] if problem.severity == "error" else "!"


def full_text(problem: Problem) -> str:
    """A problem without its place, clean."""
    key = f"{problem.key}: " if problem.key else ""
    more = f"; allowed: {problem.allowed}" if problem.allowed else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    return safe(f"{key}{problem.message}{more}{hint}")


def short_text(problem: Problem) -> str:
    """What to write behind the line: what is wrong, and what to write instead."""
    more = problem.hint or (f"allowed: {problem.allowed}" if problem.allowed else "")
    message = problem.message.removeprefix("this is not TOML: ")  # behind the line is little room
    return safe(f"{message}; {more}" if more else message)


class _Texts:
    """Collects headings, paragraphs and facts as lines."""

    def __init__(self, width: int, glyphs: Glyphs, brief: bool) -> None:
        self.lines: list[Line] = []
        self.brief = brief
        self._width, self._glyphs = width, glyphs

    def heading(self, text: str, beside: str = "") -> None:
        name = safe(text, self._width)
        room = self._width - cell_len(name) - 2
        more = fit(beside, min(cell_len(beside), room), self._glyphs.more) if room > 0 else ""
        self.lines.append(Line((Span(name, "strong"), *([Span(f"  {more}")] if more else []))))

    def paragraph(self, text: str) -> None:
        for piece in wrap(text, self._width, LONGEST, self._glyphs.more):
            self.lines.append(Line((Span(piece),)))

    def fact(self, label: str, text: str, role: str = "text") -> None:
        indent = _LABEL if self._width >= 2 * _LABEL else 0
        for number, piece in enumerate(wrap(text, self._width - indent, LONGEST, self._glyphs.more)):
            lead = label.ljust(indent)[:indent] if number == 0 else " " * indent
            self.lines.append(Line((Span(lead, "dim"), Span(piece, role))))


def _about_setting(place: tuple[str, ...], now: Loaded, start: Loaded, texts: _Texts) -> None:
    info = every_setting()[place]
    live = is_live(info.type)
    there, held = value_of(now.settings, place), value_of(start.settings, place)
    in_force = f"{shown_value(place, there if live else held)} ({_origin(now if live else start, place)})"
    texts.heading(".".join(place), in_force if texts.brief else "")
    texts.paragraph(description_of(info.type).removesuffix(" A change counts from the next start."))
    if not texts.brief:
        texts.fact("in force", in_force)
    if not live and there != held:
        texts.fact("next", f"{shown_value(place, there)} from the next start")
    texts.fact("allowed", _allowed(place))
    texts.fact("default", write(info.type, default_of(info)))
    texts.fact("a change", "counts at once" if live else "counts from the next start")


def _about_period(key: str, texts: _Texts) -> None:
    texts.heading(f"schedule: {key}")
    keys = dict(keys_of(Period))
    if key in keys:
        texts.paragraph(description_of(keys[key].type))
        texts.fact("allowed", allowed(keys[key].type))
    else:
        texts.paragraph("There is no such key.")
    texts.fact("keys", ", ".join(keys))


def _allowed(place: tuple[str, ...]) -> str:
    """What is allowed; the app knows more than the settings about some of them."""
    if place == ("ui", "theme"):
        return ", ".join(names())
    if place == ("ui", "keys"):
        return "actions are " + ", ".join(ACTIONS)
    return allowed(every_setting()[place].type)


def shown_value(place: tuple[str, ...], value: object) -> str:
    """A value as people write it, without passwords of URLs."""
    return safe(masked(write(every_setting()[place].type, value)))


def _origin(loaded: Loaded, place: tuple[str, ...]) -> str:
    """Where a value comes from, in few words."""
    origin = loaded.origins[".".join(place)]
    if origin.layer == "file":
        return f"from {Path(origin.name).name}"
    return f"{origin.layer} {origin.name}".rstrip()
