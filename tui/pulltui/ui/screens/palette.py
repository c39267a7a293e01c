"""The palette: every action and every pull, found by typing a piece of what it is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import events, on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, fit
from pulltui.ui.screens.dialog import Dialog
from pulltui.ui.widgets.line_view import LineView

MOST = 14
"""Lines of the list."""


class Entry(NamedTuple):
    """One thing to choose: an action or a pull, by its id, or a theme by its name."""

    title: str
    beside: str = ""
    """At the right end: the keys, the state."""
    action: str = ""
    pull: str = ""
    theme: str = ""
    about: str = ""
    """What it is found by as well, after those whose titles have what is looked for."""


def found(entries: Sequence[Entry], text: str) -> list[Entry]:
    """Return the entries that have all words of `text`, those that begin with one first."""
    words = text.lower().split()
    matching = [
        entry
        for entry in entries
        if all(word in f"{entry.title} {entry.action} {entry.about}".lower() for word in words)
    ]
    return sorted(matching, key=lambda entry: _rank(entry, words))


def _rank(entry: Entry, words: Sequence[str]) -> int:
    """Return 0 if something of its title begins with a word, 1 if its title has all of them, else 2."""
    title = entry.title.lower()
    if any(
        part.startswith(word) for word in words for part in (title, entry.action, title.partition(".")[2])
    ):
        return 0
    return 1 if all(word in f"{title} {entry.action}" for word in words) else 2


class PaletteDialog(Dialog[Entry]):
    """Answers with what was chosen, None if it was closed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "move(1)", "Down", id="palette_down", show=False, tooltip="The next line"),
        Binding("up,ctrl+p", "move(-1)", "Up", id="palette_up", show=False, tooltip="The line above"),
        Binding("pagedown", "move(10)", "Page down", id="palette_page_down", show=False, tooltip="Down"),
        Binding("pageup", "move(-10)", "Page up", id="palette_page_up", show=False, tooltip="Up"),
    ]
    DEFAULT_CSS = """
    PaletteDialog {
        Input, Input:focus { border: none; height: 1; padding: 0; background: $surface-lighten-1; }
        Input:nocolor > .input--cursor { text-style: reverse; }
        #found { margin: 1 0 0 0; }
    }
    """

    def __init__(
        self, glyphs: Glyphs, entries: Sequence[Entry], asks: str = "an action, a pull or a theme"
    ) -> None:
        """`asks` is what the empty input says."""
        super().__init__(glyphs, "Find", "enter takes it, esc closes")
        self._asks = asks
        self._entries = entries
        self._found = found(entries, "")
        self._cursor = self._top = 0
        self._list = _Choices(id="found")

    def contents(self) -> list[Widget]:
        """Return the input and what it finds."""
        return [Input(placeholder=self._asks, max_length=100), self._list]

    def on_mount(self) -> None:
        """Show everything."""
        self.query_one(Input).focus()
        self._draw()

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._draw()

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        self._found = found(self._entries, event.value)
        self._cursor = self._top = 0
        self._draw()

    @on(Input.Submitted)
    def _on_submitted(self) -> None:
        self._choose(self._cursor)

    def on_line_view_pressed(self, event: LineView.Pressed) -> None:
        """Choose the line that was clicked."""
        self._choose(self._top + int(event.action))

    def _choose(self, place: int) -> None:
        if place < len(self._found):
            self.dismiss(self._found[place])

    def action_move(self, by: int) -> None:
        """Move the cursor by lines."""
        self._cursor = max(0, min(self._cursor + by, len(self._found) - 1))
        self._draw()

    def _draw(self) -> None:
        height = max(1, min(MOST, self.app.size.height - 4))
        self._list.styles.height = height
        self._top = max(self._cursor - height + 1, min(self._top, self._cursor))
        shown = self._found[self._top : self._top + height]
        if not shown:
            self._list.show([Line((Span("nothing is called that", "dim"),))])
            return
        self._list.show(
            [
                _line(entry, n, self.room, self._glyphs, self._top + n == self._cursor)
                for n, entry in enumerate(shown)
            ]
        )


class _Choices(LineView):
    """Lines of which each can be clicked anywhere."""

    def on_click(self, event: events.Click) -> None:
        """Tell which line it was."""
        event.prevent_default()
        if event.y < len(self.lines) and self.lines[event.y].spans[-1].action:
            self.post_message(self.Pressed(str(event.y)))


def _line(entry: Entry, number: int, width: int, glyphs: Glyphs, cursor: bool) -> Line:
    beside = fit(entry.beside, min(len(entry.beside), width // 3), glyphs.more)
    room = width - 2 - len(beside) - 1
    return Line(
        (
            Span(f"{glyphs.cursor} " if cursor else "  ", "key"),
            Span(fit(entry.title, room, glyphs.more) + " ", "strong" if cursor else "text"),
            Span(beside, "key" if entry.action else "dim", str(number)),
        ),
        "cursor" if cursor else "",
    )
