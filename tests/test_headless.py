"""The headless command over a scripted engine: when it ends, with which code, and what it says meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from pulltui.engine.errors import InsecureError, PullError, UnsavedError
from pulltui.engine.views import (
    BlobState,
    EngineView,
    Event,
    EventKind,
    PullState,
    PullView,
    Waiting,
)
from pulltui.headless import POLL, STOP_SECONDS, GiveUpClock, Run
from pulltui.outcome import Outcome, over_blobs
from pulltui.output import OutputClosedError
from pulltui.reload import Reload
from pulltui_config import Settings, load
from pulltui_config.watching import Watched
from support.scripted_engine import DIGEST, ScriptedEngine, Step, blob, done, event, pull

OTHER = "sha256:" + "cd" * 32


class Notes:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.looks = 0
        self.outcome: Outcome | None = None

    def events(self, events: Sequence[Event], pulls: Sequence[PullView]) -> None:
        self.told += events

    def progress(self, pulls: Sequence[PullView], view: EngineView) -> None:
        self.looks += 1

    def summary(self, outcome: Outcome) -> None:
        self.outcome = outcome


def run(engine: ScriptedEngine, *names: str, give_up_after: float = 0, notes: Notes | None = None) -> Outcome:
    runner = Run(
        engine,
        notes or Notes(),
        give_up_after=give_up_after,
        clock=engine.clock,
    )
    return runner.run(names or ("tiny",))


@contextmanager
def default_signals() -> Iterator[None]:
    """Signals as a shell sets them, whatever ran this test."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def test_a_blob_that_another_pull_finds_complete_was_fetched_all_the_same() -> None:
    first = pull(blob(60_000_000, received=60_000_000), state=PullState.DONE)
    second = msgspec.structs.replace(pull(blob(60_000_000, received=0), state=PullState.DONE), id="p2")
    assert over_blobs([first, second], lambda each: each.received) == 60_000_000


def test_ends_when_all_pulls_are_done_and_reports_every_event_once() -> None:
    resolved = event(1, EventKind.RESOLVED, size=100_000_000, blobs=1)
    verified = event(2, EventKind.VERIFIED, digest=DIGEST)
    finished = event(3, EventKind.DONE, size=100_000_000, seconds=2.0)
    engine = ScriptedEngine(
        [
            Step((pull(state=PullState.RESOLVING),)),
            Step((pull(blob(40_000_000)),), (resolved,)),
            Step((pull(blob(60_000_000, received=20_000_000)),)),
            Step((pull(blob(100_000_000, received=60_000_000), state=PullState.DONE),), (verified, finished)),
        ]
    )
    notes = Notes()
    outcome = run(engine, notes=notes)
    assert outcome.exit_code == 0
    assert [(item.seq, item.name) for item in notes.told] == [(1, "tiny"), (2, "tiny"), (3, "tiny")]
    assert outcome.fetched == 60_000_000, "what was on disk before was not fetched by this command"
    assert outcome.models_dir == "/models"
    assert engine.stop_timeouts == [45.0], "hooks may take 30"
    assert notes.outcome is outcome


def test_one_failure_among_several_ends_with_its_code_after_the_others_are_done() -> None:
    broken = pull(blob(1), name="big", state=PullState.FAILED, exit_code=3, kind="no-space")
    steps = [Step((pull(blob(5, digest=OTHER)), broken)), Step((done(digest=OTHER), broken))]
    outcome = run(ScriptedEngine(steps), "tiny", "big")
    assert outcome.exit_code == 3
    assert [p.name for p in outcome.done] == ["tiny"]
    assert [p.name for p in outcome.failed] == ["big"]


def test_failures_of_different_kinds_end_with_1() -> None:
    full = pull(blob(1), name="a", state=PullState.FAILED, exit_code=3)
    unknown = pull(name="b", state=PullState.FAILED, exit_code=1)
    assert run(ScriptedEngine([Step((full, unknown))]), "a", "b").exit_code == 1


def test_a_name_given_twice_is_one_pull_and_strangers_in_the_queue_are_left_alone() -> None:
    stranger = pull(blob(5, digest=OTHER), name="other", state=PullState.PAUSED)
    notes = Notes()
    engine = ScriptedEngine([Step((stranger, done()), (event(1, EventKind.PAUSED, "other"),))])
    outcome = run(engine, "tiny", "tiny", notes=notes)
    assert outcome.exit_code == 0
    assert [p.name for p in outcome.pulls] == ["tiny"]
    assert notes.told == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_the_first_signal_asks_the_engine_to_save_at_once_and_ends_with_its_code(
    number: int, code: int
) -> None:
    steps = [Step((pull(blob(5)),)), Step((pull(blob(6)),), act=lambda: os.kill(os.getpid(), number))]
    engine = ScriptedEngine(steps)
    notes = Notes()
    with default_signals():
        outcome = run(engine, notes=notes)
    assert engine.stop_requested
    assert engine.stop_timeouts == [STOP_SECONDS]
    assert outcome.exit_code == code
    assert [p.name for p in outcome.unfinished] == ["tiny"]


