"""Ollama's unfinished blobs are taken over: exactly what is missing is fetched, and no kill loses a byte."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pulltui.demo import Registry
from pulltui.demo.intervals import total, union
from pulltui.engine import adopt, unfinished
from pulltui.engine.adopt import Adopter, Adoption
from pulltui.engine.errors import StorageError
from pulltui.engine.openfiles import Users
from pulltui.engine.partstate import read_durable
from pulltui.engine.store import Store
from pulltui.engine.views import EventKind, PullState
from support import ollama_partials as ollama
from support.engine import KB, Engine
from support.killed import kill_at
from support.registry import layer, make_model

MODEL = make_model("tiny", 1600 * KB, seed=400)
BLOB = layer(MODEL)
DIGEST = BLOB.digest
STAGES = {
    "none complete": [0.0] * 16,
    "some complete": [1.0] * 5 + [0.0] * 11,
    "some with a prefix": [1.0, 0.37, 0.0, 1.0, 0.5, 0.999, *[0.0] * 9, 0.25],
}
MIXED = STAGES["some with a prefix"]

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def adopter(store: Store) -> Adopter:
    return Adopter(store, lambda size: 100 * KB)


def notes(it: Engine) -> list[str]:
    return [event.why for event in it.events(EventKind.NOTE)]


@pytest.mark.parametrize("stage", STAGES)
def test_a_pull_takes_it_over_and_fetches_exactly_what_is_missing(
    registry: Registries, engine: Engines, tmp_path: Path, transport_kind: str, stage: str
) -> None:
    begun = ollama.begin(tmp_path / "models" / "blobs", BLOB, STAGES[stage])
    server = registry(MODEL)
    it = engine(transport=transport_kind)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.sent(DIGEST) == union(begun.missing)
    assert ollama.files(it.directory / "blobs", DIGEST) == []
    assert any("took over" in note for note in notes(it))


def test_what_is_adopted_shows_at_once_and_survives_a_stop(
    registry: Registries, engine: Engines, tmp_path: Path
) -> None:
    begun = ollama.begin(tmp_path / "models" / "blobs", BLOB, MIXED)
    have = BLOB.size - total(begun.missing)
    server = registry(MODEL, faults="link@1MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done, "progress is shown")
    assert it.pull(pull).done >= have
    assert it.stop()
    server.faults = ""
    mark = server.counters.mark()
    have = it.on_disk(DIGEST)
    again = engine()
    again.until_done(again.add(server.names()[0]))
    again.assert_installed(MODEL, host=server.host)
    assert server.counters.asked_again(DIGEST, have, mark) == []


def test_nobody_knows_the_checksum_of_what_was_adopted(store: Store) -> None:
    ollama.begin(store.blobs, BLOB, [1.0, 0.5])
    adopter(store).adopt(DIGEST)
    state = read_durable(store.partial(DIGEST).durable, DIGEST)
    assert state is not None
    assert {part.crc32 for part in state.parts if part.completed} == {None}
    assert {part.crc32 for part in state.parts if not part.completed} == {0}
    assert max(part.size for part in state.parts) == 100 * KB, "parts of ours, so that many can be fetched"


def test_adopted_bytes_that_are_wrong_are_fetched_again_first_and_no_others(
    registry: Registries, engine: Engines, tmp_path: Path
) -> None:
    blobs = tmp_path / "models" / "blobs"
    ollama.begin(blobs, BLOB, [1.0, 0.0, 1.0, 0.0])
    with (blobs / f"{ollama.file_name(DIGEST)}-partial").open("r+b") as file:
        file.seek(1000)
        file.write(bytes(64))
    ollama.make_old(blobs, DIGEST)
    server = registry(MODEL)
    it = engine(may_fall=True)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    asked = server.counters.ranges(DIGEST)
    suspect = [any(a <= each.start < b for a, b in [(0, 400 * KB), (800 * KB, 1200 * KB)]) for each in asked]
    assert server.counters.sent(DIGEST) == [(0, BLOB.size)]
    assert suspect == sorted(suspect), "what was missing first, then what Ollama had, nothing of ours again"


def test_a_kill_at_any_call_leaves_what_ollama_or_we_can_go_on_with(
    registry: Registries, engine: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = registry(MODEL)
    stop_at, through, outcomes = 0, False, set()
    while not through:
        stop_at += 1
        root = tmp_path / str(stop_at)
        begun = ollama.begin(root / "blobs", BLOB, [1.0, 0.4, 0.0])
        killed = Store(root)
        killed.open("now")
        through = kill_at(monkeypatch, stop_at, lambda store=killed: adopter(store).adopt(DIGEST))  # type: ignore[misc]
        if (root / "blobs" / f"{ollama.file_name(DIGEST)}-partial").exists():
            outcomes.add("Ollama's")
            assert ollama.prepare(root / "blobs", DIGEST) == begun
        else:
            outcomes.add("ours")
        killed.close()
        mark = server.counters.mark()
        it = engine(directory=root)
        it.until_done(it.add(server.names()[0]))
        it.assert_installed(MODEL, host=server.host)
        assert server.counters.sent(DIGEST, mark) == union(begun.missing), f"killed at {stop_at}"
        assert ollama.files(root / "blobs", DIGEST) == []
        assert it.stop()
    assert outcomes == {"Ollama's", "ours"}
    assert stop_at > 8


# -- refusals ---------------------------------------------------------------------------------------


def edited(blobs: Path, n: int, **fields: int) -> None:
    path = blobs / f"{ollama.file_name(DIGEST)}-partial-{n}"
    path.write_bytes(msgspec.json.encode(msgspec.json.decode(path.read_bytes()) | fields))


def record(blobs: Path, n: int) -> Path:
    return blobs / f"{ollama.file_name(DIGEST)}-partial-{n}"


def data(blobs: Path) -> Path:
    return blobs / f"{ollama.file_name(DIGEST)}-partial"


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a record is missing": (lambda blobs: record(blobs, 1).unlink(), "the record of part 1 is missing"),
    "the first is missing": (lambda blobs: record(blobs, 0).unlink(), "the record of part 0 is missing"),
    "no records": (
        lambda blobs: [record(blobs, n).unlink() for n in range(4)],
        "it has no record of its parts",
    ),
    "an empty record": (lambda blobs: record(blobs, 2).write_bytes(b""), "the record of part 2 is damaged"),
    "not JSON": (lambda blobs: record(blobs, 2).write_bytes(b"\xff{"), "the record of part 2 is damaged"),
    "a gap": (lambda blobs: edited(blobs, 2, Offset=900_001), "part 2 does not follow"),
    "another number": (lambda blobs: edited(blobs, 2, N=3), "the record of part 2 makes no sense"),
    "more than all": (lambda blobs: edited(blobs, 2, Completed=400_001), "part 2 makes no sense"),
    "less than nothing": (lambda blobs: edited(blobs, 2, Completed=-1), "part 2 makes no sense"),
    "no size": (lambda blobs: edited(blobs, 3, Size=0), "part 3 makes no sense"),
    "a short file": (lambda blobs: os.truncate(data(blobs), 1000), "the file is of 1000"),
    "the last is missing": (lambda blobs: record(blobs, 3).unlink(), "records are of 1200000 bytes"),
    "a second name": (
        lambda blobs: os.link(data(blobs), blobs / "elsewhere"),
        "it is not a plain file of its own",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_does_not_add_up_is_left_alone_and_the_reason_is_told(store: Store, damage: str) -> None:
    ollama.begin(store.blobs, BLOB, [1.0, 0.5, 0.5, 0.0])
    change, why = DAMAGES[damage]
    change(store.blobs)
    ollama.make_old(store.blobs, DIGEST)
    before = {path: path.read_bytes() for path in store.blobs.iterdir()}
    adoption = adopter(store).adopt(DIGEST)
    assert adoption is not None
    assert why in adoption.why
    assert {path: path.read_bytes() for path in store.blobs.iterdir()} == before
    assert not store.partial(DIGEST).data.exists()


def test_what_we_may_not_write_is_left_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = ollama.begin(store.blobs, BLOB, [1.0, 0.5])
    monkeypatch.setattr(os, "access", lambda path, mode: path != data(store.blobs))
    adoption = adopter(store).adopt(DIGEST)
    assert adoption is not None
    assert adoption.why == "it belongs to another user, and we may not write it"
    assert ollama.prepare(store.blobs, DIGEST) == begun


def test_nothing_there_is_nothing(store: Store) -> None:
    assert adopter(store).adopt(DIGEST) is None
    (store.blobs / f"{ollama.file_name(DIGEST)}-partial-0").write_text("{}")
    assert adopter(store).adopt(DIGEST) is None, "a record without its file: nothing came yet"


@pytest.mark.parametrize("changed", ["data", "record"])
def test_what_changed_within_a_minute_is_left_alone(store: Store, changed: str) -> None:
    ollama.begin(store.blobs, BLOB, [1.0, 0.5])
    os.utime(data(store.blobs) if changed == "data" else record(store.blobs, 1))
    adoption = adopter(store).adopt(DIGEST)
    assert adoption is not None
    assert "s ago: Ollama may be fetching it" in adoption.why
    later = store.wall() + 61
    store.wall = lambda: later
    assert adopter(store).adopt(DIGEST) == Adoption(bytes=1200 * KB)


HOLDER = "import sys; file = open(sys.argv[1], 'r+b'); print('open', flush=True); sys.stdin.read()"


def test_what_a_process_has_open_is_left_alone_and_the_process_is_named(store: Store) -> None:
    ollama.begin(store.blobs, BLOB, [1.0, 0.5])
    run = [sys.executable, "-c", HOLDER, str(data(store.blobs))]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        adoption = adopter(store).adopt(DIGEST)
        assert adoption is not None
        assert f"(process {other.pid}) has it open" in adoption.why
        assert data(store.blobs).exists()
        other.communicate("")
    adoption = adopter(store).adopt(DIGEST)
    assert adoption is not None
    assert adoption.why == ""


def test_where_the_system_tells_nothing_that_is_said(store: Store, tmp_path: Path) -> None:
    ollama.begin(store.blobs, BLOB, [1.0, 0.5])
    adoption = Adopter(store, lambda size: 100 * KB, tmp_path / "no proc").adopt(DIGEST)
    assert adoption is not None
    assert adoption.bytes == 1200 * KB
    assert "this system does not tell whether Ollama has it open" in adoption.sentence


@pytest.mark.parametrize("users", [Users(hidden=("ollama (process 7)",)), Users(blind=True)])
@pytest.mark.parametrize("age", [10, ollama.OLD])
def test_what_ollama_may_be_fetching_is_not_deleted(
    store: Store, monkeypatch: pytest.MonkeyPatch, users: Users, age: float
) -> None:
    monkeypatch.setattr(unfinished, "users_of", lambda *_: users)
    ollama.begin(store.blobs, BLOB, [1.0, 0.5], age=age)
    its = unfinished.Unfinished(store, adopter(store))
    [view] = its.all({})
    if age == ollama.OLD:
        assert its.clean(view) > 0
        assert not data(store.blobs).exists()
    else:
        with pytest.raises(StorageError, match=r"changed 1\d s ago: Ollama may be fetching it"):
            its.clean(view)
        assert len(ollama.files(store.blobs, DIGEST)) == 3


def test_the_one_that_cannot_be_seen_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adopt, "users_of", lambda *_: Users(hidden=("ollama (process 7)",)))
    ollama.begin(store.blobs, BLOB, [1.0])
    adoption = adopter(store).adopt(DIGEST)
    assert adoption is not None
    assert "whether ollama (process 7) has it open could not be seen" in adoption.sentence


def test_a_blob_that_is_here_or_begun_is_not_adopted(store: Store) -> None:
    ollama.begin(store.blobs, BLOB, [1.0, 0.0])
    store.staged(DIGEST).write_bytes(b"whole")
    adoption = adopter(store).adopt(DIGEST)
    assert adoption is not None
    assert "the whole blob is here already" in adoption.why
    store.staged(DIGEST).unlink()
    store.begin(DIGEST)
    assert adopter(store).adopt(DIGEST) is None
    look = adopter(store).look(DIGEST)
    assert look is not None
    assert look[1].why == "pulltui has begun this blob itself"


def test_another_size_than_the_manifest_says_is_not_the_blob(
    registry: Registries, engine: Engines, tmp_path: Path
) -> None:
    blobs = tmp_path / "models" / "blobs"
    ollama.begin(blobs, BLOB, [1.0, 0.5])
    edited(blobs, 1, Size=900_000)
    os.truncate(data(blobs), 1700 * KB)
    ollama.make_old(blobs, DIGEST)
    server = registry(MODEL)
    it = engine()
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert any("it is of 1700000 bytes, the manifest says 1600000" in note for note in notes(it))
    assert data(blobs).exists(), "it is left alone"


def test_a_pull_that_may_not_take_it_says_so_and_fetches_its_own(
    registry: Registries, engine: Engines, tmp_path: Path
) -> None:
    blobs = tmp_path / "models" / "blobs"
    begun = ollama.begin(blobs, BLOB, MIXED, age=0)
    server = registry(MODEL)
    it = engine()
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert len([note for note in notes(it) if "Ollama may be fetching it" in note]) == 1
    assert ollama.prepare(blobs, DIGEST) == begun
    assert server.counters.sent(DIGEST) == [(0, BLOB.size)]


def test_a_disk_that_refuses_is_a_reason_and_nothing_is_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = ollama.begin(store.blobs, BLOB, MIXED)

    def fdatasync(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fdatasync)
        adoption = adopter(store).adopt(DIGEST)
    assert adoption is not None
    assert adoption.why == "the disk refuses (Input/output error)"
    assert ollama.prepare(store.blobs, DIGEST) == begun
    adoption = adopter(store).adopt(DIGEST)
    assert adoption is not None
    assert adoption.why == ""


# -- through the service ----------------------------------------------------------------------------


def test_the_service_offers_what_it_finds_and_adopts_what_it_is_told(
    registry: Registries, engine: Engines, tmp_path: Path
) -> None:
    blobs = tmp_path / "models" / "blobs"
    begun = ollama.begin(blobs, BLOB, MIXED)
    other = layer(make_model("other", 500 * KB, seed=401))
    ollama.begin(blobs, other, [0.5], age=0)
    server = registry(MODEL)
    it = engine()
    [offer] = it.until(lambda: it.look().adoptable, "the offer")
    assert (offer.digest, offer.size, offer.owner, offer.why) == (DIGEST, BLOB.size, "ollama", "")
    assert offer.done == BLOB.size - total(begun.missing)
    assert offer.age > 3000
    views = it.service.adopt([DIGEST, other.digest]).result(10)
    assert [(view.digest, view.owner, bool(view.why)) for view in views] == [
        (DIGEST, "pulltui", False),
        (other.digest, "ollama", True),
    ]
    it.until(lambda: not it.look().adoptable, "the offer is gone")
    it.until_done(it.add(server.names()[0]))
    assert server.counters.sent(DIGEST) == union(begun.missing)


def test_the_service_lists_what_is_unfinished_and_who_needs_it(
    registry: Registries, engine: Engines, tmp_path: Path
) -> None:
    server = registry(MODEL, faults="link@1MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 200 * KB, "some of it")
    it.pause(pull)
    assert it.pull(pull).state is PullState.PAUSED
    views = {view.digest: view for view in it.service.partials().result(10)}
    weights = views[DIGEST]
    assert (weights.owner, weights.size, weights.pulls) == ("pulltui", BLOB.size, (it.pull(pull).name,))
    assert weights.done == it.blob(pull, DIGEST).done
    assert weights.age < 30
    assert all(view.done == view.size for view in views.values() if view.digest != DIGEST), "staged ones"
    assert len(views) == 3
