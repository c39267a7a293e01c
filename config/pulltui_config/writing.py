"""Changing a setting in the bytes of a settings file, so that nothing but its value changes."""

import math
from typing import Any

import msgspec

from pulltui_config.kinds import default_of, every_setting
from pulltui_config.problems import Fault, Problem, nearest, shown
from pulltui_config.reading import BOM, UnusableError, parse, problem_of
from pulltui_config.values import plain_value, read


class RefusedError(Exception):
    """A setting cannot be changed so. `problems` says why; nothing was changed."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def edit(text: bytes, key: str, value: Any) -> bytes:
    """Set `key` ("transfer.part_size", "schedule") in a settings file to `value`, as tomllib would give it.

    Comments, spacing, line ends, order, unknown keys and a byte order mark stay as they are. Raises
    RefusedError for a key that does not exist, a value that is not allowed, and a file that is not TOML.
    """
    place = place_of(key)
    faults: list[Fault] = []
    read(every_setting()[place].type, value, place, faults)
    if faults:
        raise RefusedError(*map(_refused, faults))
    return _changed(text, place, value)


def reset(text: bytes, key: str) -> bytes:
    """Make `key` count for nothing in a settings file: commented out with its default, or else removed.

    Raises RefusedError for a key that does not exist and a file that is not TOML.
    """
    return _changed(text, place_of(key), None)


def place_of(key: str) -> tuple[str, ...]:
    """The place of `every_setting` that a key names. Raises RefusedError if there is none."""
    place = tuple(key.split("."))
    if place in every_setting():
        return place
    known = {".".join(place): place for place in every_setting()}
    inside = [name for name in known if name.startswith(f"{key}.")]
    same = [name for name, there in known.items() if there[-1] == place[-1]]
    if inside:
        raise _no_key(key, "this is a table", "its keys are " + ", ".join(inside))
    if place[:2] in every_setting():
        raise _no_key(key, "unknown key", f"{'.'.join(place[:2])} can only be set as a whole")
    if close := same[0] if same else nearest(key, known):
        raise _no_key(key, "unknown key", f"did you mean {close}?")
    raise _no_key(key, "unknown key", "`pulltui config show` has all of them")


def _refused(fault: Fault) -> Problem:
    """A fault of a value that was not written: what would be ignored in a file is none of that here."""
    problem = problem_of(fault, "edit", "")
    message = problem.message.removesuffix(", ignored")
    return msgspec.structs.replace(problem, message=message, severity="error")


def _no_key(key: str, message: str, hint: str) -> RefusedError:
    name = shown(key).strip('"')
    return RefusedError(Problem(where="edit", source="", key=name, message=message, hint=hint))


def _changed(text: bytes, place: tuple[str, ...], value: Any) -> bytes:
    """`text` with `place` set to a value that is allowed, or without it (None). Raises RefusedError."""
    # The parser is loaded only when something is changed.
    from pulltui_config import patch

    source = text.removeprefix(BOM)
    mark = text[: len(text) - len(source)]
    wanted = _parsed(source)
    table = wanted.get(place[0], {})
    if len(place) > 1 and not isinstance(table, dict):
        message = f"{place[0]} is {shown(table)} in the file, where a table belongs"
        raise _in_the_way(place, message, "put that right first: `pulltui config edit`")
    if value is None:
        info = every_setting()[place]
        after = patch.comment_out(source, place, plain_value(info.type, default_of(info)))
    else:
        after = patch.put(source, place, value)
    # Whatever people write in a file: what comes out says what it said, but for this one value.
    said = wanted.setdefault(place[0], {}) if len(place) > 1 else wanted
    said.pop(place[-1], None)
    if value is not None:
        said[place[-1]] = value
    if not _same(after, wanted, place[0]):
        message = "the file is written in a way that cannot be changed from here"
        raise _in_the_way(place, message, "change it by hand: `pulltui config edit`")
    return mark + after


def _same(after: bytes, wanted: dict[str, Any], table: str) -> bool:
    """Whether a changed file says what is wanted; `table` may be missing if it is empty."""
    try:
        values = parse(after, _comparable)
    except UnusableError:
        return False
    return {table: {}, **values} == {table: {}, **wanted}


def _in_the_way(place: tuple[str, ...], message: str, hint: str) -> RefusedError:
    key = ".".join(place)
    return RefusedError(Problem(where="file", source="config.toml", key=key, message=message, hint=hint))


def _parsed(source: bytes) -> dict[str, Any]:
    """The file's values. Raises RefusedError if it is not TOML."""
    try:
        return parse(source, _comparable)
    except UnusableError as error:
        raise RefusedError(
            error.problem("config.toml", "nothing was changed: put this right first")
        ) from error


def _comparable(text: str) -> float | str:
    """A number of a file, so that it is equal to itself."""
    number = float(text)
    return text if math.isnan(number) else number