def test_a_signal_that_comes_after_the_last_byte_changes_nothing() -> None:
    steps = [Step((pull(blob(5)),)), Step((done(),), act=lambda: os.kill(os.getpid(), signal.SIGTERM))]
    with default_signals():
        assert run(ScriptedEngine(steps)).exit_code == 0


def test_handlers_are_given_back_and_ignored_signals_stay_ignored() -> None:
    with default_signals():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        steps = [
            Step((pull(blob(5)),), act=lambda: os.kill(os.getpid(), signal.SIGHUP)),
            Step((pull(blob(5)),), act=lambda: os.kill(os.getpid(), signal.SIGHUP)),
            Step((done(),)),
        ]
        assert run(ScriptedEngine(steps)).exit_code == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_nobody_reading_any_more_stops_and_saves() -> None:
    class Gone(Notes):
        def progress(self, pulls: Sequence[PullView], view: EngineView) -> None:
            raise OutputClosedError

    engine = ScriptedEngine([Step((pull(blob(5)),))])
    notes = Gone()
    assert run(engine, notes=notes).exit_code == 141
    assert engine.stop_timeouts
    assert notes.outcome is None


def test_gives_up_after_silence_and_says_what_it_waited_for() -> None:
    waiting = pull(
        blob(5, state=BlobState.QUEUED), state=PullState.WAITING, waiting=Waiting("host unreachable", 3.0)
    )
    notes = Notes()
    outcome = run(ScriptedEngine([Step((waiting,))]), give_up_after=5.0, notes=notes)
    assert outcome.exit_code == 1
    assert 5.0 <= outcome.seconds < 5.0 + 3 * POLL
    assert [p.name for p in outcome.failed] == ["tiny"]
    (failed,) = notes.told
    assert (failed.kind, failed.error_kind) == (EventKind.FAILED, "gave-up")
    assert failed.why == "no byte came for 5 s; last: host unreachable"
    assert "give_up_after" in failed.hint


def test_a_name_the_engine_refuses_has_failed_and_the_others_go_on() -> None:
    engine = ScriptedEngine(
        [Step((done(),))], refuses={"far": InsecureError("plain http", "Use --insecure.")}
    )
    notes = Notes()
    outcome = run(engine, "far", "tiny", notes=notes)
    assert outcome.exit_code == 1
    assert ([p.name for p in outcome.done], [p.name for p in outcome.failed]) == (["tiny"], ["far"])
    (failed,) = notes.told
    assert (failed.error_kind, failed.why, failed.hint) == ("insecure", "plain http", "Use --insecure.")


def test_a_broken_engine_is_told_of_at_once() -> None:
    engine = ScriptedEngine([Step((pull(blob(5)),)), Step((pull(blob(6)),))])
    engine.steps[1].act = lambda: setattr(engine, "failure", AssertionError("defect"))
    with pytest.raises(PullError, match="the engine has ended: AssertionError: defect") as caught:
        run(engine)
    assert engine.now == POLL
    assert "on disk is kept" in caught.value.hint


def test_a_name_that_a_broken_engine_does_not_take_is_not_what_failed() -> None:
    engine = ScriptedEngine([Step()], failure=AssertionError("defect"))
    engine.refuses["tiny"] = RuntimeError("the engine is not running")
    with pytest.raises(PullError, match="AssertionError: defect"):
        run(engine)


def test_no_room_from_the_start_ends_with_3_after_the_others() -> None:
    full = pull(
        blob(5, state=BlobState.QUEUED, digest=OTHER),
        name="big",
        state=PullState.WAITING,
        waiting=Waiting("9 GB are missing"),
        kind="no-space",
        error="9 GB are missing",
        hint="Free some.",
    )
    notes = Notes()
    engine = ScriptedEngine([Step((pull(blob(5)), full)), Step((done(), full))])
    outcome = run(engine, "tiny", "big", notes=notes)
    assert outcome.exit_code == 3
    assert [p.name for p in outcome.done] == ["tiny"]
    (failed,) = notes.told
    assert (failed.error_kind, failed.why, failed.hint) == ("no-space", "9 GB are missing", "Free some.")


def test_a_disk_that_fills_up_on_the_way_is_waited_for() -> None:
    full = pull(
        blob(50, received=45, state=BlobState.QUEUED),
        state=PullState.WAITING,
        waiting=Waiting("disk full"),
        kind="no-space",
    )
    steps = [Step((pull(blob(5)),)), *[Step((full,))] * 50, Step((done(),))]
    assert run(ScriptedEngine(steps), give_up_after=1.0).exit_code == 0


