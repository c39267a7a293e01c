from __future__ import annotations

import asyncio

import pytest
from pulltui.engine.gates import Gate, Gates
from pulltui.engine.tuning import Tuning
from support.gates import TUNING, Clock, advance, busy, knock, refused, settle


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate("host", TUNING, clock)


async def test_a_well_host_lets_everybody_through(gate: Gate) -> None:
    passes = [await gate.enter() for _ in range(64)]
    assert gate.active == 64
    assert gate.waiting is None
    for each in passes:
        each.leave()
        each.leave()
    assert gate.active == 0


async def test_trouble_holds_all_and_one_probe_goes_first(gate: Gate, clock: Clock) -> None:
    first = await gate.enter()
    first.trouble(refused())
    first.leave()
    waiting = [await knock(gate) for _ in range(5)]
    assert not any(task.done() for task in waiting)
    assert gate.waiting is not None
    assert (gate.waiting.why, gate.waiting.seconds) == ("connection refused by host", 1.0)

    await advance(gate, clock, 1.0)
    through = [task for task in waiting if task.done()]
    assert len(through) == 1, "a single probe"

    probe = through[0].result()
    probe.trouble(refused())
    probe.leave()
    await settle()
    assert gate.waiting.seconds == 2.0, "the pause grows"
    await advance(gate, clock, 1.9)
    assert sum(task.done() for task in waiting) == 1
    await advance(gate, clock, 0.1)
    assert sum(task.done() for task in waiting) == 2

    next(task for task in waiting if task.done() and task is not through[0]).result().succeed()
    await settle()
    assert all(task.done() for task in waiting), "one success releases all"
    assert gate.waiting is None
    assert gate.answered
    assert gate.tries == 0


async def test_a_probe_that_is_called_off_makes_way_for_the_next(gate: Gate, clock: Clock) -> None:
    entry = await gate.enter()
    entry.trouble(refused())
    entry.leave()
    one, two = await knock(gate), await knock(gate)
    await advance(gate, clock, 1.0)
    assert (one.done(), two.done()) == (True, False)
    one.result().leave()
    await settle()
    assert two.done()


async def test_probes_come_every_one_to_five_seconds(gate: Gate, clock: Clock) -> None:
    pauses = []
    for _ in range(5):
        entry = await gate.enter()
        entry.trouble(refused())
        entry.leave()
        assert gate.waiting is not None
        assert gate.waiting.seconds is not None
        pauses.append(gate.waiting.seconds)
        clock.now += gate.waiting.seconds
    assert pauses == [1, 2, 4, 5, 5]


async def test_requests_that_were_through_do_not_lengthen_the_wait(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(8)]
    for entry in passes:
        entry.trouble(refused())
        entry.leave()
    assert gate.waiting is not None
    assert gate.waiting.seconds == 1.0
    assert gate.tries == 1


async def test_retry_after_is_obeyed(gate: Gate, clock: Clock) -> None:
    entry = await gate.enter()
    entry.trouble(busy(30.0))
    entry.leave()
    task = await knock(gate)
    await advance(gate, clock, 29.9)
    assert not task.done()
    await advance(gate, clock, 0.1)
    assert task.done()


async def test_retry_now_skips_the_countdown(gate: Gate, clock: Clock) -> None:
    entry = await gate.enter()
    entry.trouble(busy(300.0))
    entry.leave()
    task = await knock(gate)
    gate.retry_now()
    await settle()
    assert task.done()


async def test_a_timer_of_its_own_wakes_whoever_waits() -> None:
    loop = asyncio.get_running_loop()
    gate = Gate("host", Tuning(probe_first=0.01), loop.time)
    entry = await gate.enter()
    entry.trouble(refused())
    entry.leave()
    await asyncio.wait_for(gate.enter(), 30)


async def test_refusing_is_not_asking_for_fewer_connections(gate: Gate) -> None:
    entry = await gate.enter()
    entry.trouble(refused())
    assert gate.limit is None
    assert not gate.answered


async def test_a_cancellation_is_never_swallowed(gate: Gate) -> None:
    """Also when it comes in the same moment as what was waited for."""
    entry = await gate.enter()
    entry.trouble(busy(100.0))
    entry.leave()
    for _ in range(20):
        task = await knock(gate)
        gate._notify()
        task.cancel()
        await settle()
        assert task.cancelled()


