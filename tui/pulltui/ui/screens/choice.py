"""A question with a few answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Button

from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, wrap
from pulltui.ui.screens.dialog import Dialog
from pulltui.ui.widgets.line_view import LineView

_MOST = 8
"""Lines for the question."""


class Choice(NamedTuple):
    """One answer: its id, the letter that gives it, and what it says."""

    id: str
    key: str
    text: str


class ChoiceDialog(Dialog[str]):
    """Answers with the id of a choice, None if it was closed. The first has the focus: the harmless one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left",
            "app.focus_previous",
            "Previous",
            id="choice.previous",
            show=False,
            tooltip="The one before",
        ),
        Binding("right", "app.focus_next", "Next", id="choice.next", show=False, tooltip="The next one"),
        Binding("ctrl+c", "close", "Close", id="choice.close", show=False, tooltip="Close without an answer"),
    ]
    DEFAULT_CSS = """
    ChoiceDialog {
        LineView { margin: 0 0 1 0; }
        #buttons { height: 1; }
        Button { margin: 0 2 0 0; min-width: 0; }
        Button:focus { text-style: reverse bold; }
    }
    """

    def __init__(self, glyphs: Glyphs, title: str, question: str, choices: Sequence[Choice]) -> None:
        super().__init__(glyphs, title, "esc closes")
        self._question, self._choices = question, choices
        self._text = LineView()

    def contents(self) -> list[Widget]:
        """Return the question and a button for each answer."""
        buttons = [
            Button(f"{choice.key} {choice.text}", id=choice.id, compact=True) for choice in self._choices
        ]
        return [self._text, Horizontal(*buttons, id="buttons")]

    def fill(self) -> None:
        """Write the question."""
        texts = wrap(self._question, self.room, _MOST, self._glyphs.more)
        self.put(self._text, [Line((Span(text),)) for text in texts])

    def on_mount(self) -> None:
        """Let enter do no harm."""
        self.query(Button).first().focus()

    def on_key(self, event: Key) -> None:
        """Take the letters."""
        for choice in self._choices:
            if event.character == choice.key:
                event.stop()
                self.dismiss(choice.id)

    @on(Button.Pressed)
    def _on_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id or "")
