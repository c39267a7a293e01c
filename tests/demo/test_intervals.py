from hypothesis import given
from hypothesis import strategies as st
from pulltui.demo.intervals import Interval, intersection, total, twice, union

heaps = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


def counts(heap: list[Interval]) -> list[int]:
    return [sum(start <= byte < stop for start, stop in heap) for byte in range(60)]


def covered(intervals: list[Interval]) -> list[bool]:
    """Which bytes they cover; fails unless they are sorted, disjoint, not touching and not empty."""
    flat = [edge for interval in intervals for edge in interval]
    assert flat == sorted(set(flat))
    return [bool(count) for count in counts(intervals)]


@given(heaps)
def test_union_and_twice_agree_with_counting_byte_by_byte(heap: list[Interval]) -> None:
    expected = counts(heap)
    assert covered(union(heap)) == [count >= 1 for count in expected]
    assert covered(twice(heap)) == [count >= 2 for count in expected]
    assert total(heap) == sum(expected)


@given(heaps, heaps)
def test_intersection_is_what_both_cover(left: list[Interval], right: list[Interval]) -> None:
    both = [a > 0 and b > 0 for a, b in zip(counts(left), counts(right), strict=True)]
    assert covered(intersection(left, right)) == both
