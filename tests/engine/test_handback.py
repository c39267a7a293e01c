"""What we have of a blob is given to Ollama in its own format, and a reader by its rules finishes it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.demo import Registry
from pulltui.demo.intervals import total, union
from pulltui.engine.adopt import Adopter
from pulltui.engine.errors import StorageError
from pulltui.engine.handback import Handed, hand_back
from pulltui.engine.ollamapartial import records_of
from pulltui.engine.partial import Partial
from pulltui.engine.store import Store
from support import ollama
from support import ollama_partials as theirs
from support.engine import KB, Engine
from support.killed import KilledError, kill_at
from support.registry import layer, make_model

MODEL = make_model("tiny", 1600 * KB, seed=410)
BLOB = layer(MODEL)
DIGEST = BLOB.digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def begin(store: Store, written: dict[int, int], part_size: int = 100 * KB) -> list[tuple[int, int]]:
    """Our partial, with so many bytes written of these parts; what is there."""
    partial = Partial(store.partial(DIGEST), DIGEST, BLOB.size, part_size)
    have = []
    for n, count in written.items():
        part = partial.table.parts[n]
        data = BLOB.read(part.offset, count)
        partial.write(part, memoryview(data), crc32(data))
        have.append((part.offset, part.offset + count))
    partial.checkpoint()
    partial.close()
    return union(have)


def missing(have: list[tuple[int, int]]) -> list[tuple[int, int]]:
    edges = [0, *(edge for piece in have for edge in piece), BLOB.size]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


@pytest.mark.parametrize(
    "written",
    [
        {},
        {0: 100 * KB, 1: 100 * KB},
        {0: 37 * KB, 1: 100 * KB, 5: 1, 8: 99_999, 15: 100 * KB},
        dict.fromkeys(range(16), 50 * KB),
    ],
    ids=["nothing", "a prefix", "here and there", "half of each"],
)
def test_ollama_goes_on_with_every_byte_of_it(store: Store, written: dict[int, int]) -> None:
    have = begin(store, written)
    handed = hand_back(store, DIGEST)
    begun = theirs.prepare(store.blobs, DIGEST)
    assert handed == Handed(total(have), BLOB.size, len(begun.parts))
    assert begun.total == BLOB.size
    assert union(begun.missing) == missing(have)
    assert [part.n for part in begun.parts] == list(range(len(begun.parts)))
    path = theirs.finish(store.blobs, DIGEST, BLOB)
    assert f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" == DIGEST
    assert [entry.name for entry in store.blobs.iterdir()] == [path.name], "no record is left over"
    assert sorted(entry.name for entry in store.work.iterdir()) == ["lock", "sums"]


def test_a_record_has_the_form_that_ollama_writes(store: Store) -> None:
    begin(store, {0: 100 * KB})
    hand_back(store, DIGEST)
    text = (store.blobs / f"{theirs.file_name(DIGEST)}-partial-0").read_text()
    assert text == '{"N":0,"Offset":0,"Size":1600000,"Completed":100000}\n'
    assert list(json.loads(text)) == ["N", "Offset", "Size", "Completed"]


def test_ollama_does_not_prune_it_at_its_next_start(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(store, {0: 100 * KB})
    real = Partial.close

    def close(partial: Partial) -> None:
        real(partial)
        os.utime(partial.paths.data, (0, 0))

    monkeypatch.setattr(Partial, "close", close)
    hand_back(store, DIGEST)
    assert ollama.doomed(store.root, time.time()) == []


@given(
    total=st.integers(1, 3000),
    part_size=st.integers(50, 1000),
    edges=st.lists(st.integers(0, 3000), max_size=20, unique=True),
)
def test_records_leave_nothing_out_and_claim_nothing_else(
    total: int, part_size: int, edges: list[int]
) -> None:
    ends = sorted(edge for edge in edges if edge <= total)
    stretches = list(zip(ends[::2], ends[1::2], strict=False))
    records = records_of(stretches, total, part_size)
    claimed = union((each.offset, each.offset + each.completed) for each in records if each.completed)
    assert claimed == union(stretches)
    assert [each.n for each in records] == list(range(len(records)))
    assert [each.offset for each in records] == [
        sum(r.size for r in records[:n]) for n in range(len(records))
    ]
    assert sum(each.size for each in records) == total
    assert all(0 < each.size <= part_size and 0 <= each.completed <= each.size for each in records)
    assert len(records) <= -(-total // part_size) + len(stretches)


def test_a_blob_as_large_as_they_come_has_as_many_parts_as_ollama_would_make() -> None:
    size = 40 * 10**9
    records = records_of([(0, 16_000_000)], size, 1000 * 10**6)
    assert len(records) == 40
    assert records[0].completed == 16_000_000


def test_what_is_verified_already_becomes_a_blob(store: Store) -> None:
    data = BLOB.read(0, BLOB.size)
    store.staged(DIGEST).write_bytes(data)
    assert hand_back(store, DIGEST) == Handed(BLOB.size, BLOB.size, 0)
    assert store.blob(DIGEST).read_bytes() == data
    assert not store.staged(DIGEST).exists()


def test_what_is_not_there_is_not_handed_back(store: Store) -> None:
    assert hand_back(store, DIGEST) is None


def test_where_ollama_has_begun_too_nothing_is_touched(store: Store) -> None:
    begin(store, {0: 100 * KB})
    begun = theirs.begin(store.blobs, BLOB, [0.5])
    with pytest.raises(StorageError, match="Ollama has begun blob"):
        hand_back(store, DIGEST)
    assert theirs.prepare(store.blobs, DIGEST) == begun
    assert store.partial(DIGEST).data.exists()


def test_without_a_record_of_ours_nobody_knows_what_is_in_it(store: Store) -> None:
    begin(store, {0: 100 * KB})
    store.partial(DIGEST).durable.unlink()
    store.partial(DIGEST).live.unlink()
    with pytest.raises(StorageError, match="nothing says what is in"):
        hand_back(store, DIGEST)
    assert store.partial(DIGEST).data.exists()


def test_records_that_something_else_left_are_not_added_up(store: Store) -> None:
    begin(store, {0: 100 * KB})
    (store.blobs / f"{theirs.file_name(DIGEST)}-partial-7").write_text(
        '{"N":7,"Offset":0,"Size":9,"Completed":0}'
    )
    hand_back(store, DIGEST)
    assert theirs.prepare(store.blobs, DIGEST).total == BLOB.size


def test_what_cannot_be_proven_is_not_claimed(store: Store) -> None:
    """A file that is not the one our state was made for: only what its checksums prove is handed over."""
    have = begin(store, {0: 100 * KB, 3: 100 * KB})
    data = store.partial(DIGEST).data
    content = bytearray(data.read_bytes())
    content[350_000] ^= 1
    other = store.root / "other"
    other.write_bytes(content)
    other.replace(data)
    hand_back(store, DIGEST)
    assert theirs.prepare(store.blobs, DIGEST).missing[0] == (100 * KB, BLOB.size)
    assert have == [(0, 100 * KB), (300 * KB, 400 * KB)]


def test_a_kill_at_any_call_loses_nothing_to_ollama_or_us(
    registry: Registries, engine: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = registry(MODEL)
    stop_at, through, outcomes = 0, False, set()
    while not through:
        stop_at += 1
        root = tmp_path / str(stop_at)
        killed = Store(root)
        killed.open("now")
        have = begin(killed, {0: 100 * KB, 4: 60 * KB, 9: 100 * KB})
        through = kill_at(monkeypatch, stop_at, lambda store=killed: hand_back(store, DIGEST))  # type: ignore[misc]
        killed.close()
        blobs = root / "blobs"
        if theirs.files(blobs, DIGEST):
            begun = theirs.prepare(blobs, DIGEST)
            outcomes.add("Ollama's" if begun.total == BLOB.size else "on the way")
            if begun.total == BLOB.size:
                assert union(begun.missing) == missing(have)
            theirs.make_old(blobs, DIGEST)
        else:
            outcomes.add("ours")
        mark = server.counters.mark()
        it = engine(directory=root)
        it.until_done(it.add(server.names()[0]))
        it.assert_installed(MODEL, host=server.host)
        assert server.counters.sent(DIGEST, mark) == missing(have), f"killed at {stop_at}"
        assert theirs.files(blobs, DIGEST) == []
        assert it.stop()
    assert outcomes == {"ours", "on the way", "Ollama's"}


def test_what_a_kill_broke_off_is_taken_back_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after the minute that is granted to Ollama: it is our own, and our own state has its checksums."""
    begin(store, {0: 100 * KB, 4: 60 * KB})
    real: Any = os.replace

    def replace(source: Any, target: Any) -> None:
        if str(target).endswith("-partial-1"):
            raise KilledError
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(KilledError):
            hand_back(store, DIGEST)
    adoption = Adopter(store, lambda size: 100 * KB).adopt(DIGEST)
    assert adoption is not None
    assert (adoption.bytes, adoption.why) == (160 * KB, "")
    partial = Partial(store.partial(DIGEST), DIGEST, BLOB.size, 100 * KB)
    assert {part.n: part.mark.written for part in partial.table if part.mark.written} == {
        0: 100 * KB,
        4: 60 * KB,
    }
    assert all(part.mark.crc is not None for part in partial.table)
    partial.close()


def test_there_and_back_again_fetches_no_byte_twice(
    registry: Registries, engine: Engines, tmp_path: Path
) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 500 * KB, "a third of it")
    assert it.stop()
    have = it.on_disk(DIGEST)
    store = Store(it.directory)
    store.open("now")
    handed = hand_back(store, DIGEST)
    assert handed is not None
    assert handed.done == total(have)
    store.close()
    server.faults = ""
    mark = server.counters.mark()
    again = engine()
    again.until_done(again.add(server.names()[0]))
    again.assert_installed(MODEL, host=server.host)
    assert server.counters.sent(DIGEST, mark) == missing(union(have))
