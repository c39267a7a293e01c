"""How many connections a host gets that wants fewer, and how it gets more again."""

from __future__ import annotations

import pytest
from pulltui.engine.gates import Gate
from support.clock import Clock
from support.gates import TUNING, busy, knock, no_files, settle


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate("host", TUNING, clock)


async def test_connections_are_halved_at_most_once_in_a_while(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(16)]
    for entry in passes[:6]:
        entry.trouble(busy())
        entry.leave()
    assert gate.limit == 8, "six complaints about the same crowd"
    clock.now += 1.9
    passes[6].trouble(busy())
    assert gate.limit == 8
    clock.now += 0.1
    passes[7].trouble(busy())
    assert gate.limit == 4
    clock.now += 2.0
    passes[8].trouble(busy(60.0))
    assert gate.limit == 2
    clock.now += 59.0
    passes[9].trouble(busy())
    assert gate.limit == 2, "not before its Retry-After is over"


async def test_those_that_were_served_when_others_were_refused_count_though_they_are_through(
    gate: Gate, clock: Clock
) -> None:
    passes = [await gate.enter() for _ in range(8)]
    for entry in passes[:2]:
        entry.succeed()
    clock.now += 0.1
    passes[0].leave()
    for entry in passes[2:6]:
        entry.trouble(busy(ceiling=True))
        entry.leave()
    assert gate.limit == 2


async def test_the_limit_never_falls_below_one(gate: Gate, clock: Clock) -> None:
    for _ in range(2):
        entry = await gate.enter()
    for _ in range(5):
        entry.trouble(busy())
        clock.now += 10.0
    assert gate.limit == 1


@pytest.mark.parametrize("ceiling", [False, True])
@pytest.mark.parametrize("retry_after", [None, 2.0])
async def test_a_lone_request_is_no_crowd(gate: Gate, *, ceiling: bool, retry_after: float | None) -> None:
    (await gate.enter()).trouble(busy(retry_after, ceiling=ceiling))
    assert gate.limit is None


async def test_a_lone_request_too_many_for_our_own_files_is_one(gate: Gate) -> None:
    (await gate.enter()).trouble(no_files())
    assert gate.limit == 1


async def test_a_limit_rises_with_the_time_whether_or_not_anybody_asks(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(4)]
    passes[0].trouble(busy())
    gate.succeed()
    assert gate.limit == 2
    clock.now = 3.0
    assert gate.limit == 16, "three times a second's pause"
    clock.now = 60.0
    assert gate.crowded == "", "and then there is none"


async def test_a_limit_that_is_a_guess_is_felt_for_by_doubling(gate: Gate, clock: Clock) -> None:
    """All are refused, none was ever served: it is not known how many it would be."""
    passes = [await gate.enter() for _ in range(8)]
    for entry in passes:
        entry.trouble(busy(1.0, ceiling=True))
        entry.leave()
    assert gate.limit == 4
    clock.now = 1.0
    (await gate.enter()).succeed()
    limits = []
    for second in (1, 2, 3):
        clock.now = second
        limits.append(gate.limit)
    assert limits == [4, 8, 16]
    passes = [await gate.enter() for _ in range(15)]
    for entry in passes[:9]:
        entry.succeed()
    for entry in passes[9:]:
        entry.trouble(busy(1.0, ceiling=True))
        entry.leave()
    assert gate.limit == 10, "now it is known"
    clock.now += 9.9
    assert gate.limit == 10
    clock.now += 0.1
    assert gate.limit == 11, "and felt for step by step"


async def test_those_on_their_way_tell_how_many_it_meant_by_too_many(gate: Gate, clock: Clock) -> None:
    """It takes four and is slow to answer: the fifth is refused at once, before any of them is served."""
    passes = [await gate.enter() for _ in range(5)]
    clock.now = 0.2
    passes[4].trouble(busy(10.0, ceiling=True))
    passes[4].leave()
    assert gate.limit == 2
    assert gate.waiting is not None
    clock.now = 0.3
    passes[0].succeed()
    passes[0].leave()
    assert gate.waiting is None, "the time it named is for those beyond its limit"
    for entry in passes[1:4]:
        entry.succeed()
    assert gate.limit == 4, "though one is through with it by now"
    (await gate.enter()).succeed()
    assert not gate.open()
    clock.now = 9.9
    assert gate.limit == 4
    assert not gate.open()
    clock.now = 10.2
    assert gate.limit == 8, "after that time more are tried"


async def test_who_waits_is_told_that_one_that_is_served_late_makes_room(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(8)]
    clock.now = 0.2
    passes[7].trouble(busy(60.0, ceiling=True))
    passes[7].leave()
    assert gate.limit == 4
    for entry in passes[:4]:
        entry.succeed()
        entry.leave()
    await gate.enter()
    waiting = await knock(gate)
    assert not waiting.done(), "three are on their way, and that one"
    passes[4].succeed()
    assert gate.limit == 5
    await settle()
    assert waiting.done()


async def test_what_is_known_soon_after_a_guess_is_left_alone_for_as_long(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(8)]
    passes[0].trouble(busy(1.0, ceiling=True))
    clock.now = 1.0
    (await gate.enter()).succeed()
    for entry in passes[1:4]:
        entry.trouble(busy(1.0, ceiling=True))
    assert gate.limit == 1, "it serves that one"
    clock.now = 10.9
    assert gate.limit == 1
    clock.now = 11.0
    assert gate.limit == 2


