"""Defects of the downloader this one descends from ("the ancestor"): what it kept on disk, and how."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from pulltui.demo import Registry
from pulltui.demo.intervals import total
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.partial import PartialPaths
from pulltui.engine.views import BlobState, PullState
from support.engine import KB, Engine
from support.registry import differences, layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=230)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def files_of(it: Engine) -> PartialPaths:
    return PartialPaths(it.work, blob_file_name(DIGEST))


def leave_a_gap(files: PartialPaths) -> None:
    state = msgspec.json.decode(files.durable.read_bytes())
    del state["Parts"][3]
    files.durable.write_bytes(msgspec.json.encode(state))


def all_complete_without_data(files: PartialPaths) -> None:
    state = msgspec.json.decode(files.durable.read_bytes())
    for part in state["Parts"]:
        part["Completed"] = part["Size"]
    files.durable.write_bytes(msgspec.json.encode(state))
    files.data.unlink()


@pytest.mark.parametrize(
    "damage",
    [
        leave_a_gap,
        all_complete_without_data,
        lambda files: os.truncate(files.durable, 0),
        lambda files: files.durable.unlink(),
    ],
    ids=["gap", "no data", "empty", "gone"],
)
def test_defect_15_damaged_state(
    registry: Registries, engine: Engines, damage: Callable[[PartialPaths], None]
) -> None:
    """A missing state file gives the ancestor a wrong total and a crash, an empty one fails every pull with
    "EOF", states without their data end in zeros. Here what the state says is bound to digest, size and
    file, and what it cannot prove is fetched.
    """
    server = registry(MODEL, faults="link@4MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 500 * KB, "a third of it")
    assert it.stop()
    damage(files_of(it))
    files_of(it).live.unlink()  # which would make up for most of it
    server.faults = ""
    again = engine()
    again.until_done(again.add(server.names()[0]))
    again.assert_installed(MODEL, host=server.host)


def test_defect_16_a_missing_state_file_fails_what_is_verified(registry: Registries, engine: Engines) -> None:
    """When all bytes are verified the ancestor deletes its state files one by one; if one is not there, it
    fails and the model never gets its name. Here state files that vanish change nothing.
    """
    server = registry(MODEL, faults="link@3MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 500 * KB, "a third of it")
    files_of(it).durable.unlink()
    files_of(it).live.unlink()
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_defect_16_a_crash_between_state_and_name_loses_everything(
    registry: Registries, engine: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ancestor deletes its state before it renames the file: a crash between the two is a new start. Here
    a crash before or after any rename or deletion of the end asks for no byte of the blob again.
    """
    server = registry(MODEL)
    it = engine()
    name, files = blob_file_name(DIGEST), files_of(it)
    at_the_end = {files.data, files.durable, files.live, it.work / name, it.work / "manifest.new"}
    crashes: list[Path] = []
    seen: set[Path] = set()

    def keep() -> None:
        crashes.append(tmp_path / f"crash {len(crashes)}")
        with suppress(shutil.Error):  # another blob's file was renamed under its hands
            shutil.copytree(it.directory, crashes[-1])

    def watched(real: Callable[..., None]) -> Callable[..., None]:
        def call(path: Path, *rest: object) -> None:
            if path in at_the_end:
                keep()
            real(path, *rest)
            if path in at_the_end:
                seen.add(path)
                keep()

        return call

    monkeypatch.setattr(os, "replace", watched(os.replace))
    monkeypatch.setattr(os, "unlink", watched(os.unlink))
    it.until_done(it.add(server.names()[0]))
    monkeypatch.undo()
    assert seen == at_the_end
    for directory in crashes:
        mark = server.counters.mark()
        again = engine(directory=directory)
        again.until_done(again.add(server.names()[0]))
        again.assert_installed(MODEL, host=server.host)
        assert server.counters.ranges(DIGEST, mark) == [], directory.name
        assert again.stop()


