"""What is on screen while the engine writes down what it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, wrap
from pulltui.ui.screens.dialog import Dialog
from pulltui.ui.widgets.line_view import LineView
from pulltui.ui.words import span_of

LOOK = 0.5
"""Seconds between two looks at the clock."""
SOON = 2.0
"""Seconds from which on it is said how long it takes, and how to end it."""


class SavingDialog(Dialog[None]):
    """Says that saving is under way, and after a while for how long; it cannot be closed.

    `clock` is a monotonic clock in seconds.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "app.end_now", "End at once", id="saving.end", show=False, tooltip="Do not wait"),
    ]

    def __init__(self, glyphs: Glyphs, clock: Callable[[], float]) -> None:
        super().__init__(glyphs, "Quit", "ctrl+c again ends at once")
        self._clock = clock
        self._begun = clock()
        self._text = LineView()

    def contents(self) -> list[Widget]:
        """Return the sentence."""
        return [self._text]

    def fill(self) -> None:
        """Write the sentence."""
        self.update_seconds()

    def on_mount(self) -> None:
        """Count the seconds."""
        self.set_interval(LOOK, self.update_seconds)

    def update_seconds(self) -> None:
        """Say how long it takes by now."""
        lines = [Line((Span("saving... the next start goes on from here", "strong"),))]
        taken = self._clock() - self._begun
        if taken >= SOON:
            why = f"{span_of(taken)} so far: the disk has not answered yet."
            lines += [Line((Span(line, "wait"),)) for line in wrap(why, self.room, 2, self._glyphs.more)]
        self.put(self._text, lines)

    def action_close(self) -> None:
        """Stay: there is nothing left to go back to."""
