from __future__ import annotations

import asyncio
import gc

import pytest
from pulltui.engine.attempt import Attempt, Watchdog
from pulltui.engine.gates import Gate
from pulltui.engine.setbacks import HostSetback, PartSetback, Reconnect, StallSetback
from pulltui.engine.slots import NoSlot, Place, Slots
from pulltui.engine.throttle import JUST_NOW
from pulltui.engine.tuning import Tuning
from pulltui.engine.watchdog import Silence
from support.clock import Clock


@pytest.fixture
def watchdog(clock: Clock) -> Watchdog:
    return Watchdog(clock, lambda: 30.0, Tuning())


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def silent(attempt: Attempt) -> None:
    await asyncio.Event().wait()


async def test_what_ends_by_itself_returns_its_result(watchdog: Watchdog) -> None:
    async def work(attempt: Attempt) -> str:
        return "done"

    assert await watchdog.guard(work) == "done"


async def test_its_own_failure_is_passed_on(watchdog: Watchdog) -> None:
    async def work(attempt: Attempt) -> None:
        raise PartSetback("502")

    with pytest.raises(PartSetback, match="502"):
        await watchdog.guard(work)


async def test_silence_ends_it_and_says_so(watchdog: Watchdog, clock: Clock) -> None:
    guarded = asyncio.create_task(watchdog.guard(silent))
    await settle()
    clock.now = 29.9
    watchdog.look()
    await settle()
    assert not guarded.done()
    clock.now = 30.0
    watchdog.look()
    with pytest.raises(StallSetback, match="no byte for 30 s"):
        await guarded
    watchdog.look()


async def test_a_wait_of_our_own_is_told_from_a_moment(clock: Clock) -> None:
    attempt = Attempt(clock, 30.0, Tuning())
    attempt.hold(connected=True, by="cap")
    clock.now = 0.005
    attempt.release()
    assert not attempt.held_lately
    attempt.hold(connected=True)
    clock.now = 2.0
    attempt.release()
    assert attempt.held_lately
    assert attempt.went_on == 2.0
    clock.now = 2.4
    attempt.hold(connected=True)
    attempt.release()
    assert attempt.went_on == 2.0, "an open door is no wait"
    clock.now = 2.6
    assert not attempt.held_lately


async def test_only_a_cap_or_the_disk_restrains_it(clock: Clock) -> None:
    attempt = Attempt(clock, 30.0, Tuning())
    attempt.hold()
    assert not attempt.restrained
    attempt.release()
    attempt.hold(connected=True, by="disk")
    assert attempt.restrained
    attempt.release()
    clock.now = JUST_NOW
    assert not attempt.restrained


async def test_what_is_silent_may_be_begun_anew_without_blame(watchdog: Watchdog, clock: Clock) -> None:
    guarded = asyncio.create_task(watchdog.guard(silent, anew_after=3.0))
    await settle()
    clock.now = 2.9
    watchdog.look()
    await settle()
    assert not guarded.done()
    clock.now = 3.0
    watchdog.look()
    with pytest.raises(Reconnect, match="no answer for 3 s: asking anew"):
        await guarded


async def test_what_is_held_is_not_silent(watchdog: Watchdog, clock: Clock) -> None:
    seen: list[Silence] = []

    async def work(attempt: Attempt) -> None:
        attempt.hold()
        clock.now = 1000.0
        watchdog.look()
        seen.append(attempt.silence)
        attempt.release()
        clock.now = 1004.0
        watchdog.look()
        seen.append(attempt.silence)
        attempt.received(1000)
        seen.append(attempt.silence)

    await watchdog.guard(work)
    assert seen == [Silence.NONE, Silence.QUIET, Silence.NONE]


async def test_reconnecting_blames_nobody(watchdog: Watchdog) -> None:
    guarded = [asyncio.create_task(watchdog.guard(silent)) for _ in range(3)]
    await settle()
    watchdog.reconnect("the machine slept")
    for task in guarded:
        with pytest.raises(Reconnect, match="slept"):
            await task


async def test_cancelling_waits_until_the_work_has_let_go(watchdog: Watchdog) -> None:
    let_go = asyncio.Event()
    steps: list[str] = []

    async def work(attempt: Attempt) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await let_go.wait()
            steps.append("let go")

    guarded = asyncio.create_task(watchdog.guard(work))
    await settle()
    guarded.cancel()
    await settle()
    assert not guarded.done()
    let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await guarded
    assert steps == ["let go"]


async def test_the_first_reason_counts(watchdog: Watchdog, clock: Clock) -> None:
    guarded = asyncio.create_task(watchdog.guard(silent))
    await settle()
    clock.now = 100.0
    watchdog.look()
    watchdog.reconnect("later")
    with pytest.raises(StallSetback):
        await guarded


async def test_what_fails_while_it_is_cancelled_is_not_reported_as_lost(watchdog: Watchdog) -> None:
    reported: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    async def work(attempt: Attempt) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise PartSetback("broke while closing")

    guarded = asyncio.create_task(watchdog.guard(work))
    await settle()
    guarded.cancel()
    await asyncio.wait({guarded})
    assert guarded.cancelled()
    del guarded
    gc.collect()
    assert reported == []


async def wait_at(gate: Gate, place: Place, watchdog: Watchdog) -> None:
    async def work(attempt: Attempt) -> None:
        attempt.place = place
        attempt.hold(gate)
        entry = await gate.enter()
        attempt.release()
        try:
            await asyncio.sleep(0)
        finally:
            entry.leave()

    await watchdog.guard(work)


async def test_who_waits_at_a_shut_gate_lets_others_have_the_slot(watchdog: Watchdog, clock: Clock) -> None:
    slots, gate = Slots(lambda: 1, dict), Gate("host", Tuning(), clock)
    place = Place(slots, "a", "pull")
    await place.take()
    await wait_at(gate, place, watchdog)
    assert not slots.take_now("a"), "an open gate costs nothing"

    gate.trouble(HostSetback("refused", "host"), probe=False, in_use=1)
    waiting = asyncio.create_task(wait_at(gate, place, watchdog))
    await settle()
    assert slots.take_now("a")
    clock.now = 10.0
    gate.retry_now()
    with pytest.raises(NoSlot):
        await waiting
    assert not gate.through, "the next one may probe"
    slots.release("a")

    waiting = asyncio.create_task(wait_at(gate, place, watchdog))
    await waiting
    assert not slots.take_now("a"), "it was free, and is taken again"


async def test_says_whether_a_cap_holds_it_back(watchdog: Watchdog, clock: Clock) -> None:
    seen: list[bool] = []

    async def work(attempt: Attempt) -> None:
        attempt.hold(connected=True)
        attempt.release()
        seen.append(attempt.capped)
        for _ in range(50):  # slice by slice, without a byte off the socket
            attempt.hold(connected=True, by="cap")
            clock.now += 2.0
            watchdog.look()
            attempt.release()
            seen.append(attempt.capped)
        clock.now += JUST_NOW
        seen.append(attempt.capped)

    await watchdog.guard(work)
    assert seen == [False, *[True] * 50, False]


async def test_who_waits_for_the_writer_keeps_the_slot(watchdog: Watchdog) -> None:
    slots = Slots(lambda: 1, dict)
    place = Place(slots, "a", "pull")
    await place.take()

    async def work(attempt: Attempt) -> None:
        attempt.place = place
        attempt.hold(connected=True)
        await settle()
        assert not slots.take_now("a")
        attempt.release()

    await watchdog.guard(work)
