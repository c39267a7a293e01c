"""The part map's arithmetic: parts of any number and size onto cells of equal byte ranges.

A cell shows the worst state of what lies in its range. The bytes a part has are its head: a part that
stretches over several cells shows done cells first, its own state in the cell its next byte falls into, and
nothing after that. Runs of finished and of untouched parts are taken in one step, so the cost follows what
is going on, not the number of parts.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pulltui.engine.views import PartMap, PartState

_RUNS = re.compile(rb"\x02+|\x00+|[^\x00\x02]", re.DOTALL)
_RANK = {
    PartState.HELD: 1,
    PartState.RECEIVING: 2,
    PartState.QUIET: 3,
    PartState.WAITING: 4,
    PartState.STALLED: 5,
    PartState.FAILED: 6,
}
"""How bad a state is; what is not in here only says whether bytes are there."""
_BY_RANK = {rank: int(state) for state, rank in _RANK.items()}
_HAS, _LACKS = 1, 2
_FILL = (int(PartState.TODO), int(PartState.DONE), int(PartState.TODO), int(PartState.PARTIAL))
"""What a cell shows that has nothing worse in it, by _HAS | _LACKS."""


class Scale(NamedTuple):
    """`cells` cells stand for `size` bytes, each for the same share of them."""

    cells: int
    size: int


def is_even(part_map: PartMap) -> bool:
    """Return whether there are several parts, all of one size but for a shorter last one."""
    sizes = memoryview(part_map.sizes).cast("Q")
    return len(sizes) > 1 and part_map.sizes[:-16] == part_map.sizes[8:-8] and 0 < sizes[-1] <= sizes[0]


def scale(part_map: PartMap, room: int) -> Scale:
    """Return the scale at which the map fits into `room` cells (at least one).

    Parts of one size get a whole number of parts a cell, or of cells a part.
    """
    if not is_even(part_map):
        return Scale(room, max(1, _total(part_map)))
    count, size = len(part_map.states), memoryview(part_map.sizes).cast("Q")[0]
    return Scale(1, size * -(-count // room)) if count > room else Scale(room // count, size)


def cells(part_map: PartMap, at: Scale) -> bytes:
    """Return the map as one byte (PartState) a cell; the last cell may stand for fewer bytes."""
    total = _total(part_map)
    if total == 0:
        return part_map.states[-1:]
    count = -(-total * at.cells // at.size)
    fill, worst = bytearray(count), bytearray(count)
    offsets = memoryview(part_map.offsets).cast("Q")
    sizes = memoryview(part_map.sizes).cast("Q")
    done = memoryview(part_map.done).cast("Q")
    for run in _RUNS.finditer(part_map.states):
        first, last = run.start(), run.end() - 1
        begin, end = offsets[first], offsets[last] + sizes[last]
        state = part_map.states[first]
        if begin == end:
            continue
        if state == PartState.DONE:
            _mark(fill, _touched(begin, end, at), _HAS)
        elif state == PartState.TODO:
            _mark(fill, _touched(begin, end, at), _LACKS)
        else:
            middle = min(begin + done[first], end)
            _mark(fill, _touched(begin, middle, at), _HAS)
            _mark(fill, _touched(middle, end, at), _LACKS)
            rank = _RANK.get(PartState(state), 0)
            ahead = _touched(min(middle, end - 1), end, at)
            for cell in ahead if state == PartState.HELD else ahead[:1]:
                worst[cell] = max(worst[cell], rank)
    return bytes(_BY_RANK[rank] if rank else _FILL[bits] for rank, bits in zip(worst, fill, strict=True))


def _total(part_map: PartMap) -> int:
    """Return the size of the blob: where the last part ends."""
    if not part_map.states:
        return 0
    return memoryview(part_map.offsets).cast("Q")[-1] + memoryview(part_map.sizes).cast("Q")[-1]


def _touched(begin: int, end: int, at: Scale) -> range:
    """Return the cells that the bytes from `begin` to `end` touch."""
    if begin == end:
        return range(0)
    return range(begin * at.cells // at.size, -(-end * at.cells // at.size))


def _mark(fill: bytearray, touched: range, bit: int) -> None:
    """Set `bit` in these cells."""
    if not touched:
        return
    first, last = touched[0], touched[-1]
    if last - first > 1:
        # Cells in between lie wholly in this range, so nothing else marks them.
        fill[first + 1 : last] = bytes((bit,)) * (last - first - 1)
    fill[first] |= bit
    fill[last] |= bit
