from __future__ import annotations

import os
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.ring import Ring

SIZE = 1000


def taken(ring: Ring, chunk: bytes) -> tuple[memoryview, int]:
    """The copy of a chunk that there is room for."""
    found = ring.copy(memoryview(chunk))
    assert found is not None
    return found


@given(sizes=st.lists(st.integers(1, SIZE // 2), max_size=100), kept=st.integers(0, 10))
def test_what_is_not_given_back_stays_as_it_was(sizes: list[int], kept: int) -> None:
    ring = Ring(SIZE)
    out: deque[tuple[bytes, memoryview, int]] = deque()
    for size in sizes:
        chunk = os.urandom(size)
        while (found := ring.copy(memoryview(chunk))) is None:
            assert out, "an empty ring has room for all that is not larger than it"
            ring.give_back(out.popleft()[2])
        out.append((chunk, *found))
        while len(out) > kept:
            ring.give_back(out.popleft()[2])
        assert all(copy == original for original, copy, _ in out)


def test_it_is_full_at_its_size_and_has_room_again_for_what_is_given_back() -> None:
    ring = Ring(SIZE)
    _, first = taken(ring, bytes(600))
    taken(ring, bytes(400))
    assert ring.copy(memoryview(b"x")) is None
    ring.give_back(first)
    taken(ring, bytes(600))
    assert ring.copy(memoryview(b"x")) is None


@pytest.mark.parametrize("held", [0, 100, 900])
def test_a_chunk_that_does_not_fit_is_not_taken(held: int) -> None:
    ring = Ring(SIZE)
    copies = [taken(ring, bytes(held))] if held else []
    assert ring.copy(memoryview(bytes(SIZE + 1 - held))) is None
    for _, end in copies:
        ring.give_back(end)
    taken(ring, bytes(SIZE))


def test_a_copy_is_in_one_piece_and_its_source_is_free() -> None:
    ring = Ring(SIZE)
    source = bytearray(b"a" * 700)
    _, end = taken(ring, bytes(source))
    ring.give_back(end)
    kept, _ = taken(ring, b"b" * 700)
    assert kept.contiguous
    source[:] = b"c" * 700
    assert kept == b"b" * 700


def test_little_that_waits_uses_little_memory() -> None:
    ring = Ring(SIZE)
    waiting = deque([taken(ring, b"x" * 100)])
    for _ in range(50):
        waiting.append(taken(ring, b"x" * 100))
        ring.give_back(waiting.popleft()[1])
    assert bytes(ring._memory[400:]) == bytes(SIZE - 400)
