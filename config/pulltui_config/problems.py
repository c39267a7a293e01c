"""What is wrong with settings, in words for people."""

import re
from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct

Where = Literal["file", "environment", "flag", "edit"]
Severity = Literal["error", "warning"]

_USERINFO = re.compile(r"//\S*@")
_LONGEST = 60


class Fault(Struct, frozen=True):
    """Something wrong with one value, wherever that came from. `at` is its keys and list indexes."""

    at: tuple[str | int, ...]
    message: str
    allowed: str | None = None
    hint: str | None = None
    severity: Severity = "error"


class Problem(Struct, frozen=True, kw_only=True):
    """Something wrong with the settings. What it is about keeps its value from a lower layer, or its default.

    `source` is the file's path, the variable's name, "flag", or "" for a value that was to be written; `line`
    and `column` begin at 1 and are None where there is no line; `key` is like "transfer.part_size" or
    "schedule[0].from", "" for the whole file.
    """

    where: Where
    source: str
    key: str
    message: str
    line: int | None = None
    column: int | None = None
    allowed: str | None = None
    hint: str | None = None
    severity: Severity = "error"

    def __str__(self) -> str:
        place = self.source
        for number in (self.line, self.column):
            place += f":{number}" if number is not None else ""
        text = ": ".join(part for part in (place, self.key, self.message) if part)
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        return f"{text} ({self.hint})" if self.hint else text


def key_of(at: tuple[str | int, ...]) -> str:
    """A place as people write it: ("schedule", 0, "from") is "schedule[0].from"."""
    text = ""
    for step in at:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            bare = step.isascii() and step.replace("-", "_").isidentifier()
            text += ("." if text else "") + (step if bare else quoted(step))
    return text


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, if one is like it at all."""
    # Loaded only when something is misspelt.
    import difflib

    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def quoted(text: str) -> str:
    """`text` as a TOML basic string. What a terminal would not show as itself is escaped."""
    escaped = "".join(
        f"\\{char}" if char in '"\\' else char if char.isprintable() else _escape(char) for char in text
    )
    return f'"{escaped}"'


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def masked(text: str) -> str:
    """`text` without what stands before the @ of URLs: names and passwords."""
    return _USERINFO.sub("//***@", text)


def shown(raw: Any) -> str:
    """A value from outside for a message: on one line, short, harmless, without passwords."""
    text = quoted(masked(raw)) if isinstance(raw, str) else ""
    if isinstance(raw, bool):
        text = "true" if raw else "false"
    elif isinstance(raw, dict):
        text = "a table"
    elif isinstance(raw, list):
        text = f"[{', '.join(shown(item) for item in raw[:3])}{', ...' if len(raw) > 3 else ''}]"
    elif isinstance(raw, int) and abs(raw) >= 10**_LONGEST:
        text = "a number far too large"
    elif not isinstance(raw, str):
        text = str(raw)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]}...{text[-1]}"
