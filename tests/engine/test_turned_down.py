"""Requests that a host turns down while it serves others: it is not in trouble, and nobody else waits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from pulltui.demo import Registry
from pulltui.engine.gates import Gate
from pulltui.engine.views import EventKind, Waiting
from support.clock import Clock
from support.engine import KB, Engine
from support.gates import TUNING, busy, knock, settle
from support.registry import make_model

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]

MODEL = make_model("tiny", 1500 * KB, seed=46)


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate("host", TUNING, clock)


@pytest.mark.parametrize("ceiling", [False, True])
@pytest.mark.parametrize("retry_after", [None, 1.0])
async def test_one_refusal_among_answers_holds_nobody_else(
    gate: Gate, *, ceiling: bool, retry_after: float | None
) -> None:
    for _ in range(10):
        (await gate.enter()).succeed()
        (entry := await gate.enter()).trouble(setback := busy(retry_after, ceiling=ceiling))
        entry.leave()
        assert setback.alone
        assert (gate.limit, gate.waiting, gate.tries) == (None, None, 0)
        assert gate.open()


async def test_it_counts_as_well_for_a_moment_after_its_last_answer(gate: Gate, clock: Clock) -> None:
    entry = await gate.enter()
    entry.succeed()
    entry.leave()
    clock.now += 4.9
    (entry := await gate.enter()).trouble(setback := busy())
    entry.leave()
    assert setback.alone
    clock.now += 0.1
    (await gate.enter()).trouble(setback := busy())
    assert not setback.alone
    assert gate.waiting is not None


async def test_one_that_serves_none_and_refuses_all_is_in_trouble(gate: Gate) -> None:
    entry = await gate.enter()
    entry.succeed()
    entry.leave()
    for _ in range(4):
        assert gate.waiting is None
        entry = await gate.enter()
        entry.trouble(setback := busy())
        entry.leave()
    assert not setback.alone
    assert gate.waiting is not None
    assert gate.waiting.seconds == 1.0


async def test_one_that_says_when_and_serves_none_is_believed_at_once(gate: Gate) -> None:
    entry = await gate.enter()
    entry.succeed()
    entry.leave()
    (await gate.enter()).trouble(setback := busy(3.0))
    assert not setback.alone
    assert gate.waiting is not None
    assert gate.waiting.seconds == 3.0


async def test_several_in_a_row_are_too_many_connections(gate: Gate, clock: Clock) -> None:
    """Servers refuse what is too much for them with 503, too, and have more room soon."""
    passes = [await gate.enter() for _ in range(8)]
    for entry in passes[:4]:
        entry.succeed()
    for entry in passes[4:]:
        assert gate.limit is None
        entry.trouble(busy())
        entry.leave()
    assert (gate.limit, gate.waiting) == (4, None)
    fifth = await knock(gate)
    passes[0].leave()
    await settle()
    assert fifth.done(), "one may follow another"
    fifth.result().succeed()
    clock.now += 1.0
    for pause in (1.0, 2.0):
        sixth = await gate.enter()
        assert gate.limit == 8
        sixth.trouble(busy())
        sixth.leave()
        assert gate.limit == 4, "once is enough: it is known to serve four"
        clock.now += pause - 0.1
        assert not gate.open()
        clock.now += 0.1
        assert gate.open()


async def test_three_in_a_row_that_say_when_hold_what_is_new(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(5)]
    passes[0].succeed()
    for entry in passes[2:]:
        entry.trouble(setback := busy(2.0))
        entry.leave()
    assert not setback.alone
    assert gate.limit is None
    assert gate.waiting is not None
    assert (gate.waiting.seconds, gate.waiting.kind) == (2.0, "busy")
    passes[1].succeed()
    task = await knock(gate)
    clock.now += 1.9
    assert not gate.open(), "that another one is served does not shorten it"
    clock.now += 0.1
    assert gate.open()
    task.cancel()


async def test_a_long_time_is_for_all(gate: Gate) -> None:
    (await gate.enter()).succeed()
    (await gate.enter()).trouble(setback := busy(60.0))
    assert not setback.alone
    assert gate.waiting is not None
    assert gate.waiting.seconds == 60.0
    gate.retry_now()
    assert gate.waiting is None


async def test_no_more_than_are_served_until_the_time_it_named(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(8)]
    for entry in passes[:4]:
        entry.succeed()
    for entry in passes[4:]:
        entry.trouble(busy(30.0, ceiling=True))
        entry.leave()
    assert (gate.limit, gate.waiting) == (4, None)
    clock.now += 29.9
    assert not gate.open(), "a ceiling without a time is felt for after ten seconds"
    clock.now += 0.1
    assert gate.open()


async def test_too_many_requests_although_there_were_not_more_than_before_means_all(
    gate: Gate, clock: Clock
) -> None:
    """It counts requests, not connections: nobody may follow until then, and who is served goes on."""
    passes = [await gate.enter() for _ in range(4)]
    for entry in passes:
        entry.succeed()
    for entry in passes[:3]:
        entry.leave()
        (again := await gate.enter()).trouble(busy(3.0, ceiling=True))
        again.leave()
    assert gate.limit is None
    assert gate.waiting is not None
    assert gate.waiting.seconds == 3.0
    clock.now += 3.0
    assert gate.open()


@pytest.mark.parametrize("faults", ["503=1/3", "429=1/4"])
def test_a_pull_goes_on_beside_them(
    registry: Registries, engine: Engines, transport_kind: str, faults: str
) -> None:
    server = registry(MODEL, faults=f"{faults},link@3MB/s")
    # Whoever is held has to wait for the test's end.
    patient = {"run_seconds": 0.0, "probe_first": 100.0, "probe_last": 100.0, "recover_pause": 100.0}
    it = engine(transport=transport_kind, tuning=patient)
    server.faults = "link@3MB/s"
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 100 * KB, "some progress")
    server.faults = f"{faults},link@3MB/s"
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.faults()
    told = it.events(EventKind.WAITING)
    assert all("is busy" in event.why and event.wait is not None and event.wait < 1 for event in told)
    assert told, "it is told although nobody else waits"
    assert it.events(EventKind.RETRY) == [], "no part loses a retry"


def test_a_manifest_that_is_turned_down_is_asked_for_again_after_a_pause(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    other = make_model("other", 100 * KB, seed=47)
    server = registry(MODEL, other)
    it = engine(
        transport=transport_kind,
        backoff_cap=400.0,
        tuning={"probe_first": 100.0, "probe_last": 100.0, "backoff_base": 100.0},
        uniform=lambda low, high: 1.0,
    )
    one, two = server.names()
    it.until_done(it.add(one))
    mark = server.counters.mark()
    server.faults = "manifest:503*2"
    pull = it.add(two)

    def shown(pause: float) -> Waiting | None:
        """The wait of so many seconds; the one before it shows until the next answer is here."""
        waiting = it.pull(pull).waiting
        return waiting if waiting is not None and (waiting.seconds or 0.0) > pause / 2 else None

    def asked_more_than(tries: int) -> bool:
        return len(server.counters.records("manifest", mark)) > tries

    for tries, pause in ((1, 100.0), (2, 400.0)):
        waiting = it.until(partial(shown, pause), "the pause to show")
        assert waiting is not None
        assert "is busy (503)" in waiting.why
        assert len(server.counters.records("manifest", mark)) == tries
        it.service.retry([pull]).result(30)
        it.until(partial(asked_more_than, tries), "the next try")
    it.until_done(pull)
    assert [("is busy (503)" in event.why) for event in it.events(EventKind.WAITING)] == [True]
    assert all(event.wait for event in it.events(EventKind.WAITING))


async def test_a_limit_that_was_found_outlives_those_that_were_still_on_their_way(
    gate: Gate, clock: Clock
) -> None:
    """Two are served, six were sent at the same time; their refusals come when the two are through."""
    passes = [await gate.enter() for _ in range(8)]
    for entry in passes[:2]:
        entry.succeed()
    for entry in passes[2:6]:
        entry.trouble(busy(ceiling=True))
        entry.leave()
    assert gate.limit == 2
    for entry in passes[:2]:
        entry.leave()
    clock.now += 3.0
    for entry in passes[6:]:
        entry.trouble(busy(ceiling=True))
        entry.leave()
    assert gate.limit == 2


async def test_a_wait_of_nothing_is_no_wait(gate: Gate, clock: Clock) -> None:
    """Retry-After: 0, or a date that is past here: refusals in a row count as those that say nothing."""
    served = [await gate.enter() for _ in range(4)]
    for entry in served:
        entry.succeed()
    for _ in range(8):
        (entry := await gate.enter()).trouble(setback := busy(0.0, ceiling=True))
        entry.leave()
        clock.now += 0.01
        if gate.limit is not None:
            break
        assert setback.alone
    assert gate.limit == 4, "what it serves"
    assert not gate.open()
