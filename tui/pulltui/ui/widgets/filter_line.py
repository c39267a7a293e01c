"""The line that a filter is typed into."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from pulltui.ui.filter import Filter, parse
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, fit
from pulltui.ui.widgets.line_view import LineView

_EXAMPLE = "part of a name, state:stalled, size>10g, -done"
_SAID = 48
"""Cells for what is wrong with it, at most."""


class FilterLine(Horizontal):
    """Filters while one types; enter keeps the filter, the key for going back takes it away."""

    DEFAULT_CSS = """
    FilterLine {
        height: 1;
        display: none;
        #sign { width: 3; }
        #wrong { width: 0; max-width: 60%; }
        Input, Input:focus { border: none; height: 1; padding: 0; width: 1fr; background: $panel; }
        Input:nocolor > .input--cursor { text-style: reverse; }
    }
    """

    class Changed(Message):
        """Another filter is in force."""

        def __init__(self, chosen: Filter) -> None:
            super().__init__()
            self.chosen = chosen

    class Closed(Message):
        """Typing has ended."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._glyphs = glyphs
        self._sign, self._wrong = LineView(id="sign"), LineView(id="wrong")
        self._input = Input(placeholder=_EXAMPLE, max_length=200, disabled=True)

    def compose(self) -> ComposeResult:
        """A sign, the text, and what is wrong with it."""
        yield self._sign
        yield self._input
        yield self._wrong

    def on_mount(self) -> None:
        """Say what is typed here."""
        self._sign.show([Line((Span(" / ", "key"),))])

    def open(self) -> None:
        """Let the user type."""
        self.display = True
        self._input.disabled = False
        self._input.focus()

    def close(self) -> None:
        """Let the line go; the filter stays."""
        self._input.disabled = True
        self.display = False
        self.post_message(self.Closed())

    def clear(self) -> None:
        """Take the filter away."""
        self._input.value = ""
        self._set("")

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._set(event.value)

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close()

    def _set(self, text: str) -> None:
        chosen = parse(text)
        said = fit(f" {chosen.problem} ", min(len(chosen.problem) + 2, _SAID), self._glyphs.more)
        self._wrong.styles.width = len(said) if chosen.problem else 0
        self._wrong.show([Line((Span(said, "bad"),))] if chosen.problem else [])
        self.post_message(self.Changed(chosen))
