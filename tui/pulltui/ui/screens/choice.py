"""Dialogs that are answered by a letter or a button."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Button

from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, wrap
from pulltui.ui.screens.dialog import Answer, Dialog
from pulltui.ui.widgets.line_view import LineView

_MOST = 8
"""Lines for a question."""


class Choice(NamedTuple):
    """One answer: its id, the letter that gives it, and what it says."""

    id: str
    key: str
    text: str
    risky: bool = False
    """It does what cannot be had back for nothing."""


class ButtonDialog(Dialog[Answer]):
    """Says something, and has a button with a letter for each answer; esc closes without any.

    The first one has the focus: the harmless one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left,h",
            "app.focus_previous",
            "Previous",
            id="choice.previous",
            show=False,
            tooltip="The button before",
        ),
        Binding("right,l", "app.focus_next", "Next", id="choice.next", show=False, tooltip="The next button"),
        Binding("up,k", "scroll(-1)", "Up", id="choice.up", show=False, tooltip="A line up"),
        Binding("down,j", "scroll(1)", "Down", id="choice.down", show=False, tooltip="A line down"),
    ]
    DEFAULT_CSS = """
    ButtonDialog {
        #buttons { dock: bottom; height: 1; }
        #said { margin: 0 0 1 0; }
        Button { margin: 0 2 0 0; min-width: 0; }
        Button:focus { text-style: reverse bold; }
    }
    """

    def __init__(
        self,
        glyphs: Glyphs,
        title: str,
        said: Callable[[int], list[Line]],
        choices: Sequence[Choice],
        answers: Mapping[str, Answer | None],
    ) -> None:
        """`said` returns what is said, for a width in cells; `answers` what a choice answers, by its id."""
        super().__init__(glyphs, title, "esc closes")
        self._said, self._choices, self._answers = said, choices, answers
        self._text = LineView(id="said")

    def contents(self) -> list[Widget]:
        """Return what is said and a button for each answer."""
        buttons = [
            Button(
                f"{choice.key} {choice.text}",
                id=choice.id,
                compact=True,
                variant="error" if choice.risky else "default",
            )
            for choice in self._choices
        ]
        return [self._text, Horizontal(*buttons, id="buttons")]

    def fill(self) -> None:
        """Write what is said."""
        self.put(self._text, self._said(self.room))

    def on_mount(self) -> None:
        """Let enter do no harm."""
        self.query(Button).first().focus()

    def on_key(self, event: Key) -> None:
        """Take the letters."""
        for choice in self._choices:
            if event.character == choice.key:
                event.stop()
                self.dismiss(self._answers[choice.id])

    @on(Button.Pressed)
    def _on_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(self._answers[event.button.id or ""])

    def action_scroll(self, by: int) -> None:
        """Scroll by lines."""
        self.query_one("#frame").scroll_relative(y=by, animate=False)


class ChoiceDialog(ButtonDialog[str]):
    """A question with a few answers: answers with the id of a choice, None if it was closed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "close", "Close", id="choice.close", show=False, tooltip="Close without an answer"),
    ]

    def __init__(self, glyphs: Glyphs, title: str, question: str, choices: Sequence[Choice]) -> None:
        def said(width: int) -> list[Line]:
            return [Line((Span(text),)) for text in wrap(question, width, _MOST, glyphs.more)]

        super().__init__(glyphs, title, said, choices, {choice.id: choice.id for choice in choices})


class QuestionDialog(ButtonDialog[Answer]):
    """Says what would happen and answers with `answer` for yes, None for no; the focus is on no."""

    def __init__(
        self,
        glyphs: Glyphs,
        title: str,
        said: Callable[[int], list[Line]],
        *,
        yes: str,
        no: str,
        answer: Answer | None,
    ) -> None:
        """`said` is as in ButtonDialog; with None for `answer` there is no yes."""
        choices = [Choice("no", "n", no)]
        if answer is not None:
            choices.append(Choice("yes", "y", yes, risky=True))
        super().__init__(glyphs, title, said, choices, {"no": None, "yes": answer})
