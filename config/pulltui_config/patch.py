"""Changing one value in the bytes of a TOML file, and nothing else. Imported only when something is changed.

Every function takes valid TOML in UTF-8 without a byte order mark and returns new bytes; a value is plain
(texts, numbers, lists, dicts). Whether the result says what it should is for the caller to check.
"""

import re
import tomllib
from typing import Any, Final

from pulltui_config.tree import Pair, Place, Table, every_pair, tables
from pulltui_config.values import toml, toml_key

_COMMENTED: Final = re.compile(rb"# ?(?=[^\s#])")
"""How a key that is commented out begins. Deeper ones are examples within prose."""


def put(source: bytes, place: Place, value: Any) -> bytes:
    """Set `place` to `value` where it is written, on the line that has it commented out, or below its table.

    A value spread over [tables] or dotted keys is changed key by key.
    """
    found = tables(source)
    if pair := _pair(found, place):
        written = tomllib.loads(f"_ = {source[pair.value.start_byte : pair.end].decode()}")["_"]
        if type(written) is type(value) and written == value:
            return source
        return _replaced(source, pair.value.start_byte, pair.end, toml(value))
    if not _is_spread(found, place):
        return _add(source, found, place, value)
    if isinstance(value, dict):
        for key in _keys_below(found, place) - set(value):
            source = take_out(source, (*place, key))
        for key, item in value.items():
            source = put(source, (*place, key), item)
        # Without its last key a table may be gone.
        return source if value or _is_spread(tables(source), place) else put(source, place, value)
    entries = {key for key in _keys_below(found, place) if isinstance(key, int)}
    if not entries or not value or not all(isinstance(item, dict) for item in value):
        return put(take_out(source, place), place, value)
    for index in sorted(entries, reverse=True):
        if index >= len(value):
            source = take_out(source, (*place, index))
    for index, item in enumerate(value):
        source = put(source, (*place, index), item) if index in entries else _append(source, place, item)
    return source


def comment_out(source: bytes, place: Place, value: Any) -> bytes:
    """Take `place` out of force: its line becomes a comment that shows `value`, as in the template."""
    pair = _pair(tables(source), place)
    if pair is None or _in_braces(pair):
        return take_out(source, place)
    key = source[pair.start : pair.value.start_byte].decode()
    return _replaced(source, pair.start, pair.end, f"#{key}{toml(value)}")


def take_out(source: bytes, place: Place) -> bytes:
    """Remove `place` and everything below it, with the lines that were theirs alone."""
    while True:
        found = tables(source)
        mine = [pair for pair in every_pair(found) if _within(pair.place, place)]
        if mine:
            source = _without(source, found, mine[-1])
            continue
        headers = [table for table in found if table.header and _within(table.place, place)]
        if not headers:
            return source
        header = headers[-1]
        source = source[: _line_start(source, header.start)] + source[_line_end(source, header.end) :]


def _without(source: bytes, found: list[Table], pair: Pair) -> bytes:
    """Remove a pair: its lines, or within braces also the comma that parts it from a neighbour."""
    if not _in_braces(pair):
        return source[: _line_start(source, pair.start)] + source[_line_end(source, pair.end) :]
    beside = next(outer.inner for outer in every_pair(found) if pair in outer.inner)
    index = beside.index(pair)
    if index:
        return _replaced(source, beside[index - 1].end, pair.end, "")
    return _replaced(source, pair.start, beside[1].start if len(beside) > 1 else pair.end, "")


def _add(source: bytes, found: list[Table], place: Place, value: Any) -> bytes:
    """Write down a place that is not in the file."""
    if span := _commented_out(source, found, place):
        mark, key, first, last = span
        return _replaced(source, mark, last, source[key:first].decode() + toml(value))
    for depth in range(len(place) - 1, 0, -1):
        around = place[:depth]
        if (pair := _pair(found, around)) and pair.value.type == "inline_table":
            return _into_braces(source, pair, f"{_dotted(place[depth:])} = {toml(value)}")
        for table in found:
            if table.header and table.place == around:
                return _below(source, table, f"{_dotted(place[depth:])} = {toml(value)}")
        for table in reversed(found):
            if any(len(table.place) < depth and pair.place[:depth] == around for pair in table.pairs):
                last = max(i for i, pair in enumerate(table.pairs) if pair.place[:depth] == around)
                line = f"{_dotted(place[len(table.place) :])} = {toml(value)}"
                return _below(source, table._replace(pairs=table.pairs[: last + 1]), line)
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for item in value:
            source = _append(source, place, item)
        return source
    if len(place) > 1:
        return _at_end(source, [f"[{_dotted(place[:-1])}]", f"{_dotted(place[-1:])} = {toml(value)}"])
    # Above the first header: below it, the key would be that table's.
    line = f"{_dotted(place)} = {toml(value)}"
    if len(found) == 1 or found[0].pairs:
        return _below(source, found[0], line) if found[0].pairs else _at_end(source, [line])
    at = _line_start(source, found[1].start)
    return source[:at] + f"{line}{_newline(source, at)}".encode() + source[at:]


