"""An app with nothing but the settings on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pulltui.ui.glyphs import UNICODE
from pulltui.ui.keymap import resolve
from pulltui.ui.screens.settings import SettingsScreen
from pulltui.ui.settings_file import SettingsFile
from pulltui.ui.widgets.line_view import LineView
from pulltui.ui.widgets.settings_editor import SettingsEditor
from support.dialogs import PlainApp
from support.settings import make_start

TEXT = '[transfer]\nconnections = "auto"\n\n[ui]\n#fps = 10\n'


class SettingsApp(PlainApp):
    """An app with nothing but the settings on it."""

    def __init__(self, directory: Path, text: str | bytes | None = TEXT, **more: Any) -> None:
        super().__init__()
        self.glyphs = more.pop("glyphs", UNICODE)
        self.start_ = make_start(directory, text, **more)
        self.file = self.start_.locations.config_file
        self.now = self.start_.loaded
        self.settings = SettingsScreen(self.glyphs, SettingsFile(self.start_), lambda: self.now, resolve({}))

    def on_mount(self) -> None:
        self.push_screen(self.settings)

    @property
    def editor(self) -> SettingsEditor:
        return self.settings.query_one(SettingsEditor)

    def area(self, name: str) -> str:
        return "\n".join(line.text for line in self.settings.query_one(f"#{name}", LineView).lines)

    def rewrite(self, old: str, new: str) -> None:
        """Replace one line and leave the cursor in it."""
        row = self.editor.document.lines.index(old)
        self.editor.replace(new, (row, 0), (row, len(old)))
        self.editor.move_cursor((row, len(new)))

    @property
    def told(self) -> list[str]:
        return [toast.message for toast in self._notifications]