def test_only_blobs_in_trouble_are_watched() -> None:
    fine, troubled = blob(5), blob(6, digest=OTHER, quiet=1)
    engine = ScriptedEngine([Step((pull(fine, troubled),)), Step((done(),))])
    run(engine)
    assert engine.watched == [{OTHER}]


class TestGiveUpClock:
    """Seconds without a byte."""

    @staticmethod
    def silent(clock: GiveUpClock, pulls: tuple[PullView, ...], since: float, until: float) -> bool:
        results = [
            clock.expired(float(now), pulls, EngineView()) for now in range(int(since), int(until) + 1)
        ]
        return results[-1]

    def test_a_byte_a_hash_or_a_write_starts_it_anew(self) -> None:
        clock = GiveUpClock(10)
        assert not self.silent(clock, (pull(blob(5)),), 0, 9)
        assert not self.silent(clock, (pull(blob(6)),), 9, 18)
        assert not self.silent(clock, (pull(blob(6, hashed=3)),), 18, 27)
        assert not clock.expired(28.0, (pull(blob(6, hashed=3)),), EngineView(backlog=4))
        assert not clock.expired(37.0, (pull(blob(6, hashed=3)),), EngineView(backlog=4))
        assert clock.expired(38.0, (pull(blob(6, hashed=3)),), EngineView(backlog=4))

    @pytest.mark.parametrize(
        "excused",
        [
            pull(blob(5), state=PullState.PAUSED),
            pull(blob(5), state=PullState.WAITING, waiting=Waiting("disk full"), kind="no-space"),
            pull(blob(5), state=PullState.WAITING, waiting=Waiting("registry busy", 99.0), kind="busy"),
            pull(blob(5), state=PullState.WAITING, waiting=Waiting("schedule: 22:00", 99.0), kind="schedule"),
        ],
    )
    def test_waits_of_our_own_and_those_a_server_asked_for_do_not_count(self, excused: PullView) -> None:
        clock = GiveUpClock(10)
        assert not self.silent(clock, (excused,), 0, 100)
        assert not self.silent(clock, (excused, done(digest=OTHER)), 100, 200)
        assert self.silent(clock, (excused, pull(blob(1, digest=OTHER))), 200, 211)

    def test_a_time_in_which_nobody_looked_was_no_silence(self) -> None:
        """The process was stopped for an hour, and the view does not know it yet."""
        clock = GiveUpClock(1800)
        assert not self.silent(clock, (pull(blob(5)),), 0, 1000)
        assert not clock.expired(4600.0, (pull(blob(5)),), EngineView())
        assert not clock.expired(4601.0, (pull(blob(5)),), EngineView(suspended=True))
        assert self.silent(clock, (pull(blob(5)),), 4602, 5402)

    def test_zero_is_never(self) -> None:
        assert not self.silent(GiveUpClock(0), (pull(blob(5)),), 0, 100_000)


def test_what_there_is_to_know_of_the_queue_is_reported_too() -> None:
    note = Event(seq=1, at=0.0, kind=EventKind.NOTE, why="the queue was damaged")
    notes = Notes()
    run(ScriptedEngine([Step((done(),), (note,))]), notes=notes)
    assert [told.why for told in notes.told] == ["the queue was damaged"]


def test_a_change_of_the_settings_is_reported_and_counts(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    applied: list[Settings] = []
    reload = Reload(Watched(file, {}, {}, load(file)), applied.append)

    def write() -> None:
        file.write_text("[retry]\ngive_up_after = 5\n")

    engine = ScriptedEngine([Step((pull(),)), Step((pull(),), act=write)])
    notes = Notes()
    runner = Run(engine, notes, give_up_after=0, reload=reload, clock=engine.clock)
    outcome = runner.run(["tiny"])
    assert [told.why for told in notes.told][:-1] == ["settings: retry.give_up_after: 1800 -> 5"]
    assert [settings.retry.give_up_after for settings in applied] == [5]
    assert notes.told[-1].error_kind == "gave-up"
    assert outcome.exit_code == 1


def test_a_name_that_cannot_be_written_down_is_pulled_all_the_same() -> None:
    error = UnsavedError("the queue cannot be saved: Read-only file system", "It goes on trying.")
    error.pull = "id-tiny"
    engine = ScriptedEngine(
        [Step(pulls=(pull(blob(done=5)),)), Step(pulls=(done(),))], refuses={"tiny": error}
    )
    outcome = run(engine)
    assert outcome.exit_code == 0
    assert [each.name for each in outcome.done] == ["tiny"]
