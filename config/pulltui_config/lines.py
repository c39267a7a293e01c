"""On which line of a TOML file each key stands. Imported only when a line has to be told."""

from tree_sitter import Node

from pulltui_config.tree import Pair, Place, items, pairs_of, tables


def key_lines(source: bytes) -> dict[Place, int]:
    """The line, from 1, of every key, table and list entry of `source`: valid TOML in UTF-8.

    What the grammar does not follow has no lines.
    """
    lines: dict[Place, int] = {}
    for table in tables(source):
        if table.header:
            _all_of(table.place, table.header, lines)
        for pair in table.pairs:
            _pair(pair, lines)
    return lines


def line_of(lines: dict[Place, int], place: Place) -> int | None:
    """The line of `place`, or of the innermost thing around it that has one."""
    for length in range(len(place), 0, -1):
        if place[:length] in lines:
            return lines[place[:length]]
    return None


def _pair(pair: Pair, lines: dict[Place, int]) -> None:
    _all_of(pair.place, pair.node, lines)
    _value(pair.value, pair.place, lines)


def _value(node: Node, place: Place, lines: dict[Place, int]) -> None:
    """Note the lines of the entries of a list or an inline table."""
    if node.type == "array":
        for index, item in enumerate(items(node)):
            lines[(*place, index)] = _line(item)
            _value(item, (*place, index), lines)
    elif node.type == "inline_table":
        for inner in pairs_of(node, place):
            _pair(inner, lines)


def _all_of(place: Place, node: Node, lines: dict[Place, int]) -> None:
    """Note the line of a place and of everything around it that has none yet."""
    for length in range(1, len(place) + 1):
        lines.setdefault(place[:length], _line(node))


def _line(node: Node) -> int:
    return node.start_point[0] + 1
