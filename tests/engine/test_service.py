"""The engine's door: starting, stopping, going on in another process's footsteps; views and events."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pulltui.demo import Registry
from pulltui.demo.intervals import total
from pulltui.engine.core import Core
from pulltui.engine.errors import BadNameError, LockedError, StorageError, TrustError
from pulltui.engine.queuefile import QueueFile
from pulltui.engine.service import Service
from pulltui.engine.store import Store
from pulltui.engine.views import EngineView, EventKind, PullState
from pulltui_config import Settings
from pulltui_config.settings import Network
from support.engine import KB, PATIENCE, Engine
from support.registry import closed_port, differences, layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=90)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def until_more(it: Engine, pull: str, size: int) -> None:
    it.until(lambda: it.pull(pull).done > size, f"{size} bytes")


@pytest.mark.parametrize("how", ["pause, stop", "stop", "pause at once, stop"])
def test_stopping_is_durable_and_the_next_service_fetches_no_byte_twice(
    registry: Registries, engine: Engines, transport_kind: str, how: str
) -> None:
    server = registry(MODEL, faults="link@3MB/s")
    before = 0
    for goal in (300, 700):
        it = engine(transport=transport_kind)
        pull = it.add(server.names()[0])
        if before:
            until_more(it, pull, 0)
            assert it.blob(pull, DIGEST).done >= before, "progress is never below what it was"
        until_more(it, pull, goal * KB)
        if how == "pause, stop":
            it.pause(pull)
        elif how == "pause at once, stop":
            it.service.pause([pull])
        assert it.stop()
        have = it.on_disk(DIGEST)
        before = it.blob(pull, DIGEST).done
        assert total(have) == before
        partial = it.work / f"{DIGEST.replace(':', '-')}-partial"
        assert differences(partial, layer(MODEL), have) == []
        mark = server.counters.mark()
    server.faults = ""
    it = engine(transport=transport_kind)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.asked_again(DIGEST, have, mark) == []


KILLED = """
import sys
from pathlib import Path
from support.engine import Engine
it = Engine(Path(sys.argv[1]), transport=sys.argv[3]).start()
pull = it.add(sys.argv[2])
it.until(lambda: it.pull(pull).done > 500_000)
print("half", flush=True)
it.until_done(pull)
"""


def test_after_a_kill_what_was_on_disk_is_not_asked_for_again(
    registry: Registries, engine: Engines, transport_kind: str, tmp_path: Path
) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    models = tmp_path / "killed"
    run = [sys.executable, "-c", KILLED, str(models), server.names()[0], transport_kind]
    support = Path(__file__).parents[1]
    with subprocess.Popen(run, stdout=subprocess.PIPE, cwd=support) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.kill()
    server.counters.wait_for(lambda counters: counters.open_now() == 0)
    mark = server.counters.mark()
    server.faults = ""
    it = engine(directory=models, transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done, "what was there")
    assert it.pull(pull).done > 500 * KB
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.bytes_sent(DIGEST, mark) <= 1000 * KB + 350


def test_one_service_a_directory(engine: Engines) -> None:
    it = engine()
    second = Service(Settings(), it.directory, environ={})
    with pytest.raises(LockedError, match="is in use by process"):
        second.start()
    assert not second.stop(1)
    assert it.stop()
    engine(directory=it.directory)


def test_after_the_end_commands_say_so_and_stopping_again_is_fine(engine: Engines) -> None:
    it = engine()
    it.service.request_stop()
    assert it.stop()
    assert it.stop()
    it.service.request_stop()
    with pytest.raises(RuntimeError, match="not running"):
        it.service.add("tiny").result(PATIENCE)


def test_a_service_that_never_started_can_be_stopped(tmp_path: Path) -> None:
    service = Service(Settings(), tmp_path / "models", environ={})
    assert not service.stop(1)
    assert service.view.pulls == ()
    with pytest.raises(RuntimeError, match="not running"):
        service.pause([]).result(PATIENCE)


def test_commands_about_pulls_that_are_gone_do_nothing(engine: Engines) -> None:
    it = engine()
    it.pause("p9")
    it.resume("p9")
    it.retry("p9")
    it.remove("p9", delete=True)
    assert it.events() == []


def test_stopping_in_the_middle_of_a_pause_saves_all_the_same(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    models = [make_model(f"m{number}", 900 * KB, seed=91 + number) for number in range(2)]
    server = registry(*models, faults="link@3MB/s")
    it = engine(transport=transport_kind)
    pulls = [it.add(name) for name in server.names()]
    it.until(lambda: all(it.pull(pull).done > 100 * KB for pull in pulls), "both move")
    pausing = it.service.pause(pulls)
    assert it.stop()
    with suppress(CancelledError):
        pausing.result(PATIENCE)
    for pull, model in zip(pulls, models, strict=True):
        digest = layer(model).digest
        assert total(it.on_disk(digest)) == it.blob(pull, digest).done


def test_after_a_sleep_it_connects_again_and_blames_nobody(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    until_more(it, pull, 200 * KB)
    core = it.service._core
    assert core is not None
    core._woke()  # what the watch's thread calls
    it.until(lambda: it.events(EventKind.NOTE), "it is told")
    assert "the machine slept" in it.events(EventKind.NOTE)[0].why
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert it.events(EventKind.RETRY, EventKind.STALLED) == []


def test_events_have_numbers_without_gaps_and_tell_the_story(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="reset=1/3@50KB*3")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    events = it.events()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert [event.kind for event in events][:2] == [EventKind.ADDED, EventKind.RESOLVED]
    assert events[-1].kind is EventKind.DONE
    resolved, done = events[1], events[-1]
    assert (resolved.blobs, resolved.size, resolved.cached) == (3, MODEL.size, 0)
    assert (done.size, done.fetched_again, done.pull) == (MODEL.size, 0, pull)
    assert done.seconds > 0
    assert {event.digest for event in it.events(EventKind.VERIFIED)} == set(MODEL.blobs)
    assert it.service.events(len(events)) == []


def test_an_end_is_shown_at_once_and_who_waits_is_woken(registry: Registries, engine: Engines) -> None:
    it = engine(tuning={"publish": 10 * PATIENCE})
    service = it.service
    service.add(registry(MODEL).names()[0]).result(PATIENCE)
    while service.view.pulls[0].state is not PullState.DONE:
        rev = service.view.rev
        service.wait(rev, PATIENCE)
        assert service.view.rev > rev


def test_views_are_frozen_plain_data(registry: Registries, engine: Engines, transport_kind: str) -> None:
    server = registry(MODEL, faults="link@3MB/s")
    it = engine(transport=transport_kind)
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).blobs and it.blob(pull, DIGEST).map, "a map")
    view = it.look()
    with pytest.raises(AttributeError):
        view.rate = 1.0  # type: ignore[misc]
    assert msgspec.json.decode(msgspec.json.encode(view), type=EngineView) == view
    assert view.transport == transport_kind
    assert view.models_dir == str(it.directory)
    it.until(lambda: it.look().free, "free space")
    it.until(lambda: it.look().rate > 0 and it.look().eta is not None, "a speed")
    it.until(lambda: 1 <= it.look().connections <= 4, "connections")
    it.service.watch([])
    it.until(lambda: it.blob(pull, DIGEST).map is None, "nobody looks any more")
    it.until_done(pull)
    done = it.pull(pull)
    assert (done.state, done.done, done.rate, done.eta) == (PullState.DONE, done.size, 0.0, None)


class TestBeforeItIsUp:
    """Commands, stops and failures while the engine has not come up yet."""

    def test_commands_are_carried_out_in_their_order_once_it_is(self, tmp_path: Path) -> None:
        service = Service(Settings(), tmp_path / "models", environ={})
        service.hold()
        assert service.view.starting
        host = f"127.0.0.1:{closed_port()}"
        pulls = [service.add(f"{host}/library/m{number}") for number in range(3)]
        paused = service.pause(["p2"])
        moved = service.move(["p3"], -2)
        wrong = service.add("not a name")
        service.watch([DIGEST])
        looked = service.inspect("tiny")
        assert looked.cancel()
        asked: list[Future[Any]] = [*pulls, paused, moved, wrong]
        assert not any(future.done() for future in asked)
        service.begin()
        service.begin()
        assert [future.result(PATIENCE) for future in pulls] == ["p1", "p2", "p3"]
        paused.result(PATIENCE)
        moved.result(PATIENCE)
        with pytest.raises(BadNameError):
            wrong.result(PATIENCE)
        assert not service.view.starting
        assert [pull.id for pull in service.view.pulls] == ["p3", "p1", "p2"]
        assert service.view.pulls[2].state is PullState.PAUSED
        core = service._core
        assert core is not None
        assert core.viewer.watched == {DIGEST}
        assert service.stop(PATIENCE)

    def test_a_stop_before_it_began_leaves_nothing_behind(self, tmp_path: Path) -> None:
        service = Service(Settings(), tmp_path / "models", environ={})
        service.hold()
        waiting = service.add("tiny")
        service.request_stop()
        with pytest.raises(RuntimeError, match="not running"):
            service.add("small").result(PATIENCE)
        assert service.stop(PATIENCE)
        with pytest.raises(RuntimeError, match="not running"):
            waiting.result(PATIENCE)
        service.begin()
        assert service.view.starting, "nothing was looked at"
        assert service.failure is None
        free_again(tmp_path / "models")

    @pytest.mark.parametrize("how", ["request_stop", "stop"])
    def test_a_stop_while_it_comes_up_comes_behind_what_was_asked_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        service = Service(
            Settings(), tmp_path / "models", environ={}, state_dir=tmp_path / "state", resume=False
        )
        coming, may_come = threading.Event(), threading.Event()
        real = Core.restore

        async def restore(core: Core, *, asleep: bool) -> None:
            coming.set()
            assert may_come.wait(PATIENCE)
            await real(core, asleep=asleep)

        monkeypatch.setattr(Core, "restore", restore)
        service.hold()
        adding = service.add(f"127.0.0.1:{closed_port()}/library/tiny")
        service.begin()
        assert coming.wait(PATIENCE)
        if how == "stop":
            assert not service.stop(0), "it is not up, and cannot have ended"
        else:
            service.request_stop()
        may_come.set()
        assert service.stop(PATIENCE)
        with suppress(CancelledError):
            assert adding.result(PATIENCE) == "p1"
        [entry] = QueueFile(tmp_path / "state").load().entries
        assert entry.name.endswith("/library/tiny:latest")
        free_again(tmp_path / "models")

    def test_what_keeps_it_from_coming_up_is_what_commands_fail_with(self, tmp_path: Path) -> None:
        service = Service(broken_settings(tmp_path), tmp_path / "models", environ={})
        service.hold()
        early = service.add("tiny")
        service.begin()
        with pytest.raises(TrustError) as told:
            early.result(PATIENCE)
        with pytest.raises(TrustError):
            service.add("tiny").result(PATIENCE)
        assert service.failure is told.value
        assert not service.stop(PATIENCE)
        free_again(tmp_path / "models")

    def test_a_start_raises_it(self, tmp_path: Path) -> None:
        service = Service(broken_settings(tmp_path), tmp_path / "models", environ={})
        with pytest.raises(TrustError):
            service.start()
        service.request_stop()
        assert not service.stop(PATIENCE)
        free_again(tmp_path / "models")

    def test_a_queue_that_cannot_be_read_keeps_it_from_coming_up(self, tmp_path: Path) -> None:
        (tmp_path / "state" / "queue.toml").mkdir(parents=True)
        service = Service(Settings(), tmp_path / "models", environ={}, state_dir=tmp_path / "state")
        with pytest.raises(StorageError):
            service.start()
        assert not service.stop(PATIENCE)
        free_again(tmp_path / "models")


def broken_settings(directory: Path) -> Settings:
    """Settings with certificates that cannot be used."""
    bad = directory / "bad.pem"
    bad.write_text("-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n")
    return Settings(network=Network(ca_file=str(bad)))


def free_again(models: Path) -> None:
    """Another service can have the directory."""
    store = Store(models)
    store.open("today")
    store.close()
