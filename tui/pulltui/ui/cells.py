"""The part map's arithmetic: parts of any number and size onto cells of equal byte ranges.

A cell shows the worst state of what lies in its range. The bytes a part has are its head: a part that
stretches over several cells shows done cells first, its own state in the cell its next byte falls into, and
nothing after that. Runs of finished and of untouched parts are taken in one step, so the cost follows what
is going on, not the number of parts.
"""

from __future__ import annotations

import re

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


def cell_bytes(part_map: PartMap, room: int) -> int:
    """Return how many bytes a cell must stand for so that the map fits into `room` cells.

    Parts of one size get a whole number of parts a cell, or of cells a part, as far as that works out.
    """
    sizes = memoryview(part_map.sizes).cast("Q")
    total = _total(part_map)
    room = max(1, room)
    if len(sizes) > 1 and part_map.sizes[:-16] == part_map.sizes[8:-8] and sizes[-1] <= sizes[0]:
        if len(sizes) > room:
            return max(1, sizes[0] * -(-len(sizes) // room))
        return max(1, -(-sizes[0] // (room // len(sizes))))
    return max(1, -(-total // room))


def cells(part_map: PartMap, size: int) -> bytes:
    """Return the map as one byte (PartState) a cell of `size` bytes; the last cell may stand for fewer."""
    total = _total(part_map)
    if total == 0:
        return part_map.states[-1:]
    count = -(-total // size)
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
            _mark(fill, begin, end, size, _HAS)
        elif state == PartState.TODO:
            _mark(fill, begin, end, size, _LACKS)
        else:
            middle = min(begin + done[first], end)
            _mark(fill, begin, middle, size, _HAS)
            _mark(fill, middle, end, size, _LACKS)
            rank = _RANK.get(PartState(state), 0)
            ahead = range(min(middle, end - 1) // size, -(-end // size))
            for cell in ahead if state == PartState.HELD else ahead[:1]:
                worst[cell] = max(worst[cell], rank)
    return bytes(_BY_RANK[rank] if rank else _FILL[bits] for rank, bits in zip(worst, fill, strict=True))


def _total(part_map: PartMap) -> int:
    """Return the size of the blob: where the last part ends."""
    if not part_map.states:
        return 0
    return memoryview(part_map.offsets).cast("Q")[-1] + memoryview(part_map.sizes).cast("Q")[-1]


def _mark(fill: bytearray, begin: int, end: int, size: int, bit: int) -> None:
    """Set `bit` in all cells that the bytes from `begin` to `end` touch."""
    if begin == end:
        return
    first, last = begin // size, (end - 1) // size
    if last - first > 1:
        # Cells in between lie wholly in this range, so nothing else marks them.
        fill[first + 1 : last] = bytes((bit,)) * (last - first - 1)
    fill[first] |= bit
    fill[last] |= bit
