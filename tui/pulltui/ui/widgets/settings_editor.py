"""An editor for TOML that writes what is wrong with a line behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.color import Color
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

from pulltui.ui.lines import fit
from pulltui.ui.themes import state_colors

LEAST: Final = 12
"""Cells behind a line that are worth a sentence; with fewer only the mark is shown."""
_ROLES: Final = {
    "comment": "dim",
    "property": "active",
    "string": "done",
    "number": "hash",
    "boolean": "hash",
    "toml.datetime": "hash",
}
"""The role that colours each kind of token, as Textual's query for TOML calls them."""


class Remark(NamedTuple):
    """What to write behind a line: a glyph, a clean sentence, and whether it is an error."""

    mark: str
    text: str
    error: bool


class SettingsEditor(TextArea):
    """The text; lines that have remarks show them at their end."""

    DEFAULT_CSS = """
    SettingsEditor, SettingsEditor:focus {
        border: none;
        padding: 0;
        background: $background;
        scrollbar-size: 0 0;
    }
    """

    def __init__(self, more: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__("", language="toml", show_line_numbers=True, soft_wrap=True, id=id)
        self._more = more
        self._remarks: Mapping[int, Remark] = {}
        self._colors: Mapping[str, str] = {}

    def on_mount(self) -> None:
        """Take the colours of the app's theme."""
        self.cursor_blink = self.app.animation_level == "full"
        self._take_colors()
        self.app.theme_changed_signal.subscribe(self, lambda _: self._take_colors())

    def _take_colors(self) -> None:
        self._colors = state_colors(self.app.current_theme)
        styles = {kind: self._style(role) for kind, role in _ROLES.items()}
        styles["toml.type"] = Style(bold=True)
        theme = TextAreaTheme(name="pulltui", syntax_styles=styles, cursor_line_style=self._line_style())
        self.register_theme(theme)
        self.theme = "pulltui"

    def _line_style(self) -> Style:
        """What sets the cursor's line off: no colour of its own, so that remarks keep theirs."""
        if self.app.current_theme.ansi:
            return Style()
        background, foreground = (
            Color.parse(self.app.theme_variables[name]) for name in ("background", "foreground")
        )
        return Style(bgcolor=background.blend(foreground, 0.07, 1.0).rich_color)

    def _style(self, role: str, *, italic: bool | None = None) -> Style:
        return Style(color=Color.parse(self._colors[f"state-{role}"]).rich_color, italic=italic)

    def remark(self, remarks: Mapping[int, Remark]) -> None:
        """Show these remarks, by row from 0, in place of those before."""
        if remarks != self._remarks:
            self._remarks = remarks
            self.notify_style_update()  # what was drawn of the lines is out of date
            self.refresh()

    def get_line(self, line_index: int) -> Text:
        """As TextArea's, with the remark behind the text; it is drawn, and not part of the document."""
        line = super().get_line(line_index)
        remark = self._remarks.get(line_index)
        if remark is None:
            return line
        last = self.wrapped_document.get_sections(line_index)[-1]
        room = self.wrap_width - cell_len(last.expandtabs(self.indent_width)) - 2
        if room < 1:
            return line
        role = "bad" if remark.error else "wait"
        line.append(f"  {remark.mark}", self._style(role))
        if room >= LEAST:
            text = fit(remark.text, min(cell_len(remark.text), room - 2), self._more)
            line.append(f" {text}", self._style(role, italic=True))
        return line