def test_defect_17_a_name_is_taken_for_a_blob(registry: Registries, engine: Engines) -> None:
    """For the ancestor a file of the right name is the blob, whatever is in it. Here one of another size is
    refused with its path, and never counts as fetched.
    """
    server = registry(MODEL)
    it = engine()
    cut = it.directory / "blobs" / blob_file_name(DIGEST)
    cut.write_bytes(layer(MODEL).read(0, 400 * KB))
    pull = it.add(server.names()[0])
    failed = it.until_failed(pull)
    assert f"{cut} has 400000 bytes, the manifest says 1500000" in failed.error
    assert not list((it.directory / "manifests").iterdir())
    cut.unlink()
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_defect_17_nothing_is_synced(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ancestor never syncs: after a power cut a blob's name may stand for zeros. Here the bytes are
    synced before the file gets its name, and the names before the manifest that counts on them.
    """
    server = registry(MODEL)
    it = engine()
    name, files = blob_file_name(DIGEST), files_of(it)
    inode: list[int] = []
    order: list[str] = []
    sync_data, sync, replace = os.fdatasync, os.fsync, os.replace

    def fdatasync(fd: int) -> None:
        sync_data(fd)
        if os.fstat(fd).st_ino in inode:
            order.append("bytes synced")

    def fsync(fd: int) -> None:
        sync(fd)
        if os.fstat(fd).st_ino == (it.directory / "blobs").stat().st_ino:
            order.append("blobs' names synced")

    def rename(source: Path, target: Path) -> None:
        replace(source, target)
        if source == it.work / name:
            order.append("blob named")
        elif source == it.work / "manifest.new":
            order.append("manifest named")

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    server.on_range(lambda _: inode.append(files.data.stat().st_ino) if files.data.exists() else None)
    it.until_done(it.add(server.names()[0]))
    assert order[0] == "bytes synced"
    assert order[-3:] == ["blob named", "blobs' names synced", "manifest named"]


def test_defect_21_a_file_for_every_part(registry: Registries, engine: Engines) -> None:
    """The ancestor writes 2,500 files for the parts of a 40 GB blob before it asks for the first byte. Here a
    blob of 300 parts has three files at every moment: bytes, durable state, running state.
    """
    server = registry(MODEL, faults="link@6MB/s")
    it = engine(part_size=5 * KB)
    pull = it.add(server.names()[0])
    seen: set[str] = set()

    def look() -> bool:
        seen.update(path.name for path in it.work.glob(f"{blob_file_name(DIGEST)}*"))
        return it.pull(pull).state is PullState.DONE

    it.until(look, "done")
    assert it.blob(pull, DIGEST).parts == 300
    kinds = {name.removeprefix(blob_file_name(DIGEST)) for name in seen}
    passing = {"-partial.json.new", "-partial.live.new", ""}
    assert kinds - passing == {"-partial", "-partial.json", "-partial.live"}


def test_defect_22_a_write_that_failed_counts(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ancestor leaves its counter as it was when a write fails. Here what is shown as done is what is in
    the file.
    """
    server = registry(MODEL, faults="link@4MB/s")
    it = engine(may_fall=True)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 500 * KB, "some of it")
    real = os.pwrite

    def pwrite(fd: int, data: memoryview, at: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pwrite", pwrite)
    failed = it.until_failed(pull)
    assert "Input/output error" in failed.error
    have = it.on_disk(DIGEST)
    assert total(have) == it.blob(pull, DIGEST).done
    assert differences(files_of(it).data, layer(MODEL), have) == []
    monkeypatch.setattr(os, "pwrite", real)
    server.faults = ""
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_defect_22_no_last_word_and_no_end(registry: Registries, engine: Engines) -> None:
    """The ancestor's progress ends short of 100 %, and its tickers run on. Here the last view shows every
    byte, and no thread is left when the engine has stopped.
    """
    before = set(threading.enumerate())
    server = registry(MODEL)
    servers = set(threading.enumerate()) - before
    it = engine()
    pull = it.add(server.names()[0])
    it.until_done(pull)
    assert it.pull(pull).done == it.pull(pull).size
    assert {blob.state for blob in it.pull(pull).blobs} == {BlobState.VERIFIED}
    assert it.stop()
    assert set(threading.enumerate()) - before == servers
