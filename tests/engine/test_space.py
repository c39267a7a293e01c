from __future__ import annotations

from pathlib import Path

import pytest
from pulltui.engine.manifest import Layer
from pulltui.engine.space import Space
from pulltui.engine.store import Store

MB = 1_000_000


class Disk(Store):
    """A store with so much room and such partials."""

    def __init__(self, free: int, occupied: dict[str, int], here: set[str]) -> None:
        super().__init__(Path("/models"))
        self._free, self._occupied, self._here = free, occupied, here

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
