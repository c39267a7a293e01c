from __future__ import annotations

import asyncio

import pytest
from pulltui.engine.gates import Gate, Gates, Pass
from pulltui.engine.setbacks import HostSetback
from pulltui.engine.tuning import Tuning

TUNING = Tuning(probe_first=1.0, probe_last=5.0, halve_pause=2.0, ceiling_pause=10.0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate("host", TUNING, clock)


def refused() -> HostSetback:
    return HostSetback("connection refused by host", "host")


def busy(retry_after: float | None = None, *, ceiling: bool = False) -> HostSetback:
    return HostSetback("host is busy", "host", busy=True, retry_after=retry_after, ceiling=ceiling)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def knock(gate: Gate) -> asyncio.Task[Pass]:
    task = asyncio.create_task(gate.enter())
    await settle()
    return task


async def advance(gate: Gate, clock: Clock, seconds: float) -> None:
    """Time passes; who waits at the gate looks again (its timer runs on the loop's clock)."""
    clock.now += seconds
    gate._notify()
    await settle()


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


async def test_the_limit_never_falls_below_one(gate: Gate, clock: Clock) -> None:
    entry = await gate.enter()
    for _ in range(5):
        entry.trouble(busy())
        clock.now += 10.0
    assert gate.limit == 1


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
    passes[0].trouble(busy(ceiling=True))
    assert gate.limit == 4
    clock.now = 9.9
    gate.succeed()
    assert gate.limit == 4
    clock.now = 10.0
    gate.succeed()
    assert gate.limit == 5
    passes[1].trouble(busy(ceiling=True))
    assert gate.limit == 2
    clock.now = 29.9
    gate.succeed()
    assert gate.limit == 2, "twenty seconds this time"
    clock.now = 30.0
    gate.succeed()
    assert gate.limit == 3


async def test_a_server_that_was_merely_busy_gets_its_traffic_back(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(8)]
    passes[0].trouble(busy())
    assert gate.limit == 4
    clock.now = 10.0
    gate.succeed()
    assert gate.limit is None


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
    await advance(gate, clock, 9.9)
    assert not task.done()
    await advance(gate, clock, 0.1)
    assert task.done(), "no longer for having been halved twice"
    assert gate.limit is None


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
