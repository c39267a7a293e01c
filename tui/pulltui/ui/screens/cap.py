"""The dialog that asks for the cap of pulls."""

from __future__ import annotations

from pulltui_config.units import UnitError, format_rate, write_rate
from textual import on
from textual.widget import Widget
from textual.widgets import Input

from pulltui.ui.caps import parse_cap
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, wrap
from pulltui.ui.screens.dialog import Dialog
from pulltui.ui.widgets.line_view import LineView


class CapDialog(Dialog[tuple[float | None]]):
    """Answers with the rate that was typed, in bytes a second, (None,) for no cap; None if cancelled."""

    DEFAULT_CSS = """
    CapDialog {
        Input, Input:focus { border: none; height: 1; padding: 0; background: $surface-lighten-1; }
        Input:nocolor > .input--cursor { text-style: reverse; }
        #verdict { height: 2; }
    }
    """

    def __init__(self, glyphs: Glyphs, what: str, limit: float | None) -> None:
        super().__init__(glyphs, "Cap", "enter sets, esc cancels")
        self._what = what
        self._limit = "" if limit is None else write_rate(int(limit))

    def contents(self) -> list[Widget]:
        """Return the input and what its text means."""
        return [
            Input(self._limit, placeholder="5 MB/s, or nothing for no cap", max_length=40),
            LineView(id="verdict"),
        ]

    def on_mount(self) -> None:
        """Say what there is now."""
        self.query_one(Input).focus()
        self._judge(self._limit)

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        self._judge(event.value)

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        if self._judge(event.value):
            self.dismiss((parse_cap(event.value),))

    def _judge(self, text: str) -> bool:
        """Show what `text` would do and return whether it can be understood."""
        try:
            rate = parse_cap(text)
        except UnitError as error:
            said, role, good = f"{error}: {error.hint}", "bad", False
        else:
            cap = "no cap of its own" if rate is None else f"at most {format_rate(rate)}"
            said, role, good = f"{self._what}: {cap}", "done", True
        lines = [Line((Span(line, role),)) for line in wrap(said, self.room, 2, self._glyphs.more)]
        self.query_one("#verdict", LineView).show(lines)
        return good
