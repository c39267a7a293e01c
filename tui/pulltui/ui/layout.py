"""Who gets how many lines of the screen."""

from __future__ import annotations

from typing import NamedTuple

TINY_WIDTH, TINY_HEIGHT = 45, 12
"""Below either, one line sums everything up, above what fits of the list and the keys."""
NORMAL = 80
_READABLE = 30
"""Cells below which a row has no room for a name."""


class Heights(NamedTuple):
    """Lines for each area; 0 leaves it out. Header, tabs and footer take one line each besides."""

    head: int
    pulls: int
    panel: int


def is_tiny(width: int, height: int) -> bool:
    """Return whether there is no room for more than a summary, some rows and the keys."""
    return width < TINY_WIDTH or height < TINY_HEIGHT


def tiny_rows(width: int, height: int) -> int:
    """Return how many lines of a tiny screen the list gets, between summary and keys."""
    return max(0, height - 2) if width >= _READABLE else 0


def is_small(width: int, height: int) -> bool:
    """Return whether a message of some lines would cover what is to be seen."""
    return width < NORMAL or height < 20


def arrange(height: int, *, rows: int, parts: bool, large: bool = False) -> Heights:
    """Share `height` lines, at least TINY_HEIGHT, between `rows` of the list and the panel beneath it.

    `parts`: the panel has parts to show, else only sentences. The list takes what it needs as long as the
    panel keeps a minimum; what it does not need goes to the panel. `large`: the panel takes all but the row
    it is about. An empty list leaves all to the panel: what to do.
    """
    room = height - 3
    if not rows:
        return Heights(0, 0, room)
    if large:
        return Heights(0, 1, room - 1)
    head = 1 if height >= 20 else 0
    room -= head
    least = (5 if height < 20 else 9 if height < 30 else 14) if parts else 3
    pulls = max(2, min(rows, room - least))
    return Heights(head, pulls, room - pulls)
