"""What was found before the app began: problems of the settings, a server that looks elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from pulltui.engine.clean import safe
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, wrap
from pulltui.ui.screens.dialog import Dialog
from pulltui.ui.widgets.line_view import LineView

MOST = 8
"""Lines for one notice."""


class NoticesDialog(Dialog[None]):
    """Shows sentences until a key closes it; the pulls go on beneath."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space,q", "close", "Close", id="notices.close", show=False, tooltip="Close this"),
    ]

    def __init__(self, glyphs: Glyphs, notices: Sequence[str]) -> None:
        super().__init__(glyphs, "Before it starts", "esc or enter closes")
        self._notices = notices
        self._text = LineView(id="notices")

    def contents(self) -> list[Widget]:
        """Return the text."""
        return [self._text]

    def fill(self) -> None:
        """Write the notices, an empty line between them."""
        lines: list[Line] = []
        for notice in self._notices:
            text = wrap(safe(notice), self.room, MOST, self._glyphs.more)
            lines += [Line()] * bool(lines) + [Line((Span(line),)) for line in text]
        self.put(self._text, lines)
