"""Lines of text with roles instead of colours, and the fitting of text into cells.

A role is a word that a widget gives a colour to (`LineView`); what it says is in the text already, so
nothing is lost without colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from pulltui.ui.glyphs import Glyphs


class Span(NamedTuple):
    """A piece of text in one role; a click on it does `action`, the id of one, if there is one."""

    text: str
    role: str = "text"
    action: str = ""


class Line(NamedTuple):
    """One line: its spans, and a role for the whole of it ("" for none)."""

    spans: tuple[Span, ...] = ()
    role: str = ""

    @property
    def text(self) -> str:
        """The bare text."""
        return "".join(span.text for span in self.spans)

    def action_at(self, x: int) -> str:
        """Return what a click on cell `x` does; "" for nothing."""
        for span in self.spans:
            x -= cell_len(span.text)
            if x < 0:
                return span.action
        return ""


def fit(text: str, width: int, more: str, *, right: bool = False, middle: bool = False) -> str:
    """Return `text` in exactly `width` cells: padded, or cut with `more` at its end or in its middle."""
    width = max(0, width)
    length = cell_len(text)
    if length <= width:
        pad = " " * (width - length)
        return pad + text if right else text + pad
    room = width - len(more)
    if room <= 0:
        return set_cell_size(text, width)
    if not middle:
        return set_cell_size(text, room) + more
    tail = room * 3 // 5
    return set_cell_size(text, room - tail) + more + _tail(text, tail)


def fit_name(name: str, width: int, more: str) -> str:
    """Return a pull's name in exactly `width` cells: what is behind its last slash stays, if there is room.

    "registry.example/team/model:tag" becomes "regist…/model:tag".
    """
    last = name[name.rfind("/") :]
    room = width - len(more) - cell_len(last)
    if cell_len(name) <= width or room < 0:
        return fit(name, width, more, middle=True)
    return set_cell_size(name, room) + more + last


def _tail(text: str, width: int) -> str:
    """Return the last `width` cells of `text`, with a space in front if a wide character would be cut."""
    start = len(text)
    used = 0
    while start and used + cell_len(text[start - 1]) <= width:
        start -= 1
        used += cell_len(text[start])
    return " " * (width - used) + text[start:]


def bar(part: int, whole: int, width: int, steps: str) -> tuple[str, str]:
    """Return the filled and the empty text of a bar of `width` cells; `steps` as in Glyphs.bar.

    It is full only when `part` has reached `whole`.
    """
    levels = len(steps) - 1
    if whole <= 0 or width <= 0:
        return "", steps[0] * max(0, width)
    level = min(max(part, 0), whole) * width * levels // whole
    full, rest = divmod(level, levels)
    filled = steps[-1] * full + (steps[rest] if rest else "")
    return filled, steps[0] * (width - len(filled))


def percent(part: int, whole: int, *, fine: bool = False) -> str:
    """Return "67%" or "67.4%": rounded down, so that 100 % means all of it; "" if `whole` is not known."""
    if whole <= 0:
        return ""
    share = min(max(part, 0), whole) * 1000 // whole
    if share == 1000:
        return "100%"
    return f"{share // 10}.{share % 10}%" if fine else f"{share // 10}%"


def join_fitting(spans: Sequence[tuple[int, Span]], width: int, gap: str) -> list[Span]:
    """Return the spans, in order, with `gap` between them, that fit into `width` cells.

    Each comes with its importance (0 first); the least important ones are left out.
    """
    chosen: set[int] = set()
    used = -cell_len(gap)
    for index in sorted(range(len(spans)), key=lambda index: (spans[index][0], index)):
        needed = cell_len(spans[index][1].text) + cell_len(gap)
        if used + needed > width:
            continue
        used += needed
        chosen.add(index)
    joined: list[Span] = []
    for index in sorted(chosen):
        if joined:
            joined.append(Span(gap, "dim"))
        joined.append(spans[index][1])
    return joined


def wrap(text: str, width: int, most: int, more: str) -> list[str]:
    """Return `text` broken at spaces into at most `most` lines of at most `width` cells.

    A word that is longer is cut in its middle: names and addresses differ at their ends.
    """
    lines: list[str] = []
    current = ""
    for word in text.split():
        longer = f"{current} {word}" if current else word
        if cell_len(longer) <= width or not current:
            current = longer
        else:
            lines.append(current)
            current = word
    if current:
        lines.append(current)
    if len(lines) > most:
        lines[most - 1 :] = [" ".join(lines[most - 1 :])]
    return [fit(line, width, more, middle=" " not in line).rstrip() for line in lines]


def broken(text: str, width: int) -> list[str]:
    """Return all of `text` in lines of at most `width` cells, broken at spaces and slashes or else anywhere.

    Nothing is cut, so that a path can be read, and copied from the screen.
    """
    lines = [""]
    for word in re.findall(r"[^\s/]*/|[^\s/]+\s*|\s+", text):
        if lines[-1] and cell_len(lines[-1] + word.rstrip()) > width:
            lines.append("")
        for char in word:
            if cell_len(lines[-1] + char) > width and not char.isspace():
                lines.append("")
            lines[-1] += char
    return [line.rstrip() for line in lines]


def rule(left: Iterable[Span], right: Iterable[Span], width: int, glyphs: Glyphs) -> Line:
    """Return a horizontal rule of `width` cells with a title in it, and something at its right end."""
    head = list(left)
    if head:
        head = [Span(glyphs.rule + " ", "dim"), *head, Span(" ", "dim")]
    tail = list(right)
    tail = [Span(" ", "dim"), *tail, Span(" " + glyphs.rule, "dim")] if tail else []
    used = sum(cell_len(span.text) for span in (*head, *tail))
    return Line((*head, Span(glyphs.rule * max(0, width - used), "dim"), *tail))
