"""One pull from its name to a committed model: manifests, what is here already, the disk, the host."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from pulltui.demo import BytesBlob, GeneratedBlob, Layer, Model, Registry, build_model
from pulltui.engine.store import Store
from pulltui.engine.views import BlobState, EventKind, PullState
from pulltui_config.settings import Network
from support.engine import KB, Engine
from support.rawserver import RawServer, answering
from support.registry import closed_port, layer, make_model

MODEL = make_model("tiny", 600 * KB, seed=100)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]
Serve = Callable[..., RawServer]


def saying(model: Model, manifest: bytes) -> Model:
    return replace(model, manifest=manifest)


def test_a_model_of_odd_blobs(registry: Registries, engine: Engines, transport_kind: str) -> None:
    """A zero-byte blob, a one-byte blob, the same blob twice under two roles, a part's size exactly."""
    twice = BytesBlob(b"said twice")
    model = build_model(
        "library/odd",
        [
            Layer("model", GeneratedBlob(100 * KB, seed=101)),
            Layer("system", BytesBlob(b"")),
            Layer("template", BytesBlob(b"x")),
            Layer("license", twice),
            Layer("license", twice),
            Layer("projector", GeneratedBlob(200 * KB, seed=102)),
            Layer("adapter", GeneratedBlob(100 * KB + 1, seed=103)),
        ],
    )
    server = registry(model)
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(model, host=server.host)
    shown = it.pull(pull)
    assert len(shown.blobs) == 7
    assert shown.size == shown.done == model.size
    assert len(server.counters.ranges(twice.digest)) == 1
    empty = next(blob for blob in model.blobs.values() if blob.size == 0)
    assert server.counters.ranges(empty.digest) == []
    assert it.blob(pull, empty.digest).state is BlobState.CACHED


def test_what_is_here_already_is_not_asked_for(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL)
    it = engine(transport=transport_kind)
    blob = layer(MODEL)
    path = it.directory / "blobs" / DIGEST.replace(":", "-")
    path.write_bytes(blob.read(0, blob.size))
    os.utime(path, (0, 0))
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.ranges(DIGEST) == []
    assert it.pull(pull).cached == blob.size
    assert it.events(EventKind.RESOLVED)[0].cached == blob.size
    assert path.stat().st_mtime > 10**9, "young again, so that Ollama spares it"


def test_a_blob_here_of_another_size_is_an_error_with_its_path(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL)
    it = engine(transport=transport_kind)
    path = it.directory / "blobs" / DIGEST.replace(":", "-")
    path.write_bytes(b"damaged")
    pull = it.add(server.names()[0])
    failed = it.until_failed(pull)
    assert failed.kind == "storage"
    assert f"{path} has 7 bytes, the manifest says 600000" in failed.error
    assert "Delete it and pull again" in failed.hint
    path.unlink()
    it.resume(pull)
    it.until_done(pull)


def test_a_verified_blob_that_waits_for_its_pull_is_here_too(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    model = build_model(
        "library/two",
        [
            Layer("template", BytesBlob(b"small comes first")),
            Layer("model", GeneratedBlob(600 * KB, seed=104)),
        ],
    )
    small = layer(model)
    server = registry(model, faults="link@1MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.events(EventKind.VERIFIED) and it.pull(pull).done > 50 * KB, "one is verified")
    assert it.stop()
    assert not (it.directory / "blobs" / small.digest.replace(":", "-")).exists()
    assert not list((it.directory / "manifests").rglob("*latest"))
    server.faults = ""
    mark = server.counters.mark()
    again = engine(transport=transport_kind)
    again.until_done(again.add(server.names()[0]))
    again.assert_installed(model, host=server.host)
    assert server.counters.ranges(small.digest, mark) == []


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"<html>sign in</html>", r"a web page, not a registry manifest"),
        (b"{", "not a registry manifest"),
        (b"[" * 50_000, "not|nested"),
        (b"", "empty"),
        (
            json.dumps(
                {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
            ).encode(),
            "multi-platform index",
        ),
        (MODEL.manifest.replace(b"sha256:", b"sha256:../"), "sha256 digest"),
        (MODEL.manifest.replace(b"600000", b"-1"), "size in bytes"),
        (MODEL.manifest + b" " * (5 << 20), "more than 4 MiB"),
        (b'{"schemaVersion":2,"layers":[]}', "nothing to download"),
    ],
    ids=["html", "cut", "deep", "empty", "index", "traversal", "negative", "5 MiB", "nothing"],
)
def test_what_is_no_manifest_is_refused_before_anything_is_written(
    registry: Registries, engine: Engines, transport_kind: str, manifest: bytes, words: str
) -> None:
    server = registry(saying(MODEL, manifest))
    it = engine(transport=transport_kind)
    failed = it.until_failed(it.add(server.names()[0]))
    assert failed.kind == "manifest"
    assert re.search(words, failed.error), failed.error
    assert failed.blobs == ()
    assert list((it.directory / "blobs").iterdir()) == []
    assert list((it.directory / "manifests").iterdir()) == []


