from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.parts import Mark, Part, PartTable, lay_out, part_size_for
from pulltui.engine.views import PartState

NOBODY = object()


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_layout_covers_the_blob_exactly(size: int, part_size: int) -> None:
    if size // part_size > 5000:
        part_size = size // 5000 + 1
    table = PartTable(lay_out(size, part_size))
    assert table.total == size
    assert [part.n for part in table] == list(range(len(table)))
    assert table.parts[0].offset == 0
    assert all(left.end == right.offset for left, right in zip(table.parts, table.parts[1:], strict=False))
    assert all(part.size == part_size for part in table.parts[:-1])
    assert 0 < table.parts[-1].size <= part_size


@pytest.mark.parametrize("part_size", [0, -1])
def test_a_part_size_that_leads_nowhere_is_refused(part_size: int) -> None:
    with pytest.raises(ValueError, match="part size"):
        lay_out(100, part_size)


@pytest.mark.parametrize(
    ("layout", "size", "expected"),
    [
        ("fixed", 40 * 10**9, 16_000_000),
        ("fixed", 120 * 10**9, 16_000_000),
        ("fixed", 400 * 10**9, 53_333_334),
        ("sixteenths", 40 * 10**9, 1_000_000_000),
        ("sixteenths", 4_800_000_000, 300_000_000),
        ("sixteenths", 5_000, 100_000_000),
    ],
)
def test_part_sizes_of_the_layouts(layout: str, size: int, expected: int) -> None:
    assert part_size_for(layout, size, 16_000_000) == expected


@pytest.mark.parametrize(
    "parts",
    [
        [Part(0, 0, 5), Part(1, 6, 5)],
        [Part(0, 0, 5), Part(1, 4, 5)],
        [Part(1, 0, 5)],
        [Part(0, 0, 5), Part(0, 5, 5)],
        [Part(0, 0, 0)],
        [Part(0, 3, 5)],
    ],
)
def test_a_table_has_no_gap_and_no_overlap(parts: list[Part]) -> None:
    with pytest.raises(ValueError, match="does not follow"):
        PartTable(parts)


