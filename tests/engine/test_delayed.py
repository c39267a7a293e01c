"""Parts that wait for their next try: how long, for whom, and one stream for all of them."""

from __future__ import annotations

import pytest
from pulltui.engine.delayed import Delayed
from pulltui.engine.parts import Part, PartTable, lay_out
from pulltui_config.settings import Retry

RETRY = Retry(max_retries=3)


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def put(delayed: Delayed, part: Part, in_a_row: int, now: float = 10.0) -> float | None:
    return delayed.put(part, "502", now, RETRY, base=0.1, in_a_row=in_a_row, uniform=middle)


def test_a_part_waits_longer_each_time_until_its_tries_are_used_up() -> None:
    delayed, (part,) = Delayed(), lay_out(5, 5)
    waits = [put(delayed, part, in_a_row) for in_a_row in (1, 2, 3, 4)]
    assert waits[:3] == pytest.approx([0.1, 0.4, 0.9])
    assert waits[3] is None
    assert delayed.parked
    assert delayed.next_wait(10.0, together=False) is None


def test_where_the_host_is_well_nobody_looks_on_while_a_part_waits() -> None:
    """Its third failure, but others were served between this one and the one before it."""
    delayed, (part,) = Delayed(), lay_out(5, 5)
    put(delayed, part, 1)
    put(delayed, part, 2)
    assert put(delayed, part, 1) == pytest.approx(0.9), "while there are others to fetch"
    assert delayed.next_wait(10.0, together=False) == pytest.approx(0.9 / 4)
    table = PartTable([part])
    assert table.take_run(5, 10.2, idle=True) == []
    assert table.take_run(5, 10.25) == []
    assert table.take_run(5, 10.25, idle=True) == [part]
    assert table.take_run(5, 10.95) == [part]


def test_one_stream_for_all_begins_when_the_last_may_and_never_while_one_may_not() -> None:
    delayed, (one, two) = Delayed(), lay_out(10, 5)
    put(delayed, one, 1)
    put(delayed, two, 1, now=10.2)
    assert delayed.next_wait(10.2, together=True) == pytest.approx(0.1)
    assert delayed.next_wait(10.2, together=False) == 0.0
    for _ in range(3):
        put(delayed, one, 1)
    assert one.parked
    assert delayed.next_wait(20.0, together=True) is None
    assert delayed.next_wait(20.0, together=False) == 0.0
    delayed.forgive()
    assert not delayed
    assert (one.soon, one.not_before, one.parked) == (0.0, 0.0, False)