def _append(source: bytes, place: Place, item: dict[str, Any]) -> bytes:
    """Add an entry to a list of [[tables]]: below the last one, or at the end of the file."""
    lines = [f"[[{_dotted(place)}]]", *(f"{toml_key(key)} = {toml(value)}" for key, value in item.items())]
    mine = [table for table in tables(source) if table.header and _within(table.place, place)]
    if not mine:
        return _at_end(source, lines)
    at = _line_end(source, mine[-1].end)
    return source[:at] + _lines(source, at, ["", *lines]) + source[at:]


def _at_end(source: bytes, lines: list[str]) -> bytes:
    """Add lines at the end of the file, after an empty one."""
    gap = [""] if source.strip() and not re.search(rb"\n[ \t]*\r?\n\Z", source) else []
    return source + _lines(source, len(source), [*gap, *lines])


def _below(source: bytes, table: Table, line: str) -> bytes:
    """Add a line below the last of a table's pairs, indented as that is."""
    start = table.pairs[-1].start if table.pairs else table.start
    indent = source[_line_start(source, start) : start].decode()
    at = _line_end(source, table.end)
    return source[:at] + _lines(source, at, [indent + line]) + source[at:]


def _lines(source: bytes, at: int, lines: list[str]) -> bytes:
    """Lines to be put at `at`, the beginning of a line or the end of the file, ended as those before them.

    A file whose last line has no end goes without one after it too.
    """
    newline = _newline(source, at)
    text = newline.join(lines)
    unended = at == len(source) and source and not source.endswith(b"\n")
    return (newline + text if unended else text + newline).encode()


def _into_braces(source: bytes, pair: Pair, entry: str) -> bytes:
    """Add an entry to an inline table."""
    if pair.inner:
        return _replaced(source, pair.inner[-1].end, pair.inner[-1].end, f", {entry}")
    return _replaced(source, pair.value.start_byte, pair.end, f"{{ {entry} }}")


def _commented_out(source: bytes, found: list[Table], place: Place) -> tuple[int, int, int, int] | None:
    """Where `place` is commented out: begin of the comment, of the key, of the value, and its end."""
    for table in found:
        # What has braces or a header of its own cannot be given keys from outside.
        closed = [place[:depth] for depth in range(len(table.place) + 1, len(place))]
        if any(_pair(found, outer) or any(other.place == outer for other in found) for outer in closed):
            continue
        for comment in table.comments:
            mark = _COMMENTED.match(source, comment.start_byte, comment.end_byte)
            alone = not source[_line_start(source, comment.start_byte) : comment.start_byte].strip()
            pair = _only_pair(source[mark.end() : comment.end_byte]) if mark and alone else None
            if mark and pair and (*table.place, *pair.place) == place:
                key = mark.end()
                return comment.start_byte, key, key + pair.value.start_byte, key + pair.end
    return None


def _only_pair(text: bytes) -> Pair | None:
    """The `key = value` that the text of a comment is, if it is one."""
    try:
        tomllib.loads(text.decode())
    # Prose; a ValueError is a number too long, a RecursionError too many brackets.
    except (ValueError, RecursionError):
        return None
    pairs = tables(text)[0].pairs
    return pairs[0] if pairs else None


def _pair(found: list[Table], place: Place) -> Pair | None:
    return next((pair for pair in every_pair(found) if pair.place == place), None)


def _in_braces(pair: Pair) -> bool:
    return pair.node.parent is not None and pair.node.parent.type == "inline_table"


def _is_spread(found: list[Table], place: Place) -> bool:
    """Whether the value of `place` is made of headers or dotted keys."""
    return bool(_keys_below(found, place)) or any(
        table.header and _within(table.place, place) for table in found
    )


def _keys_below(found: list[Table], place: Place) -> set[str | int]:
    """The keys or indexes that headers and pairs have directly below `place`."""
    below = [table.place for table in found] + [pair.place for pair in every_pair(found)]
    return {other[len(place)] for other in below if len(other) > len(place) and _within(other, place)}


def _within(place: Place, outer: Place) -> bool:
    return place[: len(outer)] == outer


def _replaced(source: bytes, start: int, end: int, text: str) -> bytes:
    return source[:start] + text.encode() + source[end:]


def _line_start(source: bytes, at: int) -> int:
    return source.rfind(b"\n", 0, at) + 1


def _line_end(source: bytes, at: int) -> int:
    """Where the line after the one of `at` begins."""
    newline = source.find(b"\n", at)
    return len(source) if newline < 0 else newline + 1


def _newline(source: bytes, at: int) -> str:
    """How the line before `at` ends; if it does not, how the first does."""
    before = source.rfind(b"\n", 0, at)
    end = before if before >= 0 else source.find(b"\n")
    return "\r\n" if end > 0 and source[end - 1 : end] == b"\r" else "\n"


def _dotted(place: Place) -> str:
    return ".".join(toml_key(str(name)) for name in place)
