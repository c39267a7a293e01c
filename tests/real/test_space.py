"""A real disk of 64 MB (tmpfs) that is too small, or fills up in the middle of a pull.

Mounting it needs root; a mount that fails is a failure.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pulltui.demo import Model, Registry
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.views import EventKind, PullState
from support.engine import KB, Engine
from support.registry import MB, layer, make_model

pytestmark = pytest.mark.real

DISK = 64 << 20
BIG = make_model("big", 200 * MB, seed=500)
MODEL = make_model("fits", 40 * MB, seed=501)
DIGEST = layer(MODEL).digest
IN_FLIGHT = 16 << 20
"""Bytes that one stop for want of room may cost: received and not written, or still on their way."""

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


@pytest.fixture
def registry() -> Iterator[Registries]:
    """`registry(*models, faults="")`: embedded registries that live as long as the test."""
    started: list[Registry] = []

    def start(*models: Model, faults: str = "") -> Registry:
        started.append(Registry(models, faults).start())
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "pulltui-test", str(place)]
    subprocess.run(mount, check=True, capture_output=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


def fill(disk: Path, leave: int) -> Path:
    """Something else takes the disk's space, all but `leave` bytes, while others write there."""
    path = disk / "something else"
    share = DISK
    with path.open("ab") as file:
        while share > KB:
            status = os.statvfs(disk)
            share = min(share, status.f_bavail * status.f_frsize - leave)
            try:
                os.posix_fallocate(file.fileno(), path.stat().st_size, max(1, share))
            except OSError:
                share //= 2
    return path


def test_a_pull_that_cannot_fit_waits_with_the_figures_and_does_not_start(
    disk: Path, registry: Registries, engine: Engines
) -> None:
    server = registry(BIG)
    it = engine(directory=disk, part_size=16 * MB)
    pull = it.add(server.names()[0])
    it.until_state(pull, PullState.WAITING)
    shown = it.pull(pull)
    assert shown.kind == "no-space"
    assert f"not enough space in {disk}: needs 200 MB, 67" in shown.error
    assert shown.waiting is not None
    it.until(lambda: len(server.counters.records()) >= 1, "the manifest is here")
    weights = layer(BIG).digest
    for _ in range(5):
        rev = it.look().rev
        it.until(lambda rev=rev: it.look().rev > rev + 3, "it looks again")  # type: ignore[misc]
        assert it.pull(pull).state is PullState.WAITING
    assert server.counters.ranges(weights) == []
    assert not (it.work / f"{blob_file_name(weights)}-partial").exists()
    assert os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize > DISK - MB, "nothing was taken"
    it.pause(pull)
    assert it.pull(pull).state is PullState.PAUSED


@pytest.mark.parametrize("check_space", [True, False], ids=["checked", "unchecked"])
@pytest.mark.parametrize("kind", ["fast", "httpx"])
def test_one_that_runs_out_waits_and_goes_on_by_itself_and_fetches_nothing_twice(
    disk: Path, registry: Registries, engine: Engines, check_space: bool, kind: str
) -> None:
    server = registry(MODEL, faults="link@20MB/s")
    it = engine(directory=disk, part_size=4 * MB, check_space=check_space, transport=kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 10 * MB, "a quarter of it")
    other = fill(disk, leave=6 * MB)
    it.until_state(pull, PullState.WAITING)
    shown = it.pull(pull)
    assert shown.kind == "no-space"
    assert shown.error
    written = it.blob(pull, DIGEST).done
    assert 10 * MB < written < 40 * MB
    have, mark = it.on_disk(DIGEST), server.counters.mark()
    for _ in range(5):
        rev = it.look().rev
        it.until(lambda rev=rev: it.look().rev > rev + 3, "it looks again")  # type: ignore[misc]
    assert it.pull(pull).state is PullState.WAITING
    assert server.counters.bytes_sent(DIGEST, mark) == 0, "nothing is fetched that nobody can write"
    other.unlink()
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.asked_again(DIGEST, have, mark) == []
    assert server.counters.sent_twice(DIGEST) <= IN_FLIGHT
    assert it.pull(pull).error == ""


def test_everything_that_writes_there_waits_and_all_of_it_ends(
    disk: Path, registry: Registries, engine: Engines
) -> None:
    models = [make_model(f"small{n}", 20 * MB, seed=510 + n) for n in range(2)]
    server = registry(*models, faults="link@20MB/s")
    it = engine(directory=disk, part_size=2 * MB, check_space=False)
    pulls = [it.add(name) for name in server.names()]
    it.until(lambda: all(it.pull(pull).done > 4 * MB for pull in pulls), "both have begun")
    other = fill(disk, leave=3 * MB)
    for pull in pulls:
        it.until_state(pull, PullState.WAITING)
    done = {pull: it.pull(pull).done for pull in pulls}
    other.unlink()
    server.faults = ""
    it.until_done(*pulls)
    it.assert_installed(*models, host=server.host)
    assert all(size > 4 * MB for size in done.values())
    assert sum(server.counters.sent_twice(layer(model).digest) for model in models) <= IN_FLIGHT


def test_a_disk_that_comes_down_to_what_stays_free_is_not_filled(
    disk: Path, registry: Registries, engine: Engines
) -> None:
    server = registry(MODEL, faults="link@20MB/s")
    it = engine(directory=disk, part_size=4 * MB, keep_free=8 * MB)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 10 * MB, "a quarter of it")
    other = fill(disk, leave=8 * MB - 100 * KB)
    it.until_state(pull, PullState.WAITING)
    assert "storage.keep_free" in it.pull(pull).error
    assert it.events(EventKind.WAITING)
    have, mark = it.on_disk(DIGEST), server.counters.mark()
    other.unlink()
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.asked_again(DIGEST, have, mark) == []


def test_a_pull_that_waits_on_a_full_disk_can_be_paused_and_stopped(
    disk: Path, registry: Registries, engine: Engines
) -> None:
    server = registry(MODEL, faults="link@20MB/s")
    it = engine(directory=disk, part_size=4 * MB, check_space=False)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 10 * MB, "a quarter of it")
    other = fill(disk, leave=0)
    it.pause(pull)
    assert it.pull(pull).state is PullState.PAUSED
    assert it.pull(pull).done > 10 * MB
    it.stop()
    other.unlink()
    server.faults = ""
    again = engine(directory=disk, part_size=4 * MB)
    again.until_done(again.add(server.names()[0]))
    again.assert_installed(MODEL, host=server.host)
    assert server.counters.sent_twice(DIGEST) <= IN_FLIGHT
