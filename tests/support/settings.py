"""A settings file for tests of what edits it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulltui.start import Start, read_start
from pulltui.ui import themes
from pulltui.ui.settings_file import SettingsFile
from pulltui_config import Locations, load

HOME = Path("/home/ada")


def make_start(
    directory: Path,
    text: str | bytes | None = None,
    *,
    env: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Start:
    """A start with its places in `directory`; `text` is what the settings file says, None: there is none."""
    places = Locations(config_dir=directory, state_dir=directory / "state", log_dir=directory / "log")
    if text is not None:
        places.config_file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_start(places, env or {}, HOME, flags or {})


def make_file(directory: Path, text: str | bytes | None = None, **more: Any) -> SettingsFile:
    """The file of such a start."""
    return SettingsFile(make_start(directory, text, **more))


class FixedFile(SettingsFile):
    """A file that is always the same and nowhere on a disk: for pictures."""

    def __init__(self, text: str) -> None:
        home = HOME / ".config" / "pulltui"
        places = Locations(config_dir=home, state_dir=home / "state", log_dir=home / "log")
        calm = {"ui.theme": themes.DEFAULT, "ui.animations": False}
        super().__init__(Start(load(text.encode(), {}, calm), places, HOME / ".ollama" / "models", {}, calm))
        self._text = text

    def read(self) -> str:
        """The text as given."""
        return self._text


class FixedReload:
    """In the place of a Reload: nothing ever changes."""

    def __init__(self, file: SettingsFile) -> None:
        self.loaded = file.start.loaded
        self.settings = self.loaded.settings

    def poll(self, now: float) -> list[object]:
        """Say that there is nothing new."""
        return []
