"""Byte ranges as half-open pairs `(start, stop)` and what can be asked of a heap of them."""

from __future__ import annotations

from collections.abc import Iterable

Interval = tuple[int, int]


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """What is covered at least once: sorted, disjoint, touching ones joined, empty ones dropped."""
    return _covered(intervals, 1)


def twice(intervals: Iterable[Interval]) -> list[Interval]:
    """What is covered at least two times: sorted, disjoint."""
    return _covered(intervals, 2)


def intersection(left: Iterable[Interval], right: Iterable[Interval]) -> list[Interval]:
    """What both heaps cover: sorted, disjoint."""
    return twice([*union(left), *union(right)])


def total(intervals: Iterable[Interval]) -> int:
    """The sum of the lengths, bytes covered several times counted several times."""
    return sum(max(0, stop - start) for start, stop in intervals)


def _covered(intervals: Iterable[Interval], least: int) -> list[Interval]:
    """What is covered at least `least` times. Sweeps over the edges, counting how many are open."""
    edges = sorted(edge for start, stop in intervals if start < stop for edge in ((start, 1), (stop, -1)))
    covered: list[Interval] = []
    depth = 0
    opened = 0
    for position, change in edges:
        before, depth = depth, depth + change
        if before < least <= depth:
            opened = position
        elif depth < least <= before and position > opened:
            if covered and covered[-1][1] == opened:
                opened = covered.pop()[0]
            covered.append((opened, position))
    return covered
