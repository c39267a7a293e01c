"""What a start of pulltui is made from: settings, and where everything is. Loads nothing of the engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulltui_config import Loaded, Locations, Settings, load, locate, models_dir, service_notice
from pulltui_config.watching import Watched

if TYPE_CHECKING:
    from pulltui.demo.session import Session as Demo


@dataclass(frozen=True, slots=True)
class Start:
    """Settings as loaded, and from which environment and flags; our places on disk; the models directory."""

    loaded: Loaded
    locations: Locations
    models: Path
    env: Mapping[str, str]
    flags: Mapping[str, Any]

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.loaded.settings

    def watched(self) -> Watched:
        """Return the settings file under watch; environment and flags keep counting."""
        return Watched(self.locations.config_file, self.env, self.flags, self.loaded)

    def notices(self) -> list[str]:
        """Return what to tell before anything starts: problems of settings, a server that looks elsewhere.

        The latter only at the first start with a models directory.
        """
        found = [f"{problem.severity}: {problem}" for problem in self.loaded.problems]
        if not (self.models / ".pulltui").exists() and (notice := service_notice(self.models)):
            found.append(notice)
        return found


def read_start(locations: Locations, env: Mapping[str, str], home: Path, flags: Mapping[str, Any]) -> Start:
    """Read the settings for an environment, a home and flags (keys like "transfer.connections").

    Raises nothing for what people wrote: `loaded.problems` has it.
    """
    loaded = load(locations.config_file, env, flags)
    return Start(loaded, locations, models_dir(loaded.settings, env, home), env, flags)


def current_start(flags: Mapping[str, Any]) -> Start:
    """`read_start` for this process."""
    return read_start(locate(), os.environ, Path.home(), flags)


def demo_start(place: Demo) -> Start:
    """Return the start of a demo: its own directories and settings, and of the user's only how it looks.

    A screen without colours or with other glyphs needs PULLTUI_UI_GLYPHS and the like there, too.
    """
    looks = {name: value for name, value in os.environ.items() if name.startswith("PULLTUI_UI_")}
    locations = Locations(config_dir=place.directory, state_dir=place.state_dir, log_dir=place.log_dir)
    return Start(load(place.config_file, looks), locations, place.models_dir.resolve(), looks, {})
