"""Another program works in the same models directory: what it does is noticed, and nothing is believed."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pulltui.demo import Layer, Registry, build_model
from pulltui.engine.beside import Beside
from pulltui.engine.errors import ChangedError
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.pull import Pull
from pulltui.engine.store import Store
from pulltui.engine.views import BlobState, EventKind, PullState
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1600 * KB, 300 * KB, seed=420)
BLOB, SECOND = layer(MODEL), layer(MODEL, 1)
DIGEST = BLOB.digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def notes(it: Engine) -> list[str]:
    return [event.why for event in it.events(EventKind.NOTE)]


def finished(it: Engine, content: bytes) -> Path:
    """Another program finishes the blob: it has its name all of a sudden."""
    path = it.directory / "blobs" / blob_file_name(DIGEST)
    elsewhere = it.directory / "elsewhere"
    elsewhere.write_bytes(content)
    return elsewhere.rename(path)


def begin(registry: Registries, engine: Engines, rate: str = "1MB/s") -> tuple[Registry, Engine, str]:
    server = registry(MODEL, faults=f"link@{rate}")
    it = engine(may_fall=True)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 700 * KB, "some of it")
    return server, it, pull


def test_a_blob_that_another_program_finished_is_used(registry: Registries, engine: Engines) -> None:
    server, it, pull = begin(registry, engine)
    path = finished(it, BLOB.read(0, BLOB.size))
    inode = path.stat().st_ino
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert path.stat().st_ino == inode, "its file, not ours"
    assert it.blob(pull, DIGEST).state is BlobState.CACHED
    assert server.counters.bytes_sent(DIGEST) < BLOB.size, "fetching stopped"
    assert any("another program finished" in note for note in notes(it))


def test_a_file_of_the_right_size_that_is_not_the_blob_is_not(registry: Registries, engine: Engines) -> None:
    """Ollama gives a blob its name before it verifies it, and takes it away again if it is wrong."""
    server, it, pull = begin(registry, engine)
    path = finished(it, bytes(BLOB.size))
    it.until(lambda: it.pull(pull).done > 1200 * KB, "it goes on")
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert path.read_bytes() == BLOB.read(0, BLOB.size), "ours is verified, and took its place"
    assert server.counters.sent_twice(DIGEST) < 700 * KB, "nothing is begun anew"
    assert not any("another program finished" in note for note in notes(it))


def test_a_file_of_another_size_is_no_reason_to_stop(registry: Registries, engine: Engines) -> None:
    server, it, pull = begin(registry, engine)
    finished(it, b"short")
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_a_partial_that_another_file_takes_the_place_of(registry: Registries, engine: Engines) -> None:
    """What the checksums prove of it is kept, the rest is fetched again."""
    server, it, pull = begin(registry, engine)
    partial = it.work / f"{blob_file_name(DIGEST)}-partial"
    copy = it.directory / "copy"
    shutil.copyfile(partial, copy)
    copy.replace(partial)
    it.until(lambda: any("moved or deleted" in note for note in notes(it)), "it is told")
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.sent_twice(DIGEST) < 700 * KB, "most of it was proven"


def test_a_partial_that_is_gone_when_a_pull_is_paused(registry: Registries, engine: Engines) -> None:
    server, it, pull = begin(registry, engine)
    (it.work / f"{blob_file_name(DIGEST)}-partial").unlink()
    it.pause(pull)
    assert it.pull(pull).state is PullState.PAUSED
    server.faults = ""
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_two_pulls_that_share_what_is_gone_both_end(registry: Registries, engine: Engines) -> None:
    other = make_model("other", 1600 * KB, 200 * KB, seed=420)
    assert layer(other).digest == DIGEST
    server = registry(MODEL, other, faults="link@1MB/s")
    it = engine(may_fall=True)
    pulls = [it.add(name) for name in server.names()]
    it.until(lambda: all(it.pull(pull).done > 700 * KB for pull in pulls), "both have some of it")
    (it.work / f"{blob_file_name(DIGEST)}-partial").unlink()
    it.until(lambda: notes(it), "it is told")
    server.faults = ""
    it.until_done(*pulls)
    it.assert_installed(MODEL, other, host=server.host)


def test_a_verified_blob_that_vanishes_before_the_commit_is_fetched_again(
    registry: Registries, engine: Engines
) -> None:
    server, it, pull = begin(registry, engine)
    staged = it.work / blob_file_name(SECOND.digest)
    it.until(staged.exists, "the second is verified")
    staged.unlink()
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.sent_twice(SECOND.digest) >= SECOND.size
    assert server.counters.sent_twice(DIGEST) < 700 * KB, "and nothing else"
    assert any("disappeared before the pull was complete" in note for note in notes(it))


def test_what_vanishes_is_fetched_again_while_another_pull_counts_on_it(
    registry: Registries, engine: Engines
) -> None:
    shared = make_model("shared", 1600 * KB, 300 * KB, seed=421)
    quick = make_model("quick", 1600 * KB, 300 * KB, 500 * KB, seed=421)
    quick = build_model(
        quick.path, [Layer("model", layer(quick, 2)), Layer("projector", layer(shared, 1))], "latest"
    )
    common = layer(shared, 1)
    server = registry(shared, quick, faults="link@1MB/s")
    it = engine(may_fall=True)
    slow, fast = (it.add(server.name(model.path)) for model in (shared, quick))
    staged = it.work / blob_file_name(common.digest)
    it.until(staged.exists, "the common one is verified")
    staged.unlink()
    it.until_done(fast)
    assert it.pull(slow).state is not PullState.DONE
    server.faults = ""
    it.until_done(slow)
    it.assert_installed(shared, quick, host=server.host)
    assert server.counters.bytes_sent(common.digest) < 3 * common.size, "once for both of them"


def test_a_blob_that_was_here_and_vanishes_before_the_commit_is_fetched(
    registry: Registries, engine: Engines, tmp_path: Path
) -> None:
    here = tmp_path / "models" / "blobs" / blob_file_name(SECOND.digest)
    here.parent.mkdir(parents=True)
    here.write_bytes(SECOND.read(0, SECOND.size))
    server, it, pull = begin(registry, engine)
    assert it.pull(pull).cached == SECOND.size
    here.unlink()
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.sent(SECOND.digest) == [(0, SECOND.size)]


def test_what_was_here_is_made_to_look_new_so_that_ollama_does_not_prune_it(
    registry: Registries, engine: Engines, tmp_path: Path
) -> None:
    here = tmp_path / "models" / "blobs" / blob_file_name(SECOND.digest)
    here.parent.mkdir(parents=True)
    here.write_bytes(SECOND.read(0, SECOND.size))
    os.utime(here, (0, 0))
    _, it, pull = begin(registry, engine)
    assert time.time() - here.stat().st_mtime < 60
    assert it.pull(pull).state is PullState.DOWNLOADING


def test_a_program_that_does_not_stop_interfering_fails_the_pull(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = registry(MODEL)

    def changed(*_: object) -> None:
        raise ChangedError("blob 123 disappeared", "Look.")

    monkeypatch.setattr(Store, "commit", changed)
    it = engine()
    failed = it.until_failed(it.add(server.names()[0]))
    assert "another program keeps changing the models directory: blob 123 disappeared" in failed.error
    assert server.counters.sent_twice(DIGEST) < BLOB.size, "what is verified stays"


def test_nobody_asks_again_and_again_for_work_while_a_finished_file_is_read(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts whose time has come must wait for the outcome, and the engine with them."""
    reading, read = threading.Event(), threading.Event()

    def is_the_blob(*_: object) -> bool:
        reading.set()
        assert read.wait(30)
        return False

    monkeypatch.setattr(Beside, "_is_the_blob", is_the_blob)
    asked = 0
    real = Pull.wait_for_work

    async def wait_for_work(pull: Pull) -> None:
        nonlocal asked
        asked += 1
        await real(pull)

    monkeypatch.setattr(Pull, "wait_for_work", wait_for_work)
    server, it, pull = begin(registry, engine)
    finished(it, bytes(BLOB.size))
    it.until(reading.is_set, "the look at it")
    server.reset_connections()
    it.until(lambda: it.events(EventKind.RETRY), "parts that wait")
    before, rev = asked, it.service.view.rev
    it.until(lambda: it.service.view.rev > rev + 20, "a while")
    assert asked - before < 1000
    server.faults = ""
    read.set()
    it.until_done(pull)
