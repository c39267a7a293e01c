"""What was found before the app began: problems of the settings, a server that looks elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.widget import Widget

from pulltui.engine.clean import safe
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, wrap
from pulltui.ui.screens.dialog import Dialog
from pulltui.ui.widgets.line_view import LineView

MOST = 8
"""Lines for one notice."""


class NoticesDialog(Dialog[bool]):
    """Shows sentences until a key closes it; the pulls go on beneath. Answers True for the settings.

    `settings` are the keys that open them on the main screen, as Textual calls them; none: there are none.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space,q", "close", "Close", id="notices.close", show=False, tooltip="Close this"),
    ]

    def __init__(self, glyphs: Glyphs, notices: Sequence[str], settings: Sequence[str] = ()) -> None:
        super().__init__(glyphs, "Found at the start", "esc or enter closes")
        self._notices, self._settings = notices, settings
        self._text = LineView(id="notices")

    def contents(self) -> list[Widget]:
        """Return the text."""
        return [self._text]

    def fill(self) -> None:
        """Write the notices, an empty line between them, and the key for putting things right."""
        lines: list[Line] = []
        for notice in self._notices:
            text = wrap(safe(notice), self.room, MOST, self._glyphs.more)
            lines += [Line()] * bool(lines) + [Line((Span(line),)) for line in text]
        if self._settings:
            called = self.app.get_key_display(Binding(self._settings[0], ""))
            keys = (Span(called, "key", "settings"), Span(" edit the settings", "dim", "settings"))
            lines += [Line(), Line(keys)]
        self.put(self._text, lines)

    def on_key(self, event: Key) -> None:
        """Take the keys for the settings, which the list beneath names as well."""
        if event.key in self._settings:
            event.stop()
            self.dismiss(True)

    @on(LineView.Pressed)
    def _on_pressed(self, event: LineView.Pressed) -> None:
        event.stop()
        self.dismiss(True)
