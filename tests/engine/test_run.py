from __future__ import annotations

import random
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.parts import Mark, Part, PartTable
from pulltui.engine.run import Run
from pulltui.engine.source import Source
from pulltui.engine.views import PartState

NO_SOURCE = cast(Source, None)
DATA = random.Random(7).randbytes(1000)


class Paper:
    """Stands for the writer: puts each piece behind what the part has, as it does."""

    def __init__(self, table: PartTable) -> None:
        self.table = table
        self.content = bytearray(table.total)
        for part in table:
            done = slice(part.offset, part.offset + part.mark.written)
            self.content[done] = DATA[done]

    def submit(self, part: Part, piece: memoryview) -> None:
        assert piece
        position = part.offset + part.mark.written
        assert position + len(piece) <= part.end, "over the part's end"
        self.content[position : position + len(piece)] = piece
        part.mark = Mark(part.mark.written + len(piece), None)


def table_of(*marks: int, size: int = 100) -> PartTable:
    return PartTable(Part(n, n * size, size, Mark(written, None)) for n, written in enumerate(marks))


def feed(run: Run, paper: Paper, data: bytes, cuts: list[int]) -> None:
    view = memoryview(data)
    for cut in cuts:
        run.feed(view[:cut], paper.submit, refill=10**9)
        view = view[cut:]
    run.feed(view, paper.submit, refill=10**9)


@given(
    st.integers(0, 99),
    st.integers(1, 6),
    st.lists(st.integers(1, 250), max_size=10),
    st.integers(0, 50),
)
def test_a_run_puts_every_byte_where_it_belongs(
    prefix: int, parts: int, cuts: list[int], surplus: int
) -> None:
    table = table_of(prefix, *[0] * (parts - 1))
    paper = Paper(table)
    run = Run(table.parts, NO_SOURCE, 5.0)
    assert (run.start, run.end) == (prefix, parts * 100)
    feed(run, paper, DATA[prefix : parts * 100] + b"?" * surplus, cuts)
    assert run.complete
    assert run.received == parts * 100 - prefix
    assert bytes(paper.content) == DATA[: parts * 100]
    run.let_go()
    assert all(part.owner is None and part.state is PartState.DONE for part in table)


@given(st.lists(st.integers(0, 100), min_size=2, max_size=8), st.lists(st.integers(1, 250), max_size=10))
def test_a_whole_blob_passes_over_what_is_written(marks: list[int], cuts: list[int]) -> None:
    table = table_of(*marks)
    paper = Paper(table)
    run = Run(table.parts, NO_SOURCE, 5.0, whole=True)
    assert run.start == 0
    # What is written already differs from what comes, so that a byte written twice would show.
    came = bytearray(DATA[: table.total])
    for part in table:
        came[part.offset : part.offset + part.mark.written] = b"?" * part.mark.written
    feed(run, paper, bytes(came), cuts)
    assert run.complete
    assert bytes(paper.content) == DATA[: table.total]


def test_what_counts_as_missing_again_behind_a_stream_is_left_to_the_next_one() -> None:
    """The digest came out wrong while the whole blob was still being sent again: parts were reset."""
    table = table_of(100, 100, 100)
    paper = Paper(table)
    run = Run(table.parts, NO_SOURCE, 5.0, whole=True)
    feed(run, paper, DATA[:150], [])
    for part in table.parts[1:]:
        part.mark = Mark(0, None)
        part.received = 0
        paper.content[part.offset : part.end] = bytes(part.size)
    feed(run, paper, DATA[150:300], [7, 30])
    assert run.complete
    assert bytes(paper.content) == DATA[:100] + bytes(100) + DATA[200:300]
    assert [part.mark.written for part in table] == [100, 0, 100]


def test_a_run_whose_end_moved_back_takes_no_byte_behind_it() -> None:
    table = table_of(0, 0, 0)
    paper = Paper(table)
    run = Run(table.parts, NO_SOURCE, 5.0)
    run.feed(memoryview(DATA)[:150], paper.submit, 10**9)
    run.end = run.position
    assert run.complete
    run.feed(memoryview(DATA)[150:300], paper.submit, 10**9)
    assert [part.mark.written for part in table] == [100, 50, 0]
    run.let_go()
    states = [part.state for part in table]
    assert states == [PartState.DONE, PartState.PARTIAL, PartState.TODO]


def test_a_shortened_run_ends_inside_a_part_and_the_next_one_goes_on_there() -> None:
    table = table_of(30, 0, 0)
    paper = Paper(table)
    run = Run(table.take_run(150, 0.0), NO_SOURCE, 5.0)
    run.shorten(150)
    assert (run.start, run.end) == (30, 180)
    feed(run, paper, DATA[30:300], [70, 70, 70])
    assert run.complete
    run.let_go()
    assert [part.mark.written for part in table] == [100, 80, 0]
    following = Run(table.take_run(1, 0.0), NO_SOURCE, 5.0)
    following.shorten(1000)
    assert (following.start, following.end) == (180, 200), "never longer than it was"


def test_a_stopped_run_is_complete() -> None:
    table = table_of(0, 0)
    run = Run(table.parts, NO_SOURCE, 5.0)
    run.feed(memoryview(DATA)[:120], Paper(table).submit, 10**9)
    run.stop()
    assert run.complete
    assert (run.received, run.end) == (120, 120)


def test_the_states_of_a_run_s_parts_tell_where_it_is() -> None:
    table = table_of(0, 0, 0)
    paper = Paper(table)
    run = Run(table.parts, NO_SOURCE, 5.0)
    assert [part.state for part in table] == [PartState.RECEIVING, PartState.HELD, PartState.HELD]
    run.feed(memoryview(DATA)[:100], paper.submit, 10**9)
    assert [part.state for part in table] == [PartState.DONE, PartState.RECEIVING, PartState.HELD]
    assert run.part is table.parts[1]


def test_a_server_that_sends_the_whole_blob_widens_the_run() -> None:
    table = table_of(0, 100, 0)
    paper = Paper(table)
    run = Run(table.parts[:1], NO_SOURCE, 5.0)
    run.widen(table.parts)
    assert run.end == 300
    assert all(cast(Any, part.owner) is run for part in table)
    feed(run, paper, DATA[:300], [70, 70, 70])
    assert run.complete
    assert bytes(paper.content) == DATA[:300]


def test_parts_that_another_run_took_over_are_not_given_back() -> None:
    table = table_of(0, 0)
    first = Run(table.parts, NO_SOURCE, 5.0)
    second = Run(table.parts[1:], NO_SOURCE, 5.0)
    first.let_go()
    assert table.parts[0].owner is None
    assert cast(Any, table.parts[1].owner) is second
