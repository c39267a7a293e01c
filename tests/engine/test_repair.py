from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from pulltui.engine.errors import DigestError
from pulltui.engine.partial import Partial, PartialPaths
from pulltui.engine.parts import Mark
from pulltui.engine.repair import Repair

TOTAL = 2000
DATA = random.Random(6).randbytes(TOTAL)
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
GOT = "sha256:" + "00" * 32


@pytest.fixture
def paths(tmp_path: Path) -> PartialPaths:
    return PartialPaths(tmp_path, "sha256-x")


@pytest.fixture
def partial(paths: PartialPaths) -> Iterator[Partial]:
    """Twenty parts of 100 bytes, all written as the server sent them."""
    it = Partial(paths, DIGEST, TOTAL, 100)
    for part in it.table:
        fetch(it, part.n)
    yield it
    it.close()


def fetch(partial: Partial, n: int, wrong: bool = False) -> None:
    part = partial.table.parts[n]
    data = bytes(100) if wrong else DATA[part.offset : part.end]
    partial.write(part, memoryview(data), crc32(data))


def test_parts_that_the_disk_damaged_are_fetched_again_and_no_others(partial: Partial) -> None:
    for n in (3, 7):
        os.pwrite(partial.fd, b"\0" * 10, n * 100 + 50)
    repair = Repair(partial)
    step = repair.next_step(GOT)
    assert [part.n for part in partial.table.unfinished()] == [3, 7]
    assert step.parts == (3, 7)
    assert step.bytes == 200
    assert step.rehash_from == 300
    assert not step.fresh_url
    assert "2 damaged parts" in step.note
    for n in step.parts:
        fetch(partial, n)
    assert repair.came_differently(), "as it came the first time, but not as it was on the disk"


def test_a_part_without_a_checksum_is_suspect(partial: Partial) -> None:
    partial.table.parts[5].mark = Mark(100, None)
    assert Repair(partial).next_step(GOT).parts == (5,)


def test_damage_on_the_wire_is_looked_for_some_parts_at_a_time(partial: Partial) -> None:
    repair = Repair(partial)
    steps = []
    for _ in range(3):
        step = repair.next_step(GOT)
        steps.append(step)
        assert step.fresh_url
        assert [part.n for part in partial.table.unfinished()] == list(step.parts)
        for n in step.parts:
            fetch(partial, n)
        assert not repair.came_differently()
    assert [n for step in steps for n in step.parts] == list(range(20))
    assert [step.rehash_from for step in steps] == [0, 800, 1600]


def test_hashing_again_is_worth_while_as_soon_as_one_came_differently(partial: Partial) -> None:
    repair = Repair(partial)
    for n in repair.next_step(GOT).parts:
        fetch(partial, n, wrong=n == 2)
    assert repair.came_differently()


def test_after_one_pass_it_is_over_with_both_digests_and_nothing_counts(
    partial: Partial, paths: PartialPaths
) -> None:
    repair = Repair(partial)
    for _ in range(3):
        for n in repair.next_step(GOT).parts:
            fetch(partial, n)
    with pytest.raises(DigestError) as caught:
        repair.next_step(GOT)
    assert DIGEST in str(caught.value)
    assert GOT in str(caught.value)
    assert partial.table.written() == 0
    partial.close()
    again = Partial(paths, DIGEST, TOTAL, 100)
    assert again.table.written() == 0, "neither record says that it is complete"
    again.close()


def test_a_pass_over_the_wire_follows_the_repair_of_the_disk(partial: Partial) -> None:
    os.pwrite(partial.fd, b"\0" * 10, 0)
    repair = Repair(partial)
    assert repair.next_step(GOT).parts == (0,)
    fetch(partial, 0)
    assert repair.next_step(GOT).fresh_url
