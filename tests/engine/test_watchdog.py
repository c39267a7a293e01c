from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.watchdog import Silence, StallClock, SuspendDetector, SuspendWatch

QUIET, STALL, TRICKLE = 3.0, 30.0, 1024.0
TICK = 0.25


def clock() -> StallClock:
    return StallClock(0.0, QUIET, STALL, TRICKLE)


def first(stall: StallClock, wanted: Silence, start: float = 0.0, until: float = 200.0) -> float:
    """The first look, a tick apart, at which that is the verdict."""
    now = start
    while now < until:
        if stall.judge(now) is wanted:
            return now
        now += TICK
    raise AssertionError(f"never {wanted}")


def test_silence_before_the_first_byte_is_a_stall_like_any_other() -> None:
    assert first(clock(), Silence.QUIET) == QUIET
    assert first(clock(), Silence.STALLED) == STALL


def test_silence_in_the_middle_counts_from_the_last_byte() -> None:
    stall = clock()
    for second in range(100):
        stall.received(second, 10**6)
        assert stall.judge(second + 0.5) is Silence.NONE
    assert stall.silent(101.0) == 2.0
    assert first(stall, Silence.QUIET, 99.0) == 99 + QUIET
    assert first(stall, Silence.STALLED, 99.0) == 99 + STALL


def test_a_pause_shorter_than_the_limit_is_no_stall() -> None:
    stall = clock()
    stall.received(1.0, 10**6)
    assert stall.judge(21.0) is Silence.QUIET
    stall.received(21.0, 10**6)
    assert stall.judge(22.0) is Silence.NONE


@given(st.floats(0.1, 2.9), st.integers(1, 300))
def test_next_to_nothing_is_a_stall_too(every: float, count: int) -> None:
    stall = clock()
    trickles = count / every < 0.8 * TRICKLE
    now, next_byte = 0.0, 0.0
    verdicts = set()
    while now < 3 * STALL:
        while next_byte <= now:
            stall.received(next_byte, count)
            next_byte += every
        verdicts.add(stall.judge(now))
        now += TICK
    if trickles:
        assert Silence.TRICKLE in verdicts
    elif count / every > 1.3 * TRICKLE:
        assert verdicts == {Silence.NONE}


def test_a_fast_start_does_not_excuse_a_trickle_for_ever() -> None:
    stall = clock()
    now = 0.0
    while now < 10:
        stall.received(now, 10**6)
        stall.judge(now)
        now += TICK
    for _ in range(1000):
        stall.received(now, 1)
        if stall.judge(now) is Silence.TRICKLE:
            break
        now += TICK
    assert 10 + STALL <= now <= 10 + STALL * 1.1


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 2)), max_size=20))
def test_time_that_we_hold_does_not_count(holds: list[tuple[float, float]]) -> None:
    stall = clock()
    now, counted = 0.0, 0.0
    for held, read in holds:
        stall.hold(now)
        stall.hold(now + held / 2)
        assert stall.judge(now + held) is Silence.NONE
        assert stall.silent(now + held) == 0.0
        now += held
        stall.release(now)
        now += read
        counted += read
        assert stall.silent(now) == pytest.approx(counted)
        expected = (
            Silence.STALLED if counted >= STALL else Silence.QUIET if counted >= QUIET else Silence.NONE
        )
        if abs(counted - QUIET) > 1e-6 and abs(counted - STALL) > 1e-6:
            assert stall.judge(now) is expected


def test_releasing_what_is_not_held_changes_nothing() -> None:
    stall = clock()
    stall.release(20.0)
    assert stall.silent(20.0) == 20.0


def test_sleep_and_stop_are_told_from_a_busy_machine() -> None:
    detector = SuspendDetector(5.0, 0.0, 1000.0)
    assert not detector.look(0.5, 1000.5, 0.5)
    assert not detector.look(4.0, 1004.0, 0.5), "a late look is neither"
    assert detector.look(4.5, 1024.5, 0.5), "the clock that counts sleep ran ahead"
    assert not detector.look(5.0, 1025.0, 0.5), "said once"
    assert detector.look(15.0, 1035.0, 0.5), "stopped for ten seconds"
    assert not detector.look(15.5, 1035.5, 0.5)


def test_slow_drift_of_the_clocks_is_no_sleep() -> None:
    detector = SuspendDetector(5.0, 0.0, 0.0)
    chance = random.Random(5)
    awake, boot = 0.0, 0.0
    for _ in range(10_000):
        awake += 0.5
        boot += 0.5 + chance.uniform(-0.01, 0.02)
        assert not detector.look(awake, boot, 0.5)


def test_the_watch_calls_when_the_process_was_held(monkeypatch: pytest.MonkeyPatch) -> None:
    woken = threading.Event()
    monkeypatch.setattr(SuspendWatch, "INTERVAL", 0.01)
    ahead = iter([0.0, 0.0, 60.0])
    now = [0.0]

    def boottime() -> float:
        now[0] += next(ahead, 0.0)
        return now[0]

    monkeypatch.setattr("pulltui.engine.watchdog.boottime", boottime)
    watch = SuspendWatch(30.0, woken.set)
    watch.start()
    assert watch.running
    assert woken.wait(30)
    watch.stop()
    assert not watch.running
