"""From the last byte to a verified blob: bytes that are wrong on the wire, at the server, on the disk."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pulltui.demo import Registry
from pulltui.engine.views import EventKind
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=60)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def test_a_bit_that_flipped_on_the_wire_is_repaired(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="flip=1/5*1")
    it = engine(transport=transport_kind, may_fall=True)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    notes = [event.why for event in it.events(EventKind.NOTE)]
    assert any("the digest came out as" in note and "repairing" in note for note in notes)
    done = it.events(EventKind.DONE)[0]
    assert 0 < done.fetched_again <= 1500 * KB
    resolved = [record for record in server.counters.records("resolve") if record.digest == DIGEST]
    assert len(resolved) <= 1 + 2, "through fresh addresses"


def test_a_part_that_the_disk_damaged_is_fetched_again_and_nothing_else(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(transport=transport_kind, may_fall=True)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).blobs and it.blob(pull, DIGEST).parts_done >= 3, "three parts")
    it.pause(pull)
    part = next(part for part in it.durable(DIGEST).parts if part.completed == part.size)
    with (it.work / f"{DIGEST.replace(':', '-')}-partial").open("r+b") as file:
        file.seek(part.offset + 1234)
        file.write(b"\0\0\0\0")
    have = it.on_disk(DIGEST)
    mark = server.counters.mark()
    server.faults = ""
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.asked_again(DIGEST, have, mark) == [(part.offset, part.offset + part.size)]
    assert it.events(EventKind.DONE)[0].fetched_again == part.size


def test_a_blob_that_is_damaged_at_the_server_fails_with_both_digests_and_can_be_tried_again(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="damage@700KB")
    it = engine(transport=transport_kind, may_fall=True)
    pull = it.add(server.names()[0])
    failed = it.until_failed(pull)
    assert failed.kind == "digest"
    assert DIGEST in failed.error
    assert failed.error.count("sha256:") == 2
    assert sum(part.completed for part in it.durable(DIGEST).parts) == 0, "never left all complete"
    assert not (it.directory / "blobs" / DIGEST.replace(":", "-")).exists()
    assert 2 * 1500 * KB <= server.counters.bytes_sent(DIGEST) <= 2.1 * 1500 * KB, "one pass"
    server.faults = ""
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_the_end_comes_with_the_last_byte(registry: Registries, engine: Engines, transport_kind: str) -> None:
    """The hasher has followed: what is hashed grows with what is written."""
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).blobs and it.blob(pull, DIGEST).hashed > 300 * KB, "hashed")
    assert it.blob(pull, DIGEST).done < 1500 * KB
    it.until_done(pull)


@pytest.mark.parametrize("part_size", [7 * KB, 5000 * KB])
def test_any_part_size_comes_to_the_same(
    registry: Registries, engine: Engines, transport_kind: str, part_size: int
) -> None:
    server = registry(MODEL)
    it = engine(transport=transport_kind, part_size=part_size)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.sent_twice(DIGEST) == 0
