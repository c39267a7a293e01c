"""What a crew makes of what it sees: of others' bytes, of pauses, of lines that are simply slow."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest
from pulltui.demo import Registry
from pulltui.engine import crew
from pulltui.engine.blob import BlobDownload
from pulltui.engine.crew import Crew
from pulltui.engine.flow import Flow
from pulltui.engine.ramp import Ramp
from pulltui.engine.takeover import Patience, Usual
from pulltui_config.settings import Settings
from support.engine import Engine
from support.registry import layer, make_model

MB = 1_000_000
MODEL = make_model("wide", 8 * MB, seed=80)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def test_what_came_before_a_pause_is_not_taken_for_speed(registry: Registries, engine: Engines) -> None:
    server = registry(make_model("big", 80 * MB, seed=81), faults="rate@2MB/s,link@60MB/s")
    it = engine(connections="auto", part_size=1 * MB, tuning={"ramp_step": 0.3})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 30 * MB, "some of it")
    it.pause(pull)
    it.resume(pull)
    it.until(lambda: it.pull(pull).connections > 20, "more than twenty connections")
    assert " MB/s each)" in it.pull(pull).connections_why
    it.service.remove([pull], delete=True).result(30)


def test_each_of_two_pulls_that_share_a_blob_counts_its_own_bytes(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: dict[Ramp, int] = {}
    look = Ramp.look

    def counting(ramp: Ramp, now: float, received: int, breaks: int, in_use: int, *, held: bool) -> None:
        counted[ramp] = received
        look(ramp, now, received, breaks, in_use, held=held)

    monkeypatch.setattr(Ramp, "look", counting)
    server = registry(MODEL, make_model("copy", 8 * MB, seed=80), faults="rate@300KB/s")
    it = engine(connections=4, part_size=1 * MB)
    both = [it.add(name) for name in server.names()]
    it.until(lambda: it.blob(both[0], DIGEST).done > 5 * MB, "most of it")
    assert len(counted) == 2
    assert min(counted.values()) > 1 * MB
    assert sum(counted.values()) < 1.1 * server.counters.bytes_sent(DIGEST)
    it.service.remove(both, delete=True).result(30)


def test_who_rests_because_of_a_moment_between_two_looks_goes_on(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bound falls, connection 1 asks and rests, the bound rises again: no look saw a change."""
    looks = asked = 0
    low = False
    look, surplus, wanted = Crew.look, Crew.surplus, Crew.wanted

    def counted(crew: Crew) -> None:
        nonlocal looks
        looks += 1
        look(crew)

    def momentarily(crew: Crew, number: int) -> bool:
        nonlocal low, asked
        low = number == 1 and looks < 20
        asked = asked or (looks if number == 1 and not low else 0)
        rests = surplus(crew, number)
        low = False
        return rests

    async def look_beside(blob: BlobDownload) -> None:
        """Each time it did, everybody would look again."""

    monkeypatch.setattr(BlobDownload, "look_beside", look_beside)
    monkeypatch.setattr(Crew, "look", counted)
    monkeypatch.setattr(Crew, "surplus", momentarily)
    monkeypatch.setattr(Crew, "wanted", property(lambda crew: 1 if low else wanted.fget(crew)))  # type: ignore[attr-defined]
    server = registry(MODEL, faults="rate@50KB/s")
    it = engine(connections=4, part_size=1 * MB)
    pull = it.add(server.names()[0])
    it.until(lambda: asked, "connection 1 to ask again")
    assert asked <= 25
    it.service.remove([pull], delete=True).result(30)


def test_one_connection_that_crawls_is_seen_by_what_it_was(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="rate@4MB/s")
    it = engine(
        connections=1,
        part_size=1 * MB,
        stall_timeout=300.0,
        tuning={"takeover_after": 0.4, "rate_window": 0.3, "run_seconds": 2.0},
    )
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 5 * MB, "most of it")
    server.faults = "slow@200KB/s*1,rate@4MB/s"
    it.until_done(pull)
    assert [event.why for event in it.events() if "far slower" in event.why]


