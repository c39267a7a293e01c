"""The dialog that asks for a name."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Input

from pulltui.engine.errors import PullError
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, fit, wrap
from pulltui.ui.screens.dialog import Dialog
from pulltui.ui.widgets.line_view import LineView


class AddDialog(Dialog[str]):
    """Answers with the name that was typed, checked letter by letter by `check`; None if it was cancelled."""

    DEFAULT_CSS = """
    AddDialog {
        Input, Input:focus { border: none; height: 1; padding: 0; background: $surface-lighten-1; }
        Input:nocolor > .input--cursor { text-style: reverse; }
        #verdict { height: 3; }
    }
    """

    def __init__(self, glyphs: Glyphs, check: Callable[[str], str], destination: str) -> None:
        super().__init__(glyphs, "Add a model", "enter adds, esc cancels")
        self._check, self._destination = check, destination

    def contents(self) -> list[Widget]:
        """Return the input and what there is to say about its text."""
        return [
            Input(placeholder="llama3.2:3b or hf.co/owner/model:Q4_K_M", max_length=400, id="name"),
            LineView(id="verdict"),
        ]

    def compose(self) -> ComposeResult:
        """As every dialog."""
        yield from super().compose()

    def on_mount(self) -> None:
        """Say where models go."""
        self.query_one(Input).focus()
        self._judge("")

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        self._judge(event.value.strip())

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        name = event.value.strip()
        if name and self._judge(name):
            self.dismiss(name)

    def _judge(self, text: str) -> bool:
        """Show what `text` would do and return whether it is a name."""
        room, more = self.room, self._glyphs.more
        goes = Line((Span(fit(f"into {self._destination}", room, more, middle=True), "dim"),))
        lines, good = [goes], True
        if text:
            try:
                lines = [
                    Line((Span(fit(f"pulls {self._check(text)}", room, more, middle=True), "done"),)),
                    goes,
                ]
            except PullError as error:
                why = f"{error}. {error.hint}".strip()
                lines = [Line((Span(line, "bad"),)) for line in wrap(why, room, 3, more)]
                good = False
        self.query_one("#verdict", LineView).show(lines)
        return good
