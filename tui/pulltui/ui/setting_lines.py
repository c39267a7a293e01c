"""What keys do to the lines of a settings file while it is edited: text in, text out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pulltui_config.kinds import choices_of, default_of, every_setting, extra_of, parts_of, words_of
from pulltui_config.reading import UnusableError, parse
from pulltui_config.values import plain_value
from pulltui_config.writing import RefusedError, edit

from pulltui.ui.key_at import is_key, setting_rows
from pulltui.ui.themes import names

_LEAD = re.compile(r"[^=]*=\s*")
_VALUE = re.compile(r"""(?: "(?:\\.|[^"\\])*" | '[^']*' | [^"'#] | ["'] )*""", re.VERBOSE)


class CannotError(Exception):
    """It cannot be done, for a reason that `str()` says."""


def toggled(lines: Sequence[str], row: int) -> dict[int, str]:
    """Return the lines, by row, that put what `row` is about out of force, or into it; none for nothing."""
    rows = setting_rows(lines, row)
    if not rows:
        return {}
    if lines[rows[0]].lstrip().startswith("#"):
        return {at: _without_sign(lines[at]) for at in rows}
    return {at: _indent(lines[at]) + "#" + lines[at].lstrip() for at in rows}


def with_next(text: str, place: tuple[str, ...]) -> str:
    """Return the file with the next of the words that a setting allows. Raises CannotError."""
    options = options_of(place)
    value = _value_in(text, place)
    chosen = options[(options.index(value) + 1) % len(options)] if value in options else options[0]
    return _with(text, place, chosen)


def with_key(text: str, place: tuple[str, ...]) -> str:
    """Return the file with a setting's key in it, in its table, as its default. Raises CannotError."""
    return _with(text, place, _value_in(text, place))


def options_of(place: tuple[str, ...]) -> Sequence[Any]:
    """Return what a setting may be, if that can be listed; else nothing."""
    if place == ("ui", "theme"):
        return names()
    if place not in every_setting():
        return ()
    annotation = every_setting()[place].type
    if parts_of(annotation)[0] is bool:
        return (True, False)
    words = words_of(annotation)
    return words if len(words) > 1 else ()


def value_at(line: str, place: tuple[str, ...]) -> tuple[int, int]:
    """Return where in its line the value stands that somebody wants to type over: first cell and end.

    Within the quotes where only a text is allowed. (0, 0) if the line sets nothing.
    """
    lead = _LEAD.match(line) if is_key(line) else None
    found = _VALUE.match(line, lead.end()) if lead else None
    if lead is None or found is None:
        return 0, 0
    value = found[0].rstrip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    numbers = place in every_setting() and _has_numbers(every_setting()[place].type)
    inside = 1 if quoted and not numbers else 0
    return lead.end() + inside, lead.end() + len(value) - inside


def _has_numbers(annotation: Any) -> bool:
    """Whether a bare number may be written; sizes and rates are texts."""
    kinds = {parts_of(choice)[0] for choice in choices_of(annotation)}
    return bool(kinds & {int, float}) and extra_of(annotation, "unit") not in ("size", "rate")


def _value_in(text: str, place: tuple[str, ...]) -> Any:
    """Return what the file says, or else the default. Raises CannotError for what is no TOML."""
    info = every_setting()[place]
    try:
        table = parse(text.encode(errors="replace")).get(place[0], {})
    except UnusableError as error:
        raise CannotError(f"First put line {error.line} right: {error}.") from None
    default = plain_value(info.type, default_of(info))
    return table.get(place[-1], default) if isinstance(table, dict) else default


def _with(text: str, place: tuple[str, ...], value: Any) -> str:
    try:
        return edit(text.encode(errors="replace"), ".".join(place), value).decode()
    except RefusedError as error:
        raise CannotError(str(error)) from None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _without_sign(line: str) -> str:
    return _indent(line) + line.lstrip().removeprefix("#").lstrip()
