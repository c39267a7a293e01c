"""Who gets how many lines of the screen."""

from __future__ import annotations

from typing import NamedTuple

TINY_WIDTH, TINY_HEIGHT = 45, 12
"""Below either, one line sums everything up."""
WIDE = 120
NORMAL = 80


class Heights(NamedTuple):
    """Lines for each area; 0 leaves it out. Header and footer take one line each besides."""

    head: int
    pulls: int
    detail: int
    title: int
    map: int
    legend: int
    parts: int


def is_tiny(width: int, height: int) -> bool:
    """Return whether there is room for one line of summary only."""
    return width < TINY_WIDTH or height < TINY_HEIGHT


def is_small(width: int, height: int) -> bool:
    """Return whether a message of some lines would cover what is to be seen."""
    return width < NORMAL or height < 20


def detail_room(height: int) -> int:
    """Return how many lines the selected pull's detail may take at most."""
    return 2 if height < 20 else 4


def arrange(height: int, *, rows: int, detail: int, panel: bool) -> Heights:
    """Share `height` lines, at least TINY_HEIGHT: `rows` in the list, `detail` lines on the selected pull.

    `panel` says whether parts are shown at all. The list takes what it needs as long as the parts keep a
    minimum; what it does not need goes to the bars. An empty list leaves all to the detail: what to do.
    """
    if not rows:
        return Heights(0, 1, height - 3, 0, 0, 0, 0)
    head = 1 if height >= 20 else 0
    room = height - 2 - head - detail
    if not panel:
        return Heights(head, room, detail, 0, 0, 0, 0)
    legend = 1 if height >= 24 else 0
    map_rows = 1 if height < 20 else 2 if height < 30 else 3
    fixed = 1 + map_rows + legend
    least = 2 if height < 20 else 4 if height < 30 else 8
    pulls = max(2, min(rows, room - fixed - least))
    return Heights(head, pulls, detail, 1, map_rows, legend, room - fixed - pulls)
