"""Ollama's own tests of fetching blobs (x/transfer, server/download), in our words: from a cold start."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import wait

import pytest
from pulltui.demo import BytesBlob, GeneratedBlob, Layer, Registry, build_model
from pulltui.demo.counters import Record
from pulltui.engine.core import default_user_agent
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.views import BlobState, EventKind, PullState
from pulltui_config.settings import Network
from support.engine import KB, PATIENCE, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 600 * KB, 200 * KB, seed=310)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def test_several_blobs_of_a_name_with_a_namespace(registry: Registries, engine: Engines) -> None:
    model = make_model("someone/own-model", 300 * KB, 200 * KB, seed=311, tag="7b")
    server = registry(model)
    it = engine()
    pull = it.add(f"{server.host}/someone/own-model:7b")
    it.until_done(pull)
    it.assert_installed(model, host=server.host)
    asked = {record.target for record in server.counters.records("resolve")}
    assert asked == {f"/v2/someone/own-model/blobs/{digest}" for digest in model.blobs}


def test_one_byte_ends_without_waiting_for_a_clock(registry: Registries, engine: Engines) -> None:
    model = build_model("library/byte", [Layer("model", BytesBlob(b"x"))])
    server = registry(model)
    it = engine(tuning={"tick": 300.0})
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(model, host=server.host)


def test_another_host_is_followed_without_what_was_meant_for_the_first(
    registry: Registries, engine: Engines
) -> None:
    server = registry(MODEL)
    it = engine()
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert it.blob(pull, DIGEST).source.startswith("localhost:")
    for record in server.counters.records("blob"):
        assert record.host == "cdn"
        assert not {"authorization", "cookie"} & {name.lower() for name in record.headers}


@pytest.mark.parametrize("place", ["blob", "resolve"])
def test_busy_twice_and_then_well(registry: Registries, engine: Engines, place: str) -> None:
    server = registry(MODEL, faults=f"{place}:503*2")
    it = engine()
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.faults() == {"503*2" if place == "blob" else f"{place}:503*2": 2}
    assert it.events(EventKind.RETRY, EventKind.FAILED) == [], "a busy host is nobody's failure"


def test_what_is_there_is_not_asked_for(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL)
    it = engine()
    for digest, blob in MODEL.blobs.items():
        (it.directory / "blobs" / blob_file_name(digest)).write_bytes(blob.read(0, blob.size))
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert [record.place for record in server.counters.records()] == ["manifest"]
    shown = it.pull(pull)
    assert shown.cached == shown.done == shown.size == MODEL.size
    assert {blob.state for blob in shown.blobs} == {BlobState.CACHED}


def test_connections_work_at_the_same_time(registry: Registries, engine: Engines) -> None:
    """Each answer waits for four of them to be there: one after the other would never begin."""
    server = registry(make_model("wide", *[100 * KB] * 4, seed=312), faults="rate@200KB/s")
    it = engine(connections=4)
    it.add(server.names()[0])
    server.counters.wait_for(lambda counters: counters.open_now() == 4, PATIENCE)


def test_a_stall_after_a_kilobyte(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="stall@1KB*1")
    it = engine(connections=1, part_size=600 * KB, stall_timeout=1.0)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    [stalled] = it.events(EventKind.STALLED)
    asked = [each.start for each in server.counters.ranges(stalled.digest)]
    assert asked == [0, 1 * KB]


def test_an_address_that_never_answers(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="resolve:mute*1")
    it = engine(stall_timeout=1.0)
    it.until_done(it.add(server.names()[0]))
    assert [event.kind for event in it.events(EventKind.STALLED)] == [EventKind.STALLED]


@pytest.mark.parametrize("faults", ["mute", "stall@1KB", "manifest:mute"])
def test_cancelling_returns_before_the_server_does(
    registry: Registries, engine: Engines, faults: str
) -> None:
    """The server would go on for minutes; the pull is gone while its requests are still unanswered."""
    asked = threading.Event()
    server = registry(MODEL, faults=faults)
    server.on_range(lambda _: asked.set())
    it = engine(stall_timeout=300.0)
    pull = it.add(server.names()[0])
    if ":" in faults:
        server.counters.wait_for(lambda counters: bool(counters.faults()), PATIENCE)
    else:
        assert asked.wait(PATIENCE)
    it.remove(pull, delete=True)
    assert it.look().pulls == ()
    assert it.look().connections == 0
    assert it.events(EventKind.STALLED) == []
    assert {path.name for path in it.work.iterdir()} == {"lock", "sums"}


def test_progress_only_grows_and_ends_at_the_total(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="short=1/3@20KB*6,link@1MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    seen: list[tuple[int, int]] = []

    def look() -> bool:
        shown = it.pull(pull)
        if shown.size and seen[-1:] != [(shown.done, shown.size)]:
            seen.append((shown.done, shown.size))
        return shown.state is PullState.DONE

    it.until(look, "done")
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert {size for _, size in seen} == {MODEL.size}
    assert seen[-1] == (MODEL.size, MODEL.size)


def test_the_body_in_chunks(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="chunked")
    it = engine()
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.sent_twice(DIGEST) == 0


def test_hashing_begins_before_the_end(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="link@500KB/s")
    it = engine()
    pull = it.add(server.names()[0])

    def hashing() -> bool:
        return any(
            blob.hashed and blob.done < 600 * KB for blob in it.pull(pull).blobs if blob.digest == DIGEST
        )

    it.until(hashing, "a prefix")


@pytest.mark.parametrize("given", ["", "ollama/9.9.9 (amd64 linux) Go/go1.26"])
def test_the_user_agent(registry: Registries, engine: Engines, given: str) -> None:
    server = registry(MODEL)
    it = engine(network=Network(user_agent=given))
    it.until_done(it.add(server.names()[0]))
    sent = {
        next(value for name, value in record.headers.items() if name.lower() == "user-agent")
        for record in server.counters.records()
    }
    assert sent == {given or default_user_agent()}
    assert all(agent.startswith("ollama/") for agent in sent), "or a gating registry would say 412"


def test_a_shared_blob_survives_the_one_who_leaves(registry: Registries, engine: Engines) -> None:
    other = build_model("library/other", [Layer("model", layer(MODEL)), Layer("system", BytesBlob(b"x"))])
    server = registry(MODEL, other, faults="link@2MB/s")
    it = engine()
    leaves, stays = (it.add(name) for name in server.names())
    it.until(lambda: it.pull(stays).done > 100 * KB, "both want it")
    before = it.blob(stays, DIGEST).done
    it.remove(leaves, delete=True)
    assert it.blob(stays, DIGEST).done >= before
    server.faults = ""
    it.until_done(stays)
    it.assert_installed(other, host=server.host)


def test_two_names_at_once_for_all_the_same_blobs(registry: Registries, engine: Engines) -> None:
    copy = build_model("library/copy", [Layer("model", GeneratedBlob(600 * KB, seed=310000)), *_small()])
    original = build_model(
        "library/original", [Layer("model", GeneratedBlob(600 * KB, seed=310000)), *_small()]
    )
    assert copy.blobs.keys() == original.blobs.keys()
    server = registry(copy, original)
    it = engine()
    asked: list[Record] = []
    server.on_range(asked.append)
    wait(added := [it.service.add(name) for name in server.names()], PATIENCE)
    it.until(lambda: len(it.look().pulls) == 2)
    it.until_done(*(future.result() for future in added))
    it.assert_installed(copy, original, host=server.host)
    assert asked
    assert all(server.counters.sent_twice(digest) == 0 for digest in copy.blobs)


def _small() -> list[Layer]:
    return [Layer("system", BytesBlob(b"the same"))]