def test_slow_connections_that_have_just_asked_are_not_useless(registry: Registries, engine: Engines) -> None:
    """At 250 KB/s bytes come in lumps; a first byte that takes as long as one of them is no silence."""
    server = registry(MODEL, faults="rate@250KB/s")
    tuning = {"idle_after": 0.15, "look": 0.1, "ramp_step": 1.0}
    it = engine(connections="auto", part_size=100_000, stall_timeout=300.0, tuning=tuning)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 500_000, "a beginning")
    server.faults = "rate@250KB/s,ttfb@400ms"
    found: set[str] = set()

    def most() -> bool:
        found.add(it.pull(pull).connections_why)
        return it.pull(pull).done > 5 * MB

    it.until(most, "most of it")
    assert any("growing: 32" in why for why in found)
    assert not [why for why in found if "more for slow or silent ones" in why]
    it.service.remove([pull], delete=True).result(30)


@pytest.mark.parametrize(
    ("crawling", "tuning", "why"),
    [
        (4, {"slump": 0.4}, "bytes come far slower than they did"),
        (1, {"near": 60.0}, "the end is near"),
    ],
)
def test_who_crawls_is_not_waited_for_where_all_do_at_once_or_near_the_end(
    *, registry: Registries, engine: Engines, crawling: int, tuning: dict[str, float], why: str
) -> None:
    """Four connections were quick. Where four requests crawl, there is nobody left to compare them with."""
    server = registry(make_model("long", 24 * MB, seed=83), faults="rate@2MB/s")
    tuning = {"idle_after": 0.1, "run_seconds": 0.3, "look": 0.02, **tuning}
    it = engine(connections=4, part_size=1 * MB, stall_timeout=300.0, tuning=tuning)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 8 * MB, "a good part")
    server.faults = f"slow@10KB/s*{crawling},rate@2MB/s"
    it.until_done(pull)
    assert f"far slower than the others, and {why}" in [event.why for event in it.events()]


@pytest.mark.parametrize(("near", "sooner"), [(0.0, False), (60.0, True)])
def test_near_the_end_parts_that_failed_are_tried_as_if_nothing_else_was_to_be_done(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch, near: float, sooner: bool
) -> None:
    found: list[bool] = []
    take = BlobDownload.take

    def taking(blob: BlobDownload, source: Any, want: int, *, idle: bool = False) -> Any:
        run = take(blob, source, want, idle=idle)
        if run is not None:
            found.append(idle)
        return run

    monkeypatch.setattr(BlobDownload, "take", taking)
    server = registry(MODEL, faults="rate@2MB/s")
    it = engine(connections=4, part_size=500_000, tuning={"near": near, "run_seconds": 0.2, "look": 0.02})
    pull = it.add(server.names()[0])
    it.until_done(pull)
    assert any(found) is sooner


def test_a_slow_line_is_left_alone(registry: Registries, engine: Engines) -> None:
    """The registry knows no other host: one connection sees once whether it does."""
    server = registry(MODEL, faults="rate@20KB/s")
    it = engine(connections=4, part_size=100_000, stall_timeout=300.0, tuning={"takeover_after": 0.1})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300_000, "some of it")
    assert sum("all connections crawl" in event.why for event in it.events()) <= 1
    it.service.remove([pull], delete=True).result(30)


def test_those_that_wait_in_a_servers_queue_do_not_become_more_and_more() -> None:
    """It serves some and lets the others wait, without a word: others in their place would wait, too."""

    def run(silent: float, slow_since: float | None = None) -> Any:
        attempt = SimpleNamespace(excused=False, silent=lambda: silent)
        source = SimpleNamespace(resolves=lambda attempt: False)
        return SimpleNamespace(attempt=attempt, source=source, slow_since=slow_since)

    made = Crew.__new__(Crew)
    parts: Any = SimpleNamespace(wanted=8), SimpleNamespace(usual=Usual(1e6, 0.02))
    made._ramp, made.pace = parts
    made._patience, made._came_at = Patience(), 100.0
    receiving, mute, slow = run(0.0), run(5.0), run(0.0, 99.0)
    assert made._count_useless([receiving] * 4 + [mute] * 4, 100.0) == 4
    assert made._count_useless([receiving] * 4 + [mute] * 30, 100.0) == 8
    assert made._count_useless([receiving] * 4 + [slow] * 30, 100.0) == 30, "these do bring something"
    assert made._count_useless([mute] * 8, 103.5) == 1