async def test_each_host_has_one_gate(clock: Clock) -> None:
    gates = Gates(TUNING, clock)
    assert gates.gate("a") is gates.gate("a")
    (await gates.gate("a").enter()).trouble(refused())
    assert gates.gate("b").waiting is None
    gates.retry_now()
    waiting = gates.gate("a").waiting
    assert waiting is not None
    assert waiting.seconds == 0


async def test_a_request_that_is_over_before_it_is_told_of_counts(gate: Gate) -> None:
    passes = [await gate.enter() for _ in range(8)]
    passes[0].leave()
    passes[0].trouble(busy())
    assert gate.limit == 4


async def test_a_lone_probe_of_a_busy_host_does_not_take_connections_away(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(8)]
    passes[0].trouble(busy())
    for entry in passes:
        entry.leave()
    clock.now += 2.0
    probe = await gate.enter()
    probe.leave()
    probe.trouble(busy())
    assert gate.limit == 4
    clock.now += 2.0
    (await gate.enter()).trouble(busy(ceiling=True))
    assert gate.limit == 1, "too many, although there was one"


async def test_a_busy_server_gets_its_traffic_back_though_no_request_is_answered(
    gate: Gate, clock: Clock
) -> None:
    passes = [await gate.enter() for _ in range(8)]
    for pause in (0.0, 2.0):
        clock.now += pause
        passes[0].trouble(busy())
    gate.succeed()
    assert gate.limit == 2
    assert gate.crowded == "host takes 2 connections at a time"
    task = await knock(gate)
    assert not task.done()
    await advance(gate, clock, 1.9)
    assert not task.done()
    await advance(gate, clock, 0.1)
    assert gate.limit == 4, "after twice the pause, for it was busy twice"
    assert not task.done(), "eight are through"
    for entry in passes[:5]:
        entry.leave()
    await settle()
    assert task.done()


async def test_a_host_that_has_answered_before_is_looked_at_after_a_tenth_of_its_absence(
    gate: Gate, clock: Clock
) -> None:
    gate.succeed()
    pauses = []
    for _ in range(40):
        entry = await gate.enter()
        entry.trouble(refused())
        entry.leave()
        assert gate.waiting is not None
        assert gate.waiting.seconds is not None
        pauses.append((clock.now, gate.waiting.seconds))
        clock.now += gate.waiting.seconds
    assert all(pause == pytest.approx(max(1.0, min(5.0, 0.1 * now))) for now, pause in pauses)
    assert pauses[-1][1] == pytest.approx(5.0)


async def test_probes_of_a_busy_host_come_when_it_says(gate: Gate, clock: Clock) -> None:
    pauses = []
    for _ in range(4):
        entry = await gate.enter()
        entry.trouble(busy(2.0))
        entry.leave()
        assert gate.waiting is not None
        pauses.append(gate.waiting.seconds)
        clock.now += 2.0
    assert pauses == [2.0] * 4


async def test_who_waits_for_a_place_looks_by_itself_when_there_may_be_more() -> None:
    loop = asyncio.get_running_loop()
    gate = Gate("host", Tuning(ceiling_pause=0.02), loop.time)
    passes = [await gate.enter() for _ in range(2)]
    passes[0].trouble(busy(ceiling=True))
    gate.succeed()
    assert gate.limit == 1
    for _ in range(2):
        await asyncio.wait_for(gate.enter(), 30)
    assert gate.limit == 4


async def test_a_ceiling_below_what_it_served_a_moment_ago_is_felt_for_soon(gate: Gate, clock: Clock) -> None:
    """It may count a connection that has only just ended; a ceiling that lasts is felt for later."""
    first, second = [await gate.enter() for _ in range(2)]
    for entry in (first, second):
        entry.succeed()
    second.leave()
    clock.now += 0.5
    (refused := await gate.enter()).trouble(busy(ceiling=True))
    refused.leave()
    assert gate.limit == 1
    clock.now += 1.0
    assert gate.open(), "one more already"
    (refused := await gate.enter()).trouble(busy(ceiling=True))
    refused.leave()
    assert gate.limit == 1
    clock.now += 9.0
    assert not gate.open()
