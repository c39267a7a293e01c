"""What stands where in a TOML file, in bytes. Imported only when a line has to be told or changed."""

import tomllib
from collections.abc import Iterator
from typing import Final, NamedTuple

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Place = tuple[str | int, ...]
"""Keys of tables are their names, entries of lists (also of [[tables]]) their indexes."""

_KEYS: Final = ("bare_key", "quoted_key", "dotted_key")
_HEADERS: Final = ("table", "table_array_element")


class Pair(NamedTuple):
    """One `key = value`. `base` is the table it is written in, `place` what it sets: longer by its key."""

    base: Place
    place: Place
    node: Node
    value: Node

    @property
    def start(self) -> int:
        """Where the key begins."""
        return self.node.start_byte

    @property
    def end(self) -> int:
        """Where the value ends; a comment may follow."""
        return self.value.end_byte

    @property
    def inner(self) -> list["Pair"]:
        """The pairs of an inline table."""
        return pairs_of(self.value, self.place) if self.value.type == "inline_table" else []


class Table(NamedTuple):
    """A [table], an entry [[table]], or the top of the file, which is first and has no header."""

    place: Place
    header: Node | None
    """What `place` is read from, with its brackets around."""
    pairs: list[Pair]
    comments: list[Node]
    """Those between the pairs, not those behind or within them."""

    @property
    def start(self) -> int:
        """Where the header's brackets begin; 0 for the top."""
        return self.header.parent.start_byte if self.header and self.header.parent else 0

    @property
    def end(self) -> int:
        """Where the last pair ends, or the header if there is none."""
        if self.pairs:
            return self.pairs[-1].end
        bracket = self.header.next_sibling if self.header else None
        return bracket.end_byte if bracket else 0


def tables(source: bytes) -> list[Table]:
    """The tables of `source` (valid TOML in UTF-8, no byte order mark) in the order of the file.

    The grammar is https://github.com/tree-sitter-grammars/tree-sitter-toml; what it does not follow is left
    out.
    """
    root = Parser(Language(tree_sitter_toml.language())).parse(source).root_node
    found = [Table((), None, pairs_of(root, ()), [])]
    counts: dict[Place, int] = {}
    for node in root.named_children:
        if node.type == "comment":
            # The grammar puts comments at a table's end outside of it.
            found[-1].comments.append(node)
        elif node.type in _HEADERS and (header := _header(node)):
            place = _place(header, node.type == "table_array_element", counts)
            comments = [child for child in node.named_children if child.type == "comment"]
            found.append(Table(place, header, pairs_of(node, place), comments))
    return found


def every_pair(found: list[Table]) -> Iterator[Pair]:
    """Every pair of the tables, also those within inline tables."""
    todo = [pair for table in reversed(found) for pair in reversed(table.pairs)]
    while todo:
        pair = todo.pop()
        yield pair
        todo += reversed(pair.inner)


def items(array: Node) -> list[Node]:
    """The entries of a list."""
    return [child for child in array.named_children if child.type != "comment"]


def pairs_of(node: Node, base: Place) -> list[Pair]:
    """The pairs directly within a table or inline table."""
    pairs = []
    for child in node.named_children:
        inside = items(child) if child.type == "pair" else []
        if len(inside) == 2:
            pairs.append(Pair(base, (*base, *_names(inside[0])), child, inside[1]))
    return pairs


def _header(node: Node) -> Node | None:
    """The key between the brackets of a header."""
    return next((child for child in node.named_children if child.type in _KEYS), None)


def _place(header: Node, many: bool, counts: dict[Place, int]) -> Place:
    """The place that a header names. `counts` has the entries of lists of tables so far; `many`: one more."""
    place: Place = ()
    names = _names(header)
    for depth, name in enumerate(names, start=1):
        place = (*place, name)
        if many and depth == len(names):
            counts[place] = counts.get(place, 0) + 1
        if place in counts:
            place = (*place, counts[place] - 1)
    return place


def _names(key: Node) -> list[str]:
    """The names in a key: a.'b c'."d" is three. Dots and escapes within quotes are tomllib's to know."""
    if key.type not in _KEYS or key.text is None:
        return []
    if key.type == "bare_key":
        return [key.text.decode()]
    names = []
    inner = tomllib.loads(f"{key.text.decode()} = 0")
    while isinstance(inner, dict):
        name, inner = next(iter(inner.items()))
        names.append(name)
    return names
