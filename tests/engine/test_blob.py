"""A blob on a disk that fails: full, broken at the sync, or taken away by another program."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pulltui.demo import Registry
from pulltui.demo.intervals import total
from pulltui.engine.store import Store
from pulltui.engine.views import EventKind, PullState
from support.engine import KB, Engine
from support.registry import differences, layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=110)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def test_a_disk_that_fills_up_is_waited_for_and_nothing_is_lost(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left, full = os.pwrite, [700 * KB], [True]

    def pwrite(fd: int, data: memoryview, at: int) -> int:
        if full[0]:
            if left[0] <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            data = data[: left[0]]
            left[0] -= len(data)
        return real(fd, data, at)

    server = registry(MODEL)
    it = engine(tuning={"space_check": 0.1})
    monkeypatch.setattr(os, "pwrite", pwrite)
    pull = it.add(server.names()[0])
    it.until_state(pull, PullState.WAITING)
    event = it.events(EventKind.WAITING)[0]
    assert event.error_kind == "no-space"
    assert "No space left on device" in event.why
    assert f"blob {DIGEST[7:19]}" in event.why
    done = it.blob(pull, DIGEST).done
    assert 0 < done <= 700 * KB
    full[0] = False
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert it.events(EventKind.RETRY) == [], "the disk's trouble is no part's"


def test_a_full_disk_stops_everything_that_writes_there(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_model("other", 1500 * KB, seed=77)
    server = registry(MODEL, other, faults="link@2MB/s")
    it = engine(tuning={"space_check": 0.1})
    pulls = [it.add(name) for name in server.names()]
    it.until(lambda: all(it.pull(pull).done > 200 * KB for pull in pulls), "both have begun")
    inode = (it.work / f"{DIGEST.replace(':', '-')}-partial").stat().st_ino
    real, full = os.pwrite, [True]

    def pwrite(fd: int, data: memoryview, at: int) -> int:
        if full[0] and os.fstat(fd).st_ino == inode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    it.until(lambda: {event.pull for event in it.events(EventKind.WAITING)} == set(pulls), "both wait")
    assert {event.error_kind for event in it.events(EventKind.WAITING)} == {"no-space"}
    full[0] = False
    server.faults = ""
    it.until_done(*pulls)
    it.assert_installed(MODEL, other, host=server.host)


def test_a_disk_that_has_room_by_its_figures_and_takes_nothing_is_not_fetched_for(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota, say."""
    real, full, tried = os.pwrite, [True], []

    def pwrite(fd: int, data: memoryview, at: int) -> int:
        if full[0]:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return real(fd, data, at)

    def takes(self: Store, size: int) -> bool:
        tried.append(size)
        return not full[0]

    server = registry(MODEL)
    it = engine()
    monkeypatch.setattr(os, "pwrite", pwrite)
    monkeypatch.setattr(Store, "takes", takes)
    pull = it.add(server.names()[0])
    it.until_state(pull, PullState.WAITING)
    server.counters.wait_for(lambda counters: counters.open_now() == 0)
    mark = server.counters.mark()
    it.until(lambda: len(tried) >= 4, "it is tried out")
    assert server.counters.mark() == mark, "nobody asked the server for anything"
    assert it.pull(pull).kind == "no-space"
    full[0] = False
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_a_failed_sync_takes_back_what_is_not_durable_and_fails_with_it(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(may_fall=True)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "some of it")
    it.pause(pull)
    have = it.on_disk(DIGEST)
    it.resume(pull)
    it.until(lambda: it.pull(pull).done > 600 * KB, "more of it")
    real, broken = os.fdatasync, [1]

    def fdatasync(fd: int) -> None:
        if broken[0]:
            broken[0] -= 1
            raise OSError(errno.EIO, "Input/output error")
        real(fd)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    it.pause(pull)
    assert it.on_disk(DIGEST) == have, "the second sync, which works, must not be believed"
    notes = [event.why for event in it.events(EventKind.NOTE)]
    assert any("failed to sync (Input/output error)" in note for note in notes)
    assert it.pull(pull).done < 600 * KB
    server.faults = ""
    mark = server.counters.mark()
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.asked_again(DIGEST, have, mark) == []


def test_a_sync_that_fails_while_it_runs_ends_the_pull_with_true_claims(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(may_fall=True, tuning={"checkpoint_bytes": 300 * KB})
    real, broken = os.fdatasync, [False]

    def fdatasync(fd: int) -> None:
        if broken[0]:
            raise OSError(errno.EIO, "Input/output error")
        real(fd)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 400 * KB, "a checkpoint")
    broken[0] = True
    failed = it.until_failed(pull)
    assert failed.kind == "storage"
    assert "Input/output error" in failed.error
    broken[0] = False
    have = it.on_disk(DIGEST)
    assert differences(it.work / f"{DIGEST.replace(':', '-')}-partial", layer(MODEL), have) == []
    server.faults = ""
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_checkpoints_come_after_so_many_bytes_over_all_blobs(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [make_model(f"m{number}", 900 * KB, seed=111 + number) for number in range(2)]
    server = registry(*models, faults="link@3MB/s")
    it = engine(tuning={"checkpoint_bytes": 500 * KB, "checkpoint_seconds": 3600.0})
    pulls = [it.add(name) for name in server.names()]
    it.until(lambda: sum(it.pull(pull).done for pull in pulls) > 1200 * KB, "two checkpoints' worth")

    def durable() -> int:
        return sum(
            total(it.on_disk(layer(model).digest))
            for model in models
            if (it.work / f"{layer(model).digest.replace(':', '-')}-partial.json").exists()
        )

    server.go_offline()
    it.until(lambda: durable() >= 300 * KB, "a checkpoint")
    server.go_online()
    it.until_done(*pulls)


@pytest.mark.parametrize("kind", ["directory", "fifo", "symlink", "hardlink"])
def test_something_else_in_the_partials_place_is_left_alone(
    registry: Registries, engine: Engines, tmp_path: Path, kind: str
) -> None:
    server = registry(MODEL)
    it = engine()
    place = it.work / f"{DIGEST.replace(':', '-')}-partial"
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    if kind == "directory":
        place.mkdir()
    elif kind == "fifo":
        os.mkfifo(place)
    elif kind == "symlink":
        place.symlink_to(precious)
    else:
        place.hardlink_to(precious)
    failed = it.until_failed(it.add(server.names()[0]))
    assert failed.kind == "storage"
    assert str(place) in failed.error
    assert precious.read_bytes() == b"precious"


def test_a_partial_that_another_program_deleted_is_fetched_again(
    registry: Registries, engine: Engines
) -> None:
    server = registry(MODEL, faults="link@3MB/s")
    it = engine(may_fall=True)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "some of it")
    (it.work / f"{DIGEST.replace(':', '-')}-partial").unlink()
    it.until(lambda: it.events(EventKind.NOTE), "it is told")
    assert "another program moved or deleted" in it.events(EventKind.NOTE)[0].why
    assert it.blob(pull, DIGEST).done < 1400 * KB, "noticed on the way, not at the end"
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
