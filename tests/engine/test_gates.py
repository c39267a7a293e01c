from __future__ import annotations

import asyncio

import pytest
from pulltui.engine.gates import Gate, Gates
from pulltui.engine.tuning import Tuning
from support.clock import Clock
from support.gates import TUNING, advance, busy, knock, refused, settle, unreachable


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate("host", TUNING, clock)


async def test_a_well_host_lets_everybody_through(gate: Gate) -> None:
    passes = [await gate.enter() for _ in range(64)]
    assert len(gate.through) == 64
    assert gate.waiting is None
    for each in passes:
        each.leave()
        each.leave()
    assert not gate.through


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


async def test_a_lone_probe_of_a_busy_host_does_not_take_connections_away(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(8)]
    passes[0].trouble(busy())
    for entry in passes:
        entry.leave()
    clock.now += 2.0
    probe = await gate.enter()
    probe.trouble(busy())
    probe.leave()
    assert gate.limit == 4
    clock.now += 2.0
    (await gate.enter()).trouble(busy(ceiling=True))
    assert gate.limit == 4, "whatever it counts, it is not connections of ours"


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


async def test_a_host_that_has_answered_before_is_looked_at_after_a_twentieth_of_its_absence(
    gate: Gate, clock: Clock
) -> None:
    gate.succeed()
    pauses = []
    for _ in range(100):
        entry = await gate.enter()
        entry.trouble(refused())
        entry.leave()
        assert gate.waiting is not None
        assert gate.waiting.seconds is not None
        pauses.append((clock.now, gate.waiting.seconds))
        clock.now += gate.waiting.seconds
    assert all(pause == pytest.approx(max(1.0, min(5.0, 0.05 * now))) for now, pause in pauses)
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


async def test_a_probe_that_succeeded_does_not_clear_the_way_when_it_leaves(gate: Gate, clock: Clock) -> None:
    entry = await gate.enter()
    entry.trouble(unreachable())
    entry.leave()
    clock.now += 1.0
    first = await gate.enter()
    first.succeed()
    other = await gate.enter()
    other.trouble(unreachable())
    other.leave()
    clock.now += 1.0
    second = await gate.enter()
    third = await knock(gate)
    first.leave()
    await settle()
    assert not third.done(), "a single probe"
    second.leave()
    await settle()
    assert third.done()


async def test_nor_does_one_that_others_overtook(gate: Gate, clock: Clock) -> None:
    """Another request that was on its way has opened the gate meanwhile, and it was shut again."""
    late, entry = await gate.enter(), await gate.enter()
    entry.trouble(unreachable())
    clock.now += 1.0
    first = await gate.enter()
    late.succeed()
    (await gate.enter()).trouble(unreachable())
    clock.now += 1.0
    await gate.enter()
    third = await knock(gate)
    first.leave()
    await settle()
    assert not third.done(), "a single probe"


async def test_a_probe_that_is_met_with_silence_is_followed_by_another(gate: Gate, clock: Clock) -> None:
    entry = await gate.enter()
    entry.trouble(refused())
    entry.leave()
    clock.now += 1.0
    silent = await gate.enter()
    second, third = await knock(gate), await knock(gate)
    await advance(gate, clock, 4.9)
    assert not second.done()
    await advance(gate, clock, 0.1)
    assert (second.done(), third.done()) == (True, False)
    silent.leave()
    await settle()
    assert not third.done(), "the second is asking"
    second.result().succeed()
    await settle()
    assert third.done()


async def test_somebody_who_does_not_want_to_wait_does_not_wait_for_a_probe(gate: Gate, clock: Clock) -> None:
    entry = await gate.enter()
    entry.trouble(refused())
    entry.leave()
    clock.now += 1.0
    await gate.enter()
    task = await knock(gate)
    assert not task.done()
    gate.retry_now()
    await settle()
    assert task.done()


async def test_the_time_a_host_names_is_kept_although_one_that_was_on_its_way_is_served(
    gate: Gate, clock: Clock
) -> None:
    late, entry = await gate.enter(), await gate.enter()
    entry.trouble(busy(3.0))
    entry.leave()
    late.succeed()
    task = await knock(gate)
    await advance(gate, clock, 2.9)
    assert not task.done()
    assert gate.waiting is not None
    assert gate.waiting.seconds == pytest.approx(0.1)
    await advance(gate, clock, 0.1)
    assert task.done()
    assert gate.waiting is None, "it is well: no probe is needed"


async def test_one_that_set_out_before_others_were_served_says_nothing_about_now(
    gate: Gate, clock: Clock
) -> None:
    """A connection that comes to nothing may take ten seconds for it; the host may be back by then."""
    late = await gate.enter()
    clock.now += 5.0
    (await gate.enter()).succeed()
    clock.now += 5.0
    late.trouble(setback := unreachable())
    assert setback.alone
    assert gate.waiting is None
    (await gate.enter()).trouble(setback := unreachable())
    assert not setback.alone
    assert gate.waiting is not None


async def test_after_the_time_that_it_named_one_asks_first(gate: Gate, clock: Clock) -> None:
    """It serves some all the while; whether it takes more is seen before all that wait come at once."""
    (streams := await gate.enter()).succeed()
    (entry := await gate.enter()).trouble(busy(60.0))
    entry.leave()
    waiting = [await knock(gate) for _ in range(3)]
    await advance(gate, clock, 30.0)
    streams.succeed()
    await settle()
    assert not any(task.done() for task in waiting)
    await advance(gate, clock, 30.0)
    assert [task.done() for task in waiting] == [True, False, False]
    waiting[0].result().trouble(busy(10.0))
    waiting[0].result().leave()
    await advance(gate, clock, 10.0)
    assert [task.done() for task in waiting] == [True, True, False]
    waiting[1].result().leave()
    await settle()
    assert waiting[2].done(), "one that came to nothing makes way"
    others = [await knock(gate) for _ in range(3)]
    assert not any(task.done() for task in others)
    waiting[2].result().succeed()
    await settle()
    assert all(task.done() for task in others)
    assert gate.open()