async def test_one_that_set_out_later_tells_nothing_of_that(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(5)]
    for entry in passes:
        entry.trouble(busy(3.0, ceiling=True))
        entry.leave()
    clock.now = 3.0
    for _ in range(2):
        (await gate.enter()).succeed()
    assert gate.limit == 2
    clock.now = 4.0
    assert gate.limit == 4, "doubling"


async def test_no_more_than_the_limit_are_through(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(4)]
    passes[0].trouble(busy(ceiling=True))
    for entry in passes:
        entry.leave()
    clock.now += 1.0
    probe = await gate.enter()
    probe.succeed()
    assert gate.limit == 2
    second, third = await knock(gate), await knock(gate)
    assert (second.done(), third.done()) == (True, False)
    probe.leave()
    await settle()
    assert third.done()


async def test_a_ceiling_is_felt_for_again_step_by_step_with_growing_pauses(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(8)]
    for entry in passes[:4]:
        entry.succeed()
    for entry in passes[4:]:
        entry.trouble(busy(ceiling=True))
        entry.leave()
    assert gate.limit == 4
    clock.now = 9.9
    assert gate.limit == 4
    clock.now = 10.0
    assert gate.limit == 5
    (await gate.enter()).trouble(busy(ceiling=True))
    assert gate.limit == 4
    clock.now = 29.9
    assert gate.limit == 4, "twenty seconds this time"
    clock.now = 30.0
    assert gate.limit == 5


async def test_a_server_that_was_merely_busy_gets_its_traffic_back(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(8)]
    passes[0].trouble(busy())
    assert gate.limit == 4
    clock.now = 10.0
    limits = []
    for _ in range(8):
        gate.succeed()
        limits.append(gate.limit)
        clock.now += TUNING.recover_pause
    assert limits == [4, 8, 16, 32, 64, 128, 256, None], "as fast as it doubles, from the first answer on"


async def test_too_many_connections_leave_those_alone_that_are_served(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(8)]
    for entry in passes[:4]:
        entry.succeed()
    for entry in passes[4:]:
        entry.trouble(busy(1.0, ceiling=True))
        entry.leave()
    assert gate.limit == 4
    assert gate.waiting is None, "it serves four, and goes on to"
    fifth = await knock(gate)
    assert not fifth.done()
    passes[0].leave()
    await settle()
    assert fifth.done(), "one may follow another"


async def test_those_that_are_served_late_count_for_the_ceiling(gate: Gate) -> None:
    passes = [await gate.enter() for _ in range(5)]
    passes[0].succeed()
    for _ in range(4):
        passes[1].trouble(busy(ceiling=True))
    assert gate.limit == 1
    for entry in passes[2:4]:
        entry.succeed()
    assert gate.limit == 3


async def test_a_ceiling_met_again_is_left_alone_for_twice_as_long(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(3)]
    passes[0].succeed()
    passes[1].succeed()
    for _ in range(4):
        passes[2].trouble(busy(ceiling=True))
    passes[2].leave()
    clock.now = 10.0
    third = await gate.enter()
    assert gate.limit == 3
    third.trouble(busy(ceiling=True))  # once is enough: it is known to serve two
    third.leave()
    assert (gate.limit, gate.waiting) == (2, None)
    clock.now = 29.9
    assert not gate.open()
    clock.now = 30.0
    assert gate.open()


async def test_a_host_that_serves_nobody_any_more_is_waited_for(gate: Gate, clock: Clock) -> None:
    entry = await gate.enter()
    entry.succeed()
    other = await gate.enter()
    other.trouble(busy(ceiling=True))
    other.leave()
    entry.leave()
    again = await gate.enter()
    again.trouble(busy(7.0, ceiling=True))
    assert gate.waiting is not None
    assert gate.waiting.seconds == 7.0


async def refused_in_a_row(gate: Gate, clock: Clock, took: float) -> None:
    """Three requests too many, one after the other, each refused after so many seconds."""
    for _ in range(3):
        entry = await gate.enter()
        clock.now += took
        entry.trouble(busy(1.0, ceiling=True))
        entry.leave()


@pytest.mark.parametrize(("waited", "took", "limit"), [(1.0, 0.02, 4), (0.0, 0.03, 3)])
async def test_who_waits_for_longer_than_a_refusal_takes_was_let_in(
    gate: Gate, clock: Clock, waited: float, took: float, limit: int
) -> None:
    """It takes four, and one has just asked for its next bytes; or may be about to be refused itself."""
    passes = [await gate.enter() for _ in range(4)]
    for entry in passes:
        entry.succeed()
    passes[3].leave()
    await gate.enter()
    clock.now += waited
    await refused_in_a_row(gate, clock, took)
    assert gate.limit == limit


async def test_who_gets_no_answer_was_let_in_only_if_so_many_were_served(gate: Gate, clock: Clock) -> None:
    """Requests may go astray, too."""
    passes = [await gate.enter() for _ in range(8)]
    for entry in passes[:4]:
        entry.succeed()
    clock.now += 1.0
    await refused_in_a_row(gate, clock, 0.02)
    assert gate.limit == 4
