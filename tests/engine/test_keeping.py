"""Nothing that came is given up: not for a manifest, nor because saving is interrupted or fails."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pulltui.demo import Model, Registry
from pulltui.demo.intervals import total
from pulltui.engine.errors import ManifestError
from pulltui.engine.shielded import see_through
from pulltui.engine.store import Store
from pulltui.engine.views import PullState
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("library/tiny", 900 * KB)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def resized(model: Model, size: int) -> Model:
    """The same blobs by another name, whose manifest is wrong about the size of the weights."""
    manifest = json.loads(model.manifest)
    manifest["layers"][0]["size"] = size
    return replace(model, path="library/liar", manifest=json.dumps(manifest).encode())


async def test_what_must_be_seen_through_is_however_often_it_is_cancelled() -> None:
    done = []

    async def work() -> None:
        for step in range(3):
            await asyncio.sleep(0)
            done.append(step)

    task = asyncio.create_task(see_through(work()))
    for _ in range(2):
        await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [0, 1, 2]


def test_a_manifest_with_another_size_wipes_no_partial(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, resized(MODEL, 500 * KB), faults="link@1MB/s")
    it = engine()
    good = it.add(server.name(MODEL.path))
    it.until(lambda: it.pull(good).done > 300 * KB, "some of it")
    it.pause(good)
    have, mark = it.on_disk(DIGEST), server.counters.mark()
    bad = it.add(server.name("library/liar"))
    failed = it.until_failed(bad)
    assert "900000 bytes" in failed.error
    assert "500000" in failed.error
    assert it.on_disk(DIGEST) == have
    server.faults = ""
    it.resume(good)
    it.until_done(good)
    assert server.counters.asked_again(DIGEST, have, mark) == []


def test_a_manifest_with_another_size_stops_no_pull_that_runs(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, resized(MODEL, 500 * KB), faults="link@1MB/s")
    it = engine()
    good = it.add(server.name(MODEL.path))
    it.until(lambda: it.pull(good).done > 100 * KB, "some of it")
    bad = it.add(server.name("library/liar"))
    assert it.until_failed(bad).kind == ManifestError.kind
    server.faults = ""
    it.until_done(good)


def test_pausing_a_pull_that_is_failing_closes_it_durably(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = asyncio.Event()
    released: list[str] = []
    it = engine()
    server = registry(MODEL, faults="link@1MB/s")
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 200 * KB, "some of it")
    core = it.service._core
    assert core is not None
    blob = next(each for each in core.queue.downloads() if each.digest == DIGEST)
    real = blob.release

    async def release(pull_id: str) -> None:
        released.append(pull_id)
        await slow.wait()
        await real(pull_id)

    monkeypatch.setattr(blob, "release", release)
    server.faults = "404"
    server.reset_connections()
    it.until(lambda: released, "it winds down")
    pausing = it.service.pause([pull])
    it.service.pause([pull])
    assert it.service._thread is not None
    it.service._thread.loop.call_soon_threadsafe(slow.set)
    pausing.result(30)
    assert not blob.wanted_by
    assert not blob.is_open
    assert total(it.on_disk(DIGEST)) == blob.written > 100 * KB


def test_a_last_sync_that_fails_is_not_reported_as_saved(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = engine(may_fall=True)
    server = registry(MODEL, faults="link@1MB/s")
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 200 * KB, "some of it")

    def fdatasync(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fdatasync)
        it.pause(pull)
        shown = it.pull(pull)
        assert shown.state is PullState.FAILED
        assert "cannot sync" in shown.error
        assert not it.stop()


def test_switching_to_one_stream_does_not_spin(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="500*3,norange,link@500KB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).blobs and it.blob(pull, DIGEST).single_stream, "one stream")
    it.until(lambda: it.blob(pull, DIGEST).done > 50 * KB, "it streams")
    core = it.service._core
    assert core is not None
    running = core.queue.pulls[pull]
    waits: list[float | None] = []
    real = running.change.wait

    async def wait(seconds: float | None = None, *, resting: bool = False) -> None:
        waits.append(seconds)
        await real(seconds, resting=resting)

    running.change.wait = wait  # type: ignore[method-assign]
    it.until(lambda: it.blob(pull, DIGEST).done > 150 * KB, "it goes on")
    assert waits
    assert 0.0 not in waits
    server.faults = ""
    it.until_done(pull)


def test_a_disk_that_fills_up_is_noticed_before_it_is_full(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [10_000_000]
    monkeypatch.setattr(Store, "free", lambda self: free[0])
    server = registry(MODEL, faults="link@1MB/s")
    it = engine(keep_free=1_000_000)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 200 * KB, "some of it")
    free[0] = 999_999
    it.until_state(pull, PullState.WAITING)
    assert it.pull(pull).kind == "no-space"
    have, mark = it.on_disk(DIGEST), server.counters.mark()
    assert total(have) > 100 * KB
    server.faults = ""
    free[0] = 10_000_000
    it.until_done(pull)
    assert server.counters.asked_again(DIGEST, have, mark) == []


def test_a_partial_goes_when_another_program_finished_the_blob(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="link@1MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 200 * KB, "some of it")
    it.pause(pull)
    weights: Any = layer(MODEL)
    path = it.directory / "blobs" / DIGEST.replace(":", "-")
    path.write_bytes(weights.read(0, weights.size))
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