@st.composite
def tables(draw: st.DrawFn) -> PartTable:
    """Tables in any state: some parts written, owned, parked, waiting."""
    sizes = draw(st.lists(st.integers(1, 50), min_size=1, max_size=30))
    parts, offset = [], 0
    for n, size in enumerate(sizes):
        part = Part(n, offset, size, Mark(draw(st.sampled_from([0, 0, size // 2, size])), 0))
        part.owner = draw(st.sampled_from([None, None, None, NOBODY]))
        part.parked = draw(st.integers(0, 5)) == 0
        part.not_before = draw(st.sampled_from([0.0, 0.0, 0.0, 5.0, 20.0]))
        parts.append(part)
        offset += size
    return PartTable(parts)


@given(tables(), st.integers(1, 200))
def test_runs_never_overlap_and_ask_for_nothing_that_is_written(table: PartTable, want: int) -> None:
    taken: set[int] = set()
    now = 10.0
    while run := table.take_run(want, now):
        asked = sum(part.size - part.mark.written for part in run)
        assert asked - (run[-1].size - run[-1].mark.written) < want, "longer than wanted"
        for index, part in enumerate(run):
            assert part.owner is None
            assert not part.parked
            assert part.not_before <= now
            assert not part.done
            assert part.n not in taken
            assert index == 0 or (part.offset == run[index - 1].end and part.mark.written == 0)
            taken.add(part.n)
            part.owner = run
    for part in table:
        free = part.owner is None and not part.parked and part.not_before <= now and not part.done
        assert not free, f"part {part.n} was left behind"


@given(tables())
def test_the_written_prefix_ends_at_the_first_byte_that_is_missing(table: PartTable) -> None:
    written = bytearray(table.total)
    for part in table:
        written[part.offset : part.offset + part.mark.written] = b"\1" * part.mark.written
    prefix = written.find(0) if 0 in written else table.total
    assert table.written_prefix(0) == prefix
    for start in range(0, prefix + 1, 7):
        assert table.written_prefix(start) == prefix
    assert table.written() == sum(written)
    assert [part.n for part in table.unfinished()] == [part.n for part in table if not part.done]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.data())
def test_every_byte_has_its_part(sizes: list[int], data: st.DataObject) -> None:
    table = PartTable([Part(n, sum(sizes[:n]), size) for n, size in enumerate(sizes)])
    offset = data.draw(st.integers(0, table.total - 1))
    part = table.at(offset)
    assert part.offset <= offset < part.end


def test_a_part_that_is_reset_is_unfinished_again() -> None:
    table = PartTable([Part(n, n * 10, 10, Mark(10, 7)) for n in range(4)])
    assert list(table.unfinished()) == []
    table.reset(table.parts[2])
    assert [part.n for part in table.unfinished()] == [2]
    assert table.parts[2].state is PartState.TODO
    assert table.take_run(100, 0.0) == [table.parts[2]]


def test_progress_refills_the_budget_and_its_lack_parks_the_part() -> None:
    part = Part(0, 0, 1000)
    assert [part.fail("reset", 2) for _ in range(3)] == [True, True, False]
    part.settle()
    assert part.parked
    assert part.state is PartState.FAILED

    part.forgive()
    part.settle()
    assert (part.parked, part.failures, part.state) == (False, 0, PartState.TODO)

    part.fail("reset", 2)
    part.gain(99, refill=100)
    assert part.failures == 1
    part.gain(1, refill=100)
    assert part.failures == 0
    part.fail("reset", 2)
    part.gain(99, refill=100)
    part.fail("reset", 2)
    part.gain(99, refill=100)
    assert part.failures == 2, "progress between failures does not add up"


def test_what_was_received_but_never_written_is_not_counted() -> None:
    part = Part(0, 0, 100, Mark(30, 1))
    part.gain(50, refill=1000)
    part.settle()
    assert part.received == 30
    assert part.state is PartState.PARTIAL


def test_a_part_is_split_behind_what_came_of_it() -> None:
    table = PartTable(lay_out(1000, 400))
    first, second, third = table.parts
    first.mark = Mark(100, 1)
    first.received = 150
    before = table.parts
    back = table.split(first, 300)
    assert [(part.n, part.offset, part.size) for part in table] == [
        (0, 0, 300),
        (1, 300, 100),
        (2, 400, 400),
        (3, 800, 200),
    ]
    assert back is table.at(300) is table.at(399)
    assert (back.mark, back.state, back.slot) == (Mark(0, 0), PartState.TODO, 3)
    assert (first.slot, second.slot, third.slot) == (0, 1, 2), "the others stay where they are on disk"
    assert before == [first, second, third], "other threads may still walk along the old list"


@pytest.mark.parametrize("at", [0, 100, 150, 400, 401])
def test_a_part_is_not_split_within_what_came_nor_at_its_ends(at: int) -> None:
    table = PartTable(lay_out(1000, 400))
    table.parts[0].mark = Mark(100, 1)
    table.parts[0].received = 150
    with pytest.raises(ValueError, match="cannot be cut"):
        table.split(table.parts[0], at)


def test_who_walks_along_while_a_part_is_split_never_steps_over_the_new_one() -> None:
    """A thread that has the old list in its hands sees the shrunk part as done, and stops at the cut."""

    class Walking(PartTable):
        """Splits in the moment in which the walker has taken the list."""

        cut = False

        @property
        def parts(self) -> list[Part]:  # type: ignore[override]
            old = self._list
            if self.cut:
                self.cut = False
                PartTable.split(self, old[0], 300)
            return old

        @parts.setter
        def parts(self, parts: list[Part]) -> None:
            self._list = parts

    table = Walking(lay_out(1000, 400))
    first, second, _ = table.parts
    first.mark = Mark(299, 1)
    second.mark = Mark(400, 1)
    table.cut = True
    assert table.written_prefix(0) == 299
    first.mark = Mark(300, 1)
    assert table.written_prefix(0) == 300
