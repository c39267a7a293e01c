"""How much of a blob is on disk, seen without touching it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pulltui.engine.manifest import Layer
from pulltui.engine.partial import Partial
from pulltui.engine.peek import peek
from pulltui.engine.store import Store

DATA = bytes(range(250)) * 40
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
LAYER = Layer(DIGEST, len(DATA), "a/b", "model")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    for name in ("blobs", ".pulltui", ".pulltui/sums"):
        (tmp_path / name).mkdir()
    return Store(tmp_path)


def begin(store: Store, *, durable: int, live: int) -> Partial:
    """A partial of which so many bytes of its first part are durable, and so many more written."""
    partial = Partial(store.partial(DIGEST), DIGEST, len(DATA), 4000)
    part = partial.table.parts[0]
    partial.write(part, memoryview(DATA)[:durable], None)
    partial.checkpoint()
    partial.write(part, memoryview(DATA)[durable : durable + live], None)
    partial.close()
    return partial


def test_nothing_is_nothing(store: Store) -> None:
    found = peek(store, [LAYER])
    assert (found.done, found.whole) == ({DIGEST: 0}, frozenset())


def test_both_states_count_and_nothing_is_touched(store: Store) -> None:
    begin(store, durable=1000, live=500)
    before = {path: path.stat().st_mtime_ns for path in store.work.rglob("*")}
    assert peek(store, [LAYER]).done == {DIGEST: 1500}
    store.partial(DIGEST).live.unlink()
    assert peek(store, [LAYER]).done == {DIGEST: 1000}
    assert all(path.stat().st_mtime_ns == before[path] for path in store.work.glob("*-partial*"))


def test_states_without_the_data_claim_nothing(store: Store) -> None:
    begin(store, durable=1000, live=0)
    store.partial(DIGEST).data.unlink()
    assert peek(store, [LAYER]).done == {DIGEST: 0}


@pytest.mark.parametrize("path", ["blob", "staged"])
def test_what_is_complete_is_whole(store: Store, path: str) -> None:
    target: Path = getattr(store, path)(DIGEST)
    target.write_bytes(DATA)
    found = peek(store, [LAYER])
    assert (found.done, found.whole) == ({DIGEST: len(DATA)}, frozenset({DIGEST}))
    target.write_bytes(DATA[:-1])
    assert peek(store, [LAYER]).done == {DIGEST: 0}, "whoever pulls it will be told"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"Version": 99}'])
def test_a_damaged_or_newer_state_is_no_error(store: Store, damage: bytes) -> None:
    begin(store, durable=1000, live=0)
    store.partial(DIGEST).durable.write_bytes(damage)
    store.partial(DIGEST).live.unlink()
    assert peek(store, [LAYER]).done == {DIGEST: 0}
