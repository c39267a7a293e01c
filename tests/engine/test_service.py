"""The engine's door: starting, stopping, going on in another process's footsteps; views and events."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from pulltui.demo import Registry
from pulltui.demo.intervals import total
from pulltui.engine.errors import LockedError
from pulltui.engine.service import Service
from pulltui.engine.views import EngineView, EventKind, PullState
from pulltui_config import Settings
from support.engine import KB, PATIENCE, Engine
from support.registry import differences, layer, make_model

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
