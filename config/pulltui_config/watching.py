"""Noticing that the settings file changed while the program runs, and what that changes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from pulltui_config.kinds import every_setting, is_live, value_of
from pulltui_config.problems import masked
from pulltui_config.reading import Loaded, load
from pulltui_config.settings import Settings
from pulltui_config.values import write

Stamp = tuple[int, int, int]
"""What a look at a file says: time of change in nanoseconds, bytes, inode."""

_NOT_THERE: Final = (0, 0, 0)
_NOTHING: Final = (-1, -1, -1)
"""Like no file: what was seen before the first look, so that a change since the start is noticed by that."""


class Change(Struct, frozen=True, kw_only=True):
    """A setting that has another value now, both as `Settings` holds them.

    `live`: it counts at once; otherwise from the next start on. `str()` has both as people write them,
    without the passwords of URLs.
    """

    key: str
    old: Any
    new: Any
    live: bool

    def __str__(self) -> str:
        annotation = every_setting()[tuple(self.key.split("."))].type
        old, new = (masked(write(annotation, value)) for value in (self.old, self.new))
        return f"{self.key}: {old} -> {new}" + ("" if self.live else ", from the next start")


def difference(old: Settings, new: Settings) -> list[Change]:
    """What changed between two settings, in their order."""
    changes = []
    for place, info in every_setting().items():
        before, after = value_of(old, place), value_of(new, place)
        if before != after:
            changes.append(Change(key=".".join(place), old=before, new=after, live=is_live(info.type)))
    return changes


class Watched:
    """A settings file under watch. `loaded` is what is in force: this file, environment and flags."""

    def __init__(
        self, file: Path, env: Mapping[str, str], flags: Mapping[str, Any] | None, loaded: Loaded
    ) -> None:
        self.loaded = loaded
        self._file = file
        self._env = dict(env)
        self._flags = dict(flags or {})
        self._seen = self._taken = _NOTHING

    def changed(self) -> Loaded | None:
        """Look once: one stat, and if that says something new, a read. To be called about once a second.

        Returns what is in force from now on, if that or the problems are others than before. A file that
        became invalid changes nothing: the settings are those of before, and only the problems new.
        """
        stamp = self._look()
        before, self._seen = self._seen, stamp
        # Many editors empty or remove a file before they write it: that counts when it is so for two looks.
        if stamp == self._taken or (_is_gone(stamp) and stamp != before):
            return None
        self._taken = stamp
        old, new = self.loaded, load(self._file, self._env, self._flags)
        if any(problem.where == "file" and problem.severity == "error" for problem in new.problems):
            new = msgspec.structs.replace(old, problems=new.problems)
        self.loaded = new
        return new if (new.settings, new.problems) != (old.settings, old.problems) else None

    def _look(self) -> Stamp:
        try:
            found = self._file.stat()
        except OSError:
            return _NOT_THERE
        return found.st_mtime_ns, found.st_size, found.st_ino


def _is_gone(stamp: Stamp) -> bool:
    return stamp[1] == 0
