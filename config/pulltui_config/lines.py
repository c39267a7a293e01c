"""On which line of a TOML file each key stands. Imported only when a line has to be told."""

import tomllib
from typing import Final

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Place = tuple[str | int, ...]

_KEYS: Final = ("bare_key", "quoted_key", "dotted_key")
_HEADERS: Final = ("table", "table_array_element")


def key_lines(source: bytes) -> dict[Place, int]:
    """The line, from 1, of every key, table and list entry of `source`: valid TOML in UTF-8.

    Keys of tables are their names, entries of lists (also of [[tables]]) their indexes. What the grammar
    (https://github.com/tree-sitter-grammars/tree-sitter-toml) does not follow has no lines.
    """
    lines: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    for node in Parser(Language(tree_sitter_toml.language())).parse(source).root_node.named_children:
        if node.type == "pair":
            _pair(node, (), lines)
        elif node.type in _HEADERS:
            _table(node, lines, counts)
    return lines


def line_of(lines: dict[Place, int], place: Place) -> int | None:
    """The line of `place`, or of the innermost thing around it that has one."""
    for length in range(len(place), 0, -1):
        if place[:length] in lines:
            return lines[place[:length]]
    return None


def _table(node: Node, lines: dict[Place, int], counts: dict[Place, int]) -> None:
    """Note the lines of a [table] or [[table]] and of what is in it. `counts` has the entries so far."""
    inside = _without_comments(node)
    place: Place = ()
    names = _names(inside[0]) if inside else []
    for depth, name in enumerate(names, start=1):
        place = (*place, name)
        if node.type == "table_array_element" and depth == len(names):
            counts[place] = counts.get(place, 0) + 1
            lines.setdefault(place, _line(node))
        if place in counts:
            place = (*place, counts[place] - 1)
        lines.setdefault(place, _line(node))
    for pair in inside[1:]:
        if pair.type == "pair":
            _pair(pair, place, lines)


def _pair(node: Node, place: Place, lines: dict[Place, int]) -> None:
    """Note the lines of `key = value` and of what is in the value."""
    inside = _without_comments(node)
    for name in _names(inside[0]) if inside else []:
        place = (*place, name)
        lines.setdefault(place, _line(node))
    if len(inside) == 2:
        _value(inside[1], place, lines)


def _value(node: Node, place: Place, lines: dict[Place, int]) -> None:
    """Note the lines of the entries of a list or an inline table."""
    inside = _without_comments(node)
    if node.type == "array":
        for index, item in enumerate(inside):
            lines[(*place, index)] = _line(item)
            _value(item, (*place, index), lines)
    elif node.type == "inline_table":
        for pair in inside:
            if pair.type == "pair":
                _pair(pair, place, lines)


def _without_comments(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type != "comment"]


def _names(key: Node) -> list[str]:
    """The names in a key: a.'b c'."d" is three. Dots and escapes within quotes are tomllib's to know."""
    if key.type not in _KEYS or key.text is None:
        return []
    names = []
    inner = tomllib.loads(f"{key.text.decode()} = 0")
    while isinstance(inner, dict):
        name, inner = next(iter(inner.items()))
        names.append(name)
    return names


def _line(node: Node) -> int:
    return node.start_point[0] + 1
