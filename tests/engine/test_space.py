from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pulltui.engine.manifest import Layer
from pulltui.engine.space import Room, Space
from pulltui.engine.store import Store
from pulltui_config.settings import Storage

MB = 1_000_000


class Disk(Store):
    """A store with so much room and such partials."""

    def __init__(self, free: int, occupied: dict[str, int], here: set[str]) -> None:
        super().__init__(Path("/models"))
        self._free, self._occupied, self._here = free, occupied, here
        self.tried: list[int] = []

    def takes(self, size: int) -> bool:
        self.tried.append(size)
        return size <= self._free

    def free(self) -> int:
        return self._free

    def occupied(self, digest: str) -> int:
        return self._occupied.get(digest, 0)

    def has(self, layer: Layer) -> bool:
        return layer.digest in self._here


def layer(name: str, size: int) -> Layer:
    return Layer(name, size, "a/b", "model")


A, B, C = layer("a", 100 * MB), layer("b", 50 * MB), layer("c", 30 * MB)


@pytest.mark.parametrize(
    ("free", "fits"),
    [(160 * MB, True), (160 * MB - 1, False)],
)
def test_needed_is_what_is_missing_and_keep_free_stays(free: int, fits: bool) -> None:
    problem = Space(Disk(free, {}, set()), [A, B], [], 10 * MB).problem()
    assert (problem is None) == fits


def test_what_partials_occupy_and_what_is_here_is_not_needed_again() -> None:
    assert Space(Disk(20 * MB, {"a": 80 * MB}, {"b"}), [A, B], [], 0).problem() is None
    assert Space(Disk(0, {"a": 120 * MB}, {"b"}), [A, B], [], 0).problem() is None


def test_what_other_pulls_will_write_is_theirs() -> None:
    problem = Space(Disk(120 * MB, {}, set()), [A], [C], 0).problem()
    assert problem is not None
    assert "needs 100 MB, other pulls 30.0 MB, 120 MB free" in str(problem)
    assert problem.exit_code == 3
    assert "nothing that came is lost" in problem.hint


def test_who_needs_nothing_always_fits() -> None:
    assert Space(Disk(0, {}, {"a"}), [A], [B], 10**9).problem() is None


def room(disk: Disk, *, check_space: bool = True, keep_free: int = 0) -> Room:
    return Room(disk, lambda: Storage(check_space=check_space, keep_free=keep_free))


async def test_what_was_promised_to_one_is_not_promised_to_another() -> None:
    it = room(Disk(120 * MB, {}, set()))
    assert await it.enter("p1", [A]) is None
    problem = await it.enter("p2", [B])
    assert problem is not None
    assert "needs 50.0 MB, other pulls 100 MB, 120 MB free" in str(problem)
    assert await it.enter("p3", [A]) is None, "the very same blob is fetched once"
    it.leave("p1")
    assert await it.enter("p2", [B]) is not None, "the third still wants it"
    it.leave("p3")
    assert await it.enter("p2", [B]) is None


async def test_of_two_that_ask_at_once_one_gets_the_room() -> None:
    it = room(Disk(120 * MB, {}, set()))
    answers = await asyncio.gather(it.enter("p1", [A]), it.enter("p2", [B]))
    assert [answer is None for answer in answers] == [True, False]


async def test_who_is_refused_holds_nothing() -> None:
    it = room(Disk(60 * MB, {}, set()))
    assert await it.enter("p1", [A]) is not None
    assert await it.enter("p2", [B]) is None


async def test_nobody_is_refused_where_nobody_wants_it_checked() -> None:
    assert await room(Disk(0, {}, set()), check_space=False).enter("p1", [A]) is None


async def test_a_disk_that_was_full_is_tried_out_with_what_is_needed_within_bounds() -> None:
    disk = Disk(200 * MB, {"b": 50 * MB - 5_000_000}, set())
    it = room(disk)
    assert await it.writable("p1", [A])
    assert await it.writable("p1", [B])
    assert await it.writable("p1", [])
    assert disk.tried == [16 << 20, 5_000_000, 1 << 20]
    assert not await room(Disk(1000, {}, set())).writable("p1", [A])
