"""What is on screen while the engine writes down what it has."""

from __future__ import annotations

from textual.widget import Widget

from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span
from pulltui.ui.screens.dialog import Dialog
from pulltui.ui.widgets.line_view import LineView


class SavingDialog(Dialog[None]):
    """Says that saving is under way; it cannot be closed."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, "Quit", "")

    def contents(self) -> list[Widget]:
        """Return the sentence."""
        view = LineView()
        view.show([Line((Span("saving... the next start goes on from here", "strong"),))])
        return [view]

    def action_close(self) -> None:
        """Stay: there is nothing left to go back to."""
