"""The part map's arithmetic, by example and against a slow and obvious reckoning."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulltui.engine.views import PartMap, PartState
from pulltui.ui.cells import Scale, cells, scale
from support.scenes import part_map

TODO, PARTIAL, DONE, HELD, RECEIVING, WAITING, QUIET, STALLED, FAILED = PartState
WORST_FIRST = (FAILED, STALLED, WAITING, QUIET, RECEIVING, HELD)


def even(states: Sequence[int], size: int = 10, done: dict[int, int] | None = None) -> PartMap:
    have = [size if state == DONE else 0 for state in states]
    for part, count in (done or {}).items():
        have[part] = count
    return part_map(states, [size] * len(states), have)


def test_one_cell_a_part() -> None:
    states = [DONE, DONE, RECEIVING, STALLED, QUIET, WAITING, HELD, TODO, FAILED]
    assert cells(even(states), Scale(1, 10)) == bytes(states)


@pytest.mark.parametrize("worse", range(len(WORST_FIRST) - 1))
def test_the_worst_state_of_a_cell_wins(worse: int) -> None:
    pair = [WORST_FIRST[worse], WORST_FIRST[worse + 1]]
    assert cells(even(pair), Scale(1, 20)) == bytes([pair[0]])
    assert cells(even(pair[::-1]), Scale(1, 20)) == bytes([pair[0]])


def test_one_stalled_part_among_three_thousand_shows() -> None:
    states = [int(DONE)] * 3000
    states[1234] = STALLED
    shown = cells(even(states), scale(even(states), 116))
    assert shown.count(STALLED) == 1
    assert shown.count(DONE) == len(shown) - 1 <= 115


def test_a_cell_of_finished_and_untouched_parts_is_partial() -> None:
    assert cells(even([DONE, TODO]), Scale(1, 20)) == bytes([PARTIAL])
    assert cells(even([PARTIAL], done={0: 5}), Scale(1, 10)) == bytes([PARTIAL])
    assert cells(even([PARTIAL, DONE], done={0: 0}), Scale(1, 10)) == bytes([TODO, DONE])


def test_a_part_over_many_cells_shows_its_head_and_where_it_is() -> None:
    one = part_map([RECEIVING], [100], [45])
    assert cells(one, Scale(1, 10)) == bytes([DONE] * 4 + [RECEIVING] + [TODO] * 5)
    full = part_map([RECEIVING], [100], [100])
    assert cells(full, Scale(1, 10)) == bytes([DONE] * 9 + [RECEIVING])


def test_a_held_part_is_held_to_its_end() -> None:
    assert cells(part_map([HELD], [100], [45]), Scale(1, 10)) == bytes([DONE] * 4 + [HELD] * 6)


def test_an_empty_blob_has_one_cell() -> None:
    assert cells(part_map([DONE], [0], [0]), Scale(1, 10)) == bytes([DONE])
    assert scale(part_map([DONE], [0], [0]), 80) == Scale(80, 1)


@pytest.mark.parametrize(
    ("parts", "room", "expected"),
    [
        (188, 348, Scale(1, 100)),
        (188, 100, Scale(1, 200)),
        (3000, 348, Scale(1, 900)),
        (1, 80, Scale(80, 100)),
        (10, 85, Scale(8, 100)),
    ],
)
def test_cells_are_whole_parts_or_parts_whole_cells(parts: int, room: int, expected: Scale) -> None:
    assert scale(even([TODO] * parts, size=100), room) == expected


def test_cells_end_where_parts_end() -> None:
    parts = even([DONE, TODO, DONE, TODO, TODO, TODO], size=16_000_000)
    shown = cells(parts, scale(parts, 354))
    assert shown == bytes(state for part in (DONE, TODO, DONE, TODO, TODO, TODO) for state in [part] * 59)


@st.composite
def maps(draw: st.DrawFn) -> PartMap:
    sizes = draw(st.lists(st.integers(1, 20), min_size=1, max_size=12))
    if draw(st.booleans()):
        sizes = [sizes[0]] * (len(sizes) - 1) + [draw(st.integers(1, sizes[0]))]
    states = draw(st.lists(st.sampled_from(list(PartState)), min_size=len(sizes), max_size=len(sizes)))
    done = []
    for size, state in zip(sizes, states, strict=True):
        have = draw(st.integers(0, size))
        done.append(size if state == DONE else 0 if state == TODO else have)
    return part_map([int(state) for state in states], sizes, done)


def slowly(part_map: PartMap, at: Scale) -> bytes:
    """Look at every byte by itself."""
    shown: dict[int, set[int]] = {}
    offset = 0
    for n, state in enumerate(part_map.states):
        whole, have = array("Q", part_map.sizes)[n], array("Q", part_map.done)[n]
        frontier = min(have, whole - 1)
        for byte in range(whole):
            begin, end = (offset + byte) * at.cells, (offset + byte + 1) * at.cells
            touched = [cell for cell in range(600) if cell * at.size < end and begin < (cell + 1) * at.size]
            for cell in touched:
                here = shown.setdefault(cell, set())
                here.add(DONE if byte < have else TODO)
                ahead = byte >= frontier if state == HELD else byte == frontier and cell == touched[0]
                if state in WORST_FIRST and ahead:
                    here.add(state)
        offset += whole
    result = []
    for cell in range(len(shown)):
        here = shown[cell]
        worst = next((state for state in WORST_FIRST if state in here), None)
        plain = PARTIAL if {DONE, TODO} <= here else DONE if DONE in here else TODO
        result.append(plain if worst is None else worst)
    return bytes(result)


@settings(deadline=None)
@given(part_map=maps(), room=st.integers(1, 300))
def test_agrees_with_looking_at_every_byte(part_map: PartMap, room: int) -> None:
    at = scale(part_map, room)
    shown = cells(part_map, at)
    assert len(shown) <= room
    assert shown == slowly(part_map, at)