def test_a_stream_of_the_whole_blob_goes_on_where_there_are_to_be_fewer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be sent from its first byte again."""
    aborted: list[str] = []

    def run(name: str, *, single: bool) -> Any:
        attempt = SimpleNamespace(abort=lambda why: aborted.append(name), waits=False)
        return SimpleNamespace(single_stream=single), SimpleNamespace(attempt=attempt, number=2, received=1)

    made = Crew.__new__(Crew)
    fixed = SimpleNamespace(transfer=SimpleNamespace(connections=4))
    made._ramp, made._context = (
        cast(Any, SimpleNamespace(look=Mock())),
        cast(Any, SimpleNamespace(settings=fixed)),
    )
    made._rest, made._came, made.breaks, made._pull = set(), 0, 0, cast(Any, None)
    monkeypatch.setattr(Crew, "start", lambda crew: None)
    monkeypatch.setattr(Crew, "wanted", 1)
    made._count([run("ranges", single=False), run("whole", single=True)], 0.0, held=False)
    assert aborted == ["ranges"]


def test_who_is_being_broken_off_is_not_asked_again() -> None:
    def run(silent: float, *, given_up: bool) -> Any:
        attempt = SimpleNamespace(excused=False, silent=lambda: silent)
        source = SimpleNamespace(resolves=lambda attempt: False)
        part = SimpleNamespace(moves=0)
        return SimpleNamespace(attempt=attempt, source=source, given_up=given_up, part=part)

    made = Crew.__new__(Crew)
    made._context, made.pace = cast(
        Any, (SimpleNamespace(settings=Settings()), SimpleNamespace(usual=Usual(1e6, 0.02)))
    )
    made._patience, made._flow = Patience(), Flow(0.4)
    made._came_at, made._anew_at, made._anew_pause = 0.0, 0.0, 1.0
    moved: list[Any] = []
    made._move = lambda blob, run, why: moved.append(run)  # type: ignore[method-assign]
    blob: Any = SimpleNamespace(single_stream=False)
    closing, silent = run(9.0, given_up=True), run(5.0, given_up=False)
    made._ask_anew([(blob, closing), (blob, silent)], {}, 10.0)
    assert moved == [silent]


def test_some_are_well_only_if_not_all_became_slower_together() -> None:
    made = Crew.__new__(Crew)
    made._patience = Patience()
    run: Any = Mock(attempt=SimpleNamespace(silent=lambda: 0.0))
    for usual, rate, lately, share, well in (
        (1e6, 2e5, [], 0.1, True),
        (1e6, 2e5, [], 0.4, False),
        (1e6, 2e5, [5e5], 0.4, True),
        (0.0, 2e5, [], 0.1, False),
    ):
        made.pace = cast(Any, SimpleNamespace(usual=Usual(usual, 0.02), just_now=lately))
        assert made._any_well({run: rate}, share) is well


def test_a_silence_between_two_lumps_of_a_slow_line_is_none() -> None:
    made = Crew.__new__(Crew)
    made._patience = Patience(busy=3.0, idle=0.15)
    for rate, longest in ((0.0, 0.15), (20e6, 0.15), (131_072.0, 1.0), (1000.0, 3.0)):
        made.pace = cast(Any, SimpleNamespace(usual=Usual(rate, 0.02)))
        assert made._between_lumps == longest


@pytest.mark.parametrize(("behind", "cuts"), [(0, 2), (8 * MB, 0)])
def test_runs_that_turn_out_too_long_for_their_speed_are_cut(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch, behind: int, cuts: int
) -> None:
    """At 300 KB/s four of two megabytes last seven seconds: too long for what is behind, if there is much."""
    monkeypatch.setattr(crew, "BEHIND", behind)
    server = registry(MODEL, faults="rate@300KB/s")
    it = engine(connections=4, part_size=2 * MB)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 1 * MB, "a beginning")
    assert it.blob(pull, DIGEST).parts == 4 + cuts
    server.faults = ""
    it.service.remove([pull], delete=True).result(30)


def test_a_stream_of_the_whole_blob_is_not_cut(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "BEHIND", 0)
    model = make_model("five", 5 * MB, seed=82)
    server = registry(model, faults="norange,rate@500KB/s")
    it = engine(connections=4, part_size=20 * MB)
    pull, digest = it.add(server.names()[0]), layer(model).digest
    it.until(lambda: it.pull(pull).done > 1 * MB, "a beginning")
    assert it.blob(pull, digest).parts == 1
    server.faults = "norange"
    it.until_done(pull)
    it.assert_installed(model, host=server.host)
    assert server.counters.bytes_sent(digest) == 5 * MB
