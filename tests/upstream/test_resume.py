"""Ollama's own tests of going on from what is on disk (x/transfer, client2), in our words."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pulltui.demo import BytesBlob, Layer, Model, Registry, build_model
from pulltui.demo.blobs import DamagedBlob
from pulltui.demo.intervals import total
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.partial import PartialPaths
from pulltui.engine.views import EventKind
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=320)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def partial(it: Engine) -> PartialPaths:
    return PartialPaths(it.work, blob_file_name(DIGEST))


@pytest.fixture
def begun(registry: Registries, engine: Engines) -> tuple[Registry, Engine]:
    """A registry without faults, and an engine that was stopped when a third of the model was on disk."""
    server = registry(MODEL, faults="link@3MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 500 * KB, "a third of it")
    assert it.stop()
    server.faults = ""
    return server, it


def test_it_asks_exactly_from_where_it_ended(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(connections=1, part_size=1500 * KB)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 500 * KB, "a third of it")
    assert it.stop()
    [(_, end)] = it.on_disk(DIGEST)
    server.faults = ""
    mark = server.counters.mark()
    again = engine(connections=1, part_size=1500 * KB)
    again.until_done(again.add(server.names()[0]))
    again.assert_installed(MODEL, host=server.host)
    assert [(each.start, each.stop) for each in server.counters.ranges(DIGEST, mark)] == [(end, 1500 * KB)]


def test_the_total_includes_what_is_there(
    begun: tuple[Registry, Engine], engine: Engines, tmp_path: Path
) -> None:
    server, before = begun
    have = total(before.on_disk(DIGEST))
    server.faults = "link@1MB/s"
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done, "progress is shown")
    assert it.pull(pull).done >= have
    assert it.pull(pull).size == MODEL.size
    server.faults = ""
    it.until_done(pull)
    assert it.pull(pull).done == MODEL.size


def test_a_corrupt_partial_recovers(begun: tuple[Registry, Engine], engine: Engines) -> None:
    server, before = begun
    start = next(start for start, end in before.on_disk(DIGEST) if end - start == 100 * KB)
    missing = layer(MODEL).size - total(before.on_disk(DIGEST))
    with partial(before).data.open("r+b") as file:
        file.seek(start + 1000)
        file.write(bytes(5000))
    mark = server.counters.mark()
    it = engine(may_fall=True)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert any("repairing 1 damaged part" in event.why for event in it.events(EventKind.NOTE))
    assert server.counters.bytes_sent(DIGEST, mark) == missing + 100 * KB, "the damaged part, and no other"


def test_a_partial_larger_than_the_blob(begun: tuple[Registry, Engine], engine: Engines) -> None:
    server, before = begun
    with partial(before).data.open("ab") as file:
        file.write(b"too much" * 1000)
    it = engine()
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)


@pytest.mark.parametrize("known", ["with its state", "without any state"])
def test_a_partial_of_exactly_the_right_size(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    """A length proves nothing: with a state that proves the bytes nothing is fetched, without one all is."""
    server = registry(MODEL)
    it = engine()
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        if source == partial(it).data:
            raise OSError(5, "Input/output error")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    it.until_failed(it.add(server.names()[0]))
    assert it.stop()
    monkeypatch.undo()
    assert partial(it).data.stat().st_size == layer(MODEL).size
    if known == "without any state":
        partial(it).durable.unlink()
        partial(it).live.unlink()
    mark = server.counters.mark()
    again = engine()
    again.until_done(again.add(server.names()[0]))
    again.assert_installed(MODEL, host=server.host)
    expected = 0 if known == "with its state" else layer(MODEL).size
    assert server.counters.bytes_sent(DIGEST, mark) == expected


def test_a_server_that_ignores_ranges_when_going_on(begun: tuple[Registry, Engine], engine: Engines) -> None:
    server, _ = begun
    server.faults = "norange"
    it = engine()
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)


def test_what_was_verified_before_a_cancellation_is_not_fetched_again(
    registry: Registries, engine: Engines
) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: len(it.events(EventKind.VERIFIED)) == 2, "the small ones are verified")
    it.until(lambda: it.pull(pull).done > 100 * KB, "some of the large one")
    verified = {event.digest for event in it.events(EventKind.VERIFIED)}
    it.pause(pull)
    it.remove(pull)
    server.faults = ""
    mark = server.counters.mark()
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert {record.digest for record in server.counters.records("blob", mark)} == {DIGEST}
    assert DIGEST not in verified


def bad(blob_of: Model, digest: str) -> Model:
    """The same model from a registry whose copy of one blob has a wrong bit."""
    blobs = dict(blob_of.blobs)
    blobs[digest] = DamagedBlob(blobs[digest], 7)
    return Model(blob_of.path, blob_of.tag, blob_of.manifest, blobs)


def test_bytes_that_are_not_the_blob(registry: Registries, engine: Engines) -> None:
    server = registry(bad(MODEL, DIGEST))
    it = engine(may_fall=True)
    pull = it.add(server.names()[0])
    failed = it.until_failed(pull)
    assert failed.kind == "digest"
    assert DIGEST in failed.error
    assert list((it.directory / "blobs").iterdir()) == []
    assert list((it.directory / "manifests").iterdir()) == []
    server.add(MODEL)
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_a_config_and_a_layer_that_share_bad_bytes(registry: Registries, engine: Engines) -> None:
    """One digest in two roles is fetched once, and refused once and for both."""
    plain = build_model("library/shared", [Layer("license", BytesBlob(b"free"))])
    config = list(plain.blobs)[-1]
    manifest = plain.manifest.replace(
        b'"layers":[',
        b'"layers":[{"mediaType":"application/vnd.ollama.image.system","digest":"%s","size":%d},'
        % (config.encode(), plain.blobs[config].size),
    )
    twice = Model("library/shared", "latest", manifest, plain.blobs)
    server = registry(bad(twice, config))
    it = engine(may_fall=True)
    pull = it.add(server.names()[0])
    failed = it.until_failed(pull)
    assert failed.kind == "digest"
    assert config in failed.error
    assert list((it.directory / "manifests").iterdir()) == []
    server.add(twice)
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(twice, host=server.host)
    assert len(it.pull(pull).blobs) == 2
