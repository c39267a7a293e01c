"""The dialog that lists keys and says what the glyphs mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from pulltui.engine.views import PartState
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.keymap import MOVES, Keymap
from pulltui.ui.lines import Line, Span, wrap
from pulltui.ui.screens.dialog import Dialog
from pulltui.ui.widgets.line_view import LineView
from pulltui.ui.words import BLOB_ROLE, PART_ROLE, PULL_ROLE

_CLOSING = ("help", "quit")
_ALL = 9999
"""More lines than the help has."""

Group = tuple[str, Sequence[tuple[str, str]]]
"""A heading, and beneath it keys as people read them with what they do."""


class HelpDialog(Dialog[None]):
    """Shows the keys in groups, and what the glyphs mean."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "close", "Close", id="help.close", show=False, tooltip="Close this"),
        Binding("space", "page(1)", "Page down", id="help.page_down", show=False, tooltip="A screen down"),
        Binding("b", "page(-1)", "Page up", id="help.page_up", show=False, tooltip="A screen up"),
    ]

    def __init__(self, glyphs: Glyphs, groups: Sequence[Group], keymap: Keymap) -> None:
        super().__init__(glyphs, "Help", "esc closes, up and down scroll")
        self._groups = groups
        self._bindings = keymap.bound([*Dialog.BINDINGS, *self.BINDINGS], (*_CLOSING, *MOVES))
        self._text = LineView(id="help")

    def contents(self) -> list[Widget]:
        """Return the text."""
        return [self._text]

    def fill(self) -> None:
        """Write the text."""
        self.put(self._text, help_lines(self._groups, self.room, self._glyphs))

    def action_do(self, action: str) -> None:
        """Do what a key asks for: move, or close by the key that opened it or quits."""
        moves: dict[str, Callable[[], None]] = {
            "down": lambda: self.action_scroll(1),
            "up": lambda: self.action_scroll(-1),
            "page_down": lambda: self.action_page(1),
            "page_up": lambda: self.action_page(-1),
            "first": lambda: self.action_scroll(-_ALL),
            "last": lambda: self.action_scroll(_ALL),
        }
        moves.get(action, self.action_close)()

    def action_scroll(self, by: int) -> None:
        """Scroll by lines."""
        self.query_one("#frame", VerticalScroll).scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        """Scroll by screens."""
        self.action_scroll(by * max(1, self.query_one("#frame").size.height - 1))


def help_lines(groups: Sequence[Group], width: int, glyphs: Glyphs) -> list[Line]:
    """Return the help for `width` cells."""
    room = max((len(key) for _, entries in groups for key, _ in entries), default=0)
    room = min(room, width // 3)
    lines: list[Line] = []
    for heading, entries in groups:
        lines += [Line()] * bool(lines) + [Line((Span(heading, "strong"),))]
        lines += [line for key, what in entries for line in _entry(key.ljust(room + 2), what, width, glyphs)]
    pulls = [(glyphs.pull[state], PULL_ROLE.get(state, "dim"), state.value) for state in glyphs.pull]
    blobs = [
        (glyph, BLOB_ROLE.get(state, "dim"), state.value)
        for state, glyph in glyphs.blob.items()
        if state.value not in {pull.value for pull in glyphs.pull}
    ]
    parts = [(glyphs.part[state], PART_ROLE[state], _PARTS[state]) for state in PartState]
    for heading, glyphs_of in (("Pulls and blobs", pulls + blobs), ("Parts, and cells of the map", parts)):
        lines += [Line(), Line((Span(heading, "strong"),)), *_columns(glyphs_of, width)]
    lines += [
        Line(),
        *(Line((Span(text, "dim"),)) for text in wrap(_WORST, width, 4, glyphs.more)),
    ]
    return lines


_WORST = "A cell of the map shows the worst state of what lies in its bytes."


def _entry(key: str, what: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Return a key and what it does, on as many lines as that takes."""
    texts = wrap(what, max(10, width - len(key)), 8, glyphs.more)
    return [
        Line((Span(key if number == 0 else " " * len(key), "key"), Span(text)))
        for number, text in enumerate(texts)
    ]


_PARTS = {
    PartState.TODO: "todo",
    PartState.PARTIAL: "partly here",
    PartState.DONE: "done",
    PartState.HELD: "next in its run",
    PartState.RECEIVING: "receiving",
    PartState.WAITING: "waits for a retry",
    PartState.QUIET: "quiet for 1.5 s",
    PartState.STALLED: "stalled",
    PartState.FAILED: "failed",
}


def _columns(entries: Iterable[tuple[str, str, str]], width: int) -> list[Line]:
    """Return glyphs and their words in as many columns as fit."""
    found = list(entries)
    column = max(len(word) for _, _, word in found) + 4
    across = max(1, width // column)
    lines = []
    for start in range(0, len(found), across):
        spans: list[Span] = []
        for glyph, role, word in found[start : start + across]:
            spans += [Span(glyph, role), Span(f" {word}".ljust(column - 1))]
        lines.append(Line(tuple(spans)))
    return lines
