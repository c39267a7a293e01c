"""The settings file while it is edited in the app: read, judged as it is typed, written back whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pulltui_config import Loaded, Problem, Settings, load
from pulltui_config.problems import nearest
from pulltui_config.reading import BOM
from pulltui_config.saving import NotSavedError, contents, prepare, save
from pulltui_config.template import template

from pulltui.start import Start
from pulltui.ui.keymap import resolve
from pulltui.ui.themes import choose, names


class Judged(NamedTuple):
    """What a text would make of the settings, and what is wrong with it, in the order of its lines."""

    loaded: Loaded
    problems: tuple[Problem, ...]


class SettingsFile:
    """The file of a Start."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self.path = start.locations.config_file
        self._seen: bytes | None = None
        self._mark = b""

    def read(self) -> str:
        """Return the file's text; it is made from the template if there is none.

        Raises NotSavedError if it cannot be read, or could not be written back as it is.
        """
        # A home that cannot be written is no reason not to look: saving says so.
        prepare(self.start.locations)
        seen = contents(self.path)
        source = template().encode() if seen is None else seen
        text = source.removeprefix(BOM)
        try:
            decoded = text.decode()
        except UnicodeDecodeError:
            raise self._unfit("this is not UTF-8") from None
        if not _keeps_lines(decoded):
            raise self._unfit("its lines end in ways that this editor cannot keep")
        self._seen, self._mark = seen, source[: len(source) - len(text)]
        return decoded

    def save(self, text: str) -> None:
        """Write `text` to the disk in one step.

        Raises ChangedMeanwhileError if the file is not what was read, NotSavedError if it cannot be written.
        """
        try:
            source = self._mark + text.encode()
        except UnicodeEncodeError:
            raise self._unfit("there are halves of characters in it") from None
        save(self.path, source, self._seen)
        self._seen = source

    def judge(self, text: str) -> Judged:
        """Say what `text` would make of the settings, with the environment and the flags over it."""
        source = text.encode(errors="replace")
        loaded = load(source, self.start.env, self.start.flags)
        problems = [problem for problem in loaded.problems if problem.where == "file"]
        if loaded.text:
            problems += self._found_by_app(loaded)
        problems.sort(key=lambda problem: problem.line or 0)
        return Judged(loaded, tuple(problems))

    def _found_by_app(self, loaded: Loaded) -> list[Problem]:
        """What only the app can know is wrong, and which keys do not count: something else sets them."""
        from pulltui_config.lines import key_lines, line_of

        lines = key_lines(loaded.text)
        found = [
            Problem(
                where="file", source="", key=key, message=message, line=line_of(lines, tuple(key.split(".")))
            )
            for key, message in (*theme_problems(loaded.settings), *resolve(loaded.settings.ui.keys).problems)
            if tuple(key.split("."))[:2] in lines
        ]
        for key, origin in loaded.origins.items():
            place = tuple(key.split("."))
            if place in lines and origin.layer in ("environment", "flag"):
                what = f"{origin.name} in the environment" if origin.name else "a flag of this start"
                found.append(
                    Problem(
                        where="file",
                        source="",
                        key=key,
                        message=f"{what} counts, not this line",
                        line=lines[place],
                        severity="warning",
                    )
                )
        return found

    def _unfit(self, message: str) -> NotSavedError:
        """Why the file cannot be edited here."""
        hint = "`pulltui config edit` opens it in your own editor"
        return NotSavedError(Problem(where="file", source=str(self.path), key="", message=message, hint=hint))


def theme_problems(settings: Settings) -> Sequence[tuple[str, str]]:
    """Return the key and a sentence if the theme does not exist."""
    wanted = settings.ui.theme
    if choose(wanted)[0] == wanted:
        return []
    close = nearest(wanted, names())
    return [("ui.theme", "there is no such theme" + (f" (did you mean {close}?)" if close else ""))]


def _keeps_lines(text: str) -> bool:
    """Whether an editor that knows one line end, and Unicode's others, gives `text` back as it was."""
    ending = "\r\n" if "\r\n" in text else "\n" if "\n" in text else "\r"
    lines = text.splitlines()
    if not text or text.endswith(("\r\n", "\n", "\r")):
        lines.append("")
    return ending.join(lines) == text