@pytest.mark.parametrize(
    ("faults", "kind", "words"),
    [
        ("manifest:404", "not-found", r"has no manifest of .*tiny:latest \(404\): this is the fault"),
        ("manifest:410", "not-found", "410"),
        ("manifest:401", "refused", "wants credentials"),
        ("manifest:403", "refused", r"does not allow manifest of .* \(403\)"),
        ("manifest:412", "refused", "412"),
        ("manifest:501", "refused", "501"),
        ("manifest:418", "refused", "418"),
        ("manifest:429,retry-after@2000s", "busy", "asks to wait 33"),
        ("manifest:502", "failed", "does not come: 502"),
        ("manifest:close", "failed", "does not come"),
    ],
)
def test_a_registry_that_does_not_give_the_manifest(
    registry: Registries,
    engine: Engines,
    transport_kind: str,
    *,
    faults: str,
    kind: str,
    words: str,
) -> None:
    server = registry(MODEL, faults=faults)
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    failed = it.until_failed(pull)
    assert failed.kind == kind
    assert re.search(words, failed.error), failed.error
    assert failed.hint
    server.faults = ""
    it.retry(pull)
    it.until_done(pull)


def test_a_blob_whose_host_asks_to_wait_too_long_fails_with_the_time(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="503,retry-after@99999s")
    it = engine(transport=transport_kind)
    failed = it.until_failed(it.add(server.names()[0]))
    assert failed.kind == "busy"
    assert "asks to wait 1d03h" in failed.error


def test_a_host_that_never_answered_is_given_up_after_some_looks(
    engine: Engines, transport_kind: str
) -> None:
    it = engine(transport=transport_kind, max_retries=3)
    port = closed_port()
    pull = it.add(f"127.0.0.1:{port}/library/tiny")
    failed = it.until_failed(pull)
    assert f"cannot reach the registry: connection refused by 127.0.0.1:{port}" in failed.error
    waits = it.events(EventKind.WAITING)
    assert waits
    assert "connection refused" in waits[0].why


def test_a_host_that_never_answered_is_waited_for_while_somebody_looks_on(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL)
    server.go_offline()
    it = engine(transport=transport_kind, max_retries=1, patient=True)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).waiting, "waiting")
    rev = it.look().rev
    it.until(lambda: it.look().rev > rev + 40, "more looks than it would get otherwise")
    assert it.pull(pull).state in (PullState.RESOLVING, PullState.WAITING)
    server.go_online()
    it.until_done(pull)


def test_an_unknown_host_is_named(engine: Engines, transport_kind: str) -> None:
    # Some resolvers take their time to say so.
    it = engine(transport=transport_kind, max_retries=1, network=Network(connect_timeout=60))
    failed = it.until_failed(it.add("nowhere.invalid/library/tiny"))
    assert "nowhere.invalid" in failed.error
    assert "network" in failed.hint


def test_a_host_that_answered_once_is_waited_for(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    other = make_model("other", 100 * KB, seed=105)
    server = registry(MODEL, other)
    it = engine(transport=transport_kind, max_retries=1)
    it.until_done(it.add(server.names()[0]))
    server.go_offline()
    pull = it.add(server.names()[1])
    waiting = it.until(lambda: it.pull(pull).waiting, "waiting")
    assert waiting is not None
    assert "connection refused by 127.0.0.1" in waiting.why
    rev = it.look().rev
    it.until(lambda: it.look().rev > rev + 40, "more looks than a host that never answered gets")
    assert it.pull(pull).state in (PullState.RESOLVING, PullState.WAITING)
    server.go_online()
    it.until_done(pull)
    it.assert_installed(MODEL, other, host=server.host)


def test_something_that_is_not_http_is_not_waited_for(
    engine: Engines, transport_kind: str, raw_server: Serve
) -> None:
    server = raw_server(answering(b"SSH-2.0-OpenSSH_9.7\r\n"))
    it = engine(transport=transport_kind, max_retries=2)
    failed = it.until_failed(it.add(f"127.0.0.1:{server.port}/library/tiny"))
    assert "does not come" in failed.error


def test_without_room_it_waits_with_the_figures_and_then_goes_on(
    registry: Registries, engine: Engines, transport_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [400 * KB]
    monkeypatch.setattr(Store, "free", lambda self: free[0])
    server = registry(MODEL)
    it = engine(transport=transport_kind, keep_free=1000)
    pull = it.add(server.names()[0])
    it.until(lambda: it.events(EventKind.WAITING), "it is told")
    event = it.events(EventKind.WAITING)[0]
    assert event.error_kind == "no-space"
    assert re.search(r"needs 600 KB, 400 KB free; 1\.00 KB stay free", event.why), event.why
    waiting = it.until(lambda: it.pull(pull).waiting, "waiting is shown")
    assert waiting is not None
    assert "not enough space" in waiting.why
    assert server.counters.ranges(DIGEST) == []
    free[0] = 10**9
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_a_defect_of_ours_fails_the_pull_and_leaves_the_engine_running(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = registry(MODEL)
    it = engine()

    def defect(*_: object) -> None:
        raise RuntimeError("what nobody thought of")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "commit", defect)
        pull = it.add(server.names()[0])
        failed = it.until_failed(pull)
    assert "a defect of pulltui: RuntimeError: what nobody thought of" in failed.error
    assert failed.hint
    logged = it.until(lambda: [each for each in caplog.records if each.levelname == "ERROR"], "it is logged")
    [told] = logged or []
    assert told.name == "pulltui.engine"
    assert "RuntimeError" in told.getMessage()
    assert "in defect" in told.getMessage(), "the place is told"
    it.resume(pull)
    it.until_done(pull)


def test_a_pull_that_waits_for_room_can_be_paused(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "free", lambda self: 0)
    server = registry(MODEL)
    it = engine()
    pull = it.add(server.names()[0])
    it.until_state(pull, PullState.WAITING)
    it.pause(pull)
    shown = it.pull(pull)
    assert shown.state is PullState.PAUSED
    assert shown.waiting is None
