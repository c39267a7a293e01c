"""Which setting a line of a settings file is about, also while the file is no valid TOML yet.

Lines of comment belong to the key below them, as the template writes them, and a key that is commented out is
still that key: so every line of the template leads to its setting.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_KEY = re.compile(r"\s*(#?)\s*([A-Za-z0-9_-]+(?:\s*\.\s*[^\s=]+)?)\s*=")
_TEXT = re.compile(r""" "(?:\\.|[^"\\])*" | '[^']*' """, re.VERBOSE)
_TABLE = re.compile(r"\s*(#?)\s*\[{1,2}\s*([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\s*\]{1,2}\s*(?:#.*)?$")


class Found(NamedTuple):
    """What stands in a line: the names of a table's header or of a key; `comment`: it is not in force."""

    names: tuple[str, ...]
    header: bool
    comment: bool


def key_at(lines: Sequence[str], row: int) -> tuple[str, ...]:
    """Return the place that line `row` (from 0) is about: ("transfer", "part_size"), ("transfer",), or ().

    Places need not exist. Entries of [[schedule]] are ("schedule", key).
    """
    at = _row_of_key(lines, row)
    if at is None:
        return ()
    found = _read(lines[at])
    if found is None:
        return _table(lines, at, in_comments=False)
    if found.header:
        return found.names[:2]
    return (*_table(lines, at, in_comments=found.comment), *found.names)[:2]


def row_of(lines: Sequence[str], place: tuple[str, ...]) -> int | None:
    """Return the row of a place's key, one in force rather than one in a comment; None if there is none."""
    rows = [row for row, line in enumerate(lines) if (found := _read(line)) and not found.header]
    there = [row for row in rows if key_at(lines, row) == place]
    return min(there, key=lambda row: (lines[row].lstrip().startswith("#"), row), default=None)


def is_key(line: str) -> bool:
    """Whether a line sets something, or would without the # before it."""
    found = _read(line)
    return found is not None and not found.header


def setting_rows(lines: Sequence[str], row: int) -> range:
    """Return the rows that take part when what `row` is about is commented out, or in; empty for nothing.

    They are the key's line and the rest of its value; an entry of [[schedule]] with all its keys; a table's
    header only while it is a comment: without it the keys below would belong to another table.
    """
    at = _row_of_key(lines, row)
    found = None if at is None else _read(lines[at])
    if at is None or found is None:
        return range(0)
    if key_at(lines, at)[0] == "schedule":
        first = last = at
        while first and _read(lines[first - 1]) is not None:
            first -= 1
        while last + 1 < len(lines) and _read(lines[last + 1]) is not None:
            last += 1
        return range(first, last + 1)
    if found.header:
        return range(at, at + 1) if found.comment else range(0)
    return range(at, _end_of_value(lines, at))


def _end_of_value(lines: Sequence[str], row: int) -> int:
    """Return the row after the value that begins in `row`; only lists and tables go over several lines."""
    open_ = 0
    for at in range(row, len(lines)):
        text = _TEXT.sub("", lines[at].strip().lstrip("# ")).partition("#")[0]
        open_ += sum((character in "[{") - (character in "]}") for character in text)
        if open_ <= 0:
            return at + 1
    return row + 1


def _row_of_key(lines: Sequence[str], row: int) -> int | None:
    """Return the row that says what `row` is about; None: nothing does."""
    if not 0 <= row < len(lines):
        return None
    text = lines[row].strip()
    if _read(text) is not None or not text:
        return row
    step = 1 if text.startswith("#") else -1  # a comment is about what follows, a value's rest about its key
    at = row
    while 0 <= at < len(lines) and (line := lines[at].strip()):
        if _read(line) is not None:
            return at
        if step == 1 and not line.startswith("#"):
            return None
        at += step
    return None


def _table(lines: Sequence[str], row: int, *, in_comments: bool) -> tuple[str, ...]:
    """Return the table that `row` is in; a header in a comment counts for keys in comments only."""
    for line in reversed(lines[:row]):
        found = _read(line)
        if found is not None and found.header and (in_comments or not found.comment):
            return found.names
    return ()


def _read(line: str) -> Found | None:
    if match := _TABLE.match(line):
        return Found(tuple(match[2].split(".")), header=True, comment=bool(match[1]))
    if match := _KEY.match(line):
        names = tuple(name.strip().strip("\"'") for name in match[2].split("."))
        return Found(names, header=False, comment=bool(match[1]))
    return None
