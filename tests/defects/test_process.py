"""Defects of the downloader this one descends from ("the ancestor"): tasks, settings, the machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pulltui.demo import BytesBlob, Layer, Registry, build_model
from pulltui.demo.intervals import total
from pulltui.engine.claims import Claims
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.partial import PartialPaths
from pulltui.engine.store import Store
from pulltui.engine.views import EventKind, PullState
from pulltui_config import load
from support import command
from support.engine import KB, Engine
from support.progress import until_progress
from support.registry import layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=240)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def test_defect_19_let_go_before_it_began(registry: Registries, engine: Engines) -> None:
    """The ancestor crashes when a blob is let go before its task has begun. Here pulls may be paused, resumed
    and removed in the moment they are added.
    """
    server = registry(MODEL, faults="link@8MB/s")
    it = engine()
    for _ in range(5):
        pull = it.service.add(server.names()[0]).result(30)
        it.service.pause([pull])
        it.service.resume([pull])
        it.service.remove([pull], delete=True)
    pull = it.add(server.names()[0])
    it.service.pause([pull])
    it.service.resume([pull])
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_defect_19_who_waits_for_what_never_began(registry: Registries, engine: Engines) -> None:
    """When the ancestor cannot prepare a blob, whoever else waits for it waits for ever. Here every pull that
    wants the blob hears why.
    """
    other = build_model("library/other", [Layer("model", layer(MODEL)), Layer("system", BytesBlob(b"x"))])
    server = registry(MODEL, other)
    it = engine()
    (it.work / f"{blob_file_name(DIGEST)}-partial").mkdir()
    pulls = [it.add(name) for name in server.names()]
    for pull in pulls:
        assert "-partial" in it.until_failed(pull).error


@pytest.mark.parametrize("text", ["0", "-1", "many", "0x10", "99999999999999999999"])
def test_defect_20_knobs_that_hang(text: str) -> None:
    """With a part size of 0 the ancestor writes state files without end, with a concurrency of 0 it waits for
    itself. Here such values are reported with what is allowed, and the usual ones stay in force.
    """
    usual = load(None, {}).settings.transfer
    loaded = load(None, {"OLLAMA_DOWNLOAD_PART_SIZE": text, "OLLAMA_DOWNLOAD_CONCURRENCY": text})
    assert loaded.settings.transfer == usual
    assert {problem.source for problem in loaded.problems} == {
        "OLLAMA_DOWNLOAD_PART_SIZE",
        "OLLAMA_DOWNLOAD_CONCURRENCY",
    }


def test_defect_23_one_connection_for_all_or_a_new_one_for_each(
    registry: Registries, engine: Engines
) -> None:
    """The ancestor's parts share one connection under HTTP/2, and under HTTP/1.1 all but two are thrown away
    after each part. Here there are as many as were asked for, and they are kept.
    """
    server = registry(MODEL, faults="link@8MB/s")
    it = engine(connections=4, part_size=20 * KB)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    answers = [record for record in server.counters.ranges(DIGEST) if record.status == 206]
    assert len({record.connection for record in answers}) == 4
    assert len(answers) > 4


def test_defect_24_two_processes_in_one_directory(
    registry: Registries, engine: Engines, tmp_path: Path
) -> None:
    """Two of the ancestor write into one file, and both end with a digest mismatch. Here the second process
    ends with exit code 4, says who holds the directory, and the first is not disturbed.
    """
    server = registry(MODEL, faults="link@3MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 100 * KB, "it has begun")
    mark = server.counters.mark()
    second = command.run(["pull", server.names()[0], "--models-dir", str(it.directory)], tmp_path)
    assert second.returncode == 4
    assert re.search(rf"in use by process {os.getpid()} on .+, since \d{{4}}-", second.stderr)
    assert "manifest" not in {record.place for record in server.counters.records(since=mark)}
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_defect_24_a_holder_that_was_killed(registry: Registries, engine: Engines, tmp_path: Path) -> None:
    """What a killed process of the ancestor leaves depends on luck. Here the lock ends with the process, and
    the next one goes on from what is on disk.
    """
    server = registry(MODEL, faults="link@300KB/s")
    models = tmp_path / "models"
    arguments = ["pull", server.names()[0], "--models-dir", str(models), "--json"]
    with command.start(arguments, tmp_path) as holder:
        until_progress(holder, 100 * KB)
        holder.kill()
    assert (models / ".pulltui" / "lock").stat().st_size, "its lock file is still there"
    paths = PartialPaths(models / ".pulltui", blob_file_name(DIGEST))
    with paths.data.open("rb") as file:
        claims = Claims.read(paths.durable, paths.live, DIGEST, layer(MODEL).size)
        have = [(part.offset, part.offset + part.mark.written) for part in claims.prove(file.fileno())]
    assert total(have) > 0
    server.counters.wait_for(lambda counters: counters.open_now() == 0)
    server.faults = ""
    mark = server.counters.mark()
    it = engine()
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.asked_again(DIGEST, have, mark) == []


def test_defect_25_no_look_at_the_free_space(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ancestor begins without looking at the disk, and fills it. Here a pull that does not fit waits with
    the figures before it asks for a byte; once it fits, its file has its full length from the start and
    takes no more of the disk than what came.
    """
    free = [1000 * KB]
    monkeypatch.setattr(Store, "free", lambda self: free[0])
    server = registry(MODEL, faults="link@3MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until_state(pull, PullState.WAITING)
    assert "needs 1.50 MB, 1.00 MB free" in it.events(EventKind.WAITING)[0].why
    assert server.counters.records("blob") == []
    free[0] = 10**9
    it.until(lambda: it.pull(pull).done > 300 * KB, "some of it")
    it.pause(pull)
    status = (it.work / f"{blob_file_name(DIGEST)}-partial").stat()
    assert status.st_size == 1500 * KB
    assert status.st_blocks * 512 < 1400 * KB
    server.faults = ""
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
