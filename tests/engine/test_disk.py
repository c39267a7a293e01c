"""A slow disk shows as what it is: the arithmetic with a fake clock, the rest over real sockets."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest
from pulltui.demo import Registry
from pulltui.engine.disk import Disk
from pulltui.engine.views import EventKind, PartState, PullState
from support.clock import Clock
from support.engine import KB, Engine
from support.registry import layer, make_model

MB = 1_000_000
MODEL = make_model("tiny", 2500 * KB, seed=140)
DIGEST = layer(MODEL).digest
EAGER = {"quiet_after": 0.2, "takeover_after": 0.3, "idle_after": 0.2, "backlog": 300 * KB}
"""Whoever could be blamed for the disk's doing would be."""

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


@pytest.fixture
def disk(clock: Clock) -> Disk:
    return Disk(clock)


def test_a_wait_that_nobody_would_notice_is_not_told(disk: Disk, clock: Clock) -> None:
    for _ in range(100):
        disk.wait()
        clock.now += 0.02
        disk.go_on()
        clock.now += 0.2
        assert not disk.holds
    assert disk.why == ""


def test_many_short_waits_are_a_slow_disk_and_so_is_a_long_one(disk: Disk, clock: Clock) -> None:
    for _ in range(10):
        disk.wait()
        clock.now += 0.1
        disk.go_on()
        clock.now += 0.1
    assert disk.holds
    clock.now += 2.0
    assert not disk.holds
    disk.wait()
    clock.now += 0.4
    assert not disk.holds
    clock.now += 0.1
    assert disk.holds, "while it goes on"


def test_says_what_it_takes_and_how_long_its_syncs_take(disk: Disk, clock: Clock) -> None:
    disk.look(0, MB)
    disk.wait()
    clock.now += 4.0
    disk.look(20 * MB, MB)
    assert disk.why == "it takes 5.00 MB/s"
    with disk.syncing():
        clock.now += 1.0
        disk.look(20 * MB, 0)
        assert disk.why == "it takes 4.00 MB/s, syncing for 1 s"
    assert disk.why == "it takes 4.00 MB/s, its last sync took 1.0 s"
    clock.now += 31.0
    disk.look(20 * MB, 0)
    assert disk.why == "it takes 0 B/s"


def test_what_it_takes_is_measured_while_it_has_something_to_do(disk: Disk, clock: Clock) -> None:
    disk.look(0, 0)
    for _ in range(10):
        clock.now += 0.5
        disk.look(0, 0)
    disk.wait()
    for n in range(1, 11):
        clock.now += 0.1
        disk.look(n * MB, MB)
    assert disk.why == "it takes 10.0 MB/s"


def test_a_disk_that_is_stuck_holds_back_whoever_has_nothing_else_to_write(disk: Disk, clock: Clock) -> None:
    disk.look(0, 5)
    clock.now += 0.4
    disk.look(5, 5)
    clock.now += 0.4
    disk.look(5, 5)
    assert not disk.holds
    clock.now += 0.5
    disk.look(5, 5)
    assert disk.holds
    disk.look(5, 0)
    assert not disk.holds


def slow_writes(monkeypatch: pytest.MonkeyPatch, rate: float) -> None:
    """Every write takes as long as at `rate` bytes a second."""
    real = os.pwrite

    def pwrite(fd: int, data: memoryview, at: int) -> int:
        time.sleep(len(data) / rate)
        return real(fd, data, at)

    monkeypatch.setattr(os, "pwrite", pwrite)


def assert_nobody_is_blamed(it: Engine, server: Registry) -> None:
    assert it.events(EventKind.STALLED, EventKind.RETRY) == []
    assert [note.why for note in it.events(EventKind.NOTE)] == [], "nothing was taken over"
    assert server.counters.sent_twice(DIGEST) == 0


def test_a_disk_slower_than_the_network_is_shown_as_that(
    registry: Registries, engine: Engines, transport_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_writes(monkeypatch, 1 * MB)
    server = registry(MODEL)
    it = engine(transport=transport_kind, connections=6, part_size=100 * KB, tuning=EAGER)
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).disk, "it is said")
    assert it.look().disk.startswith("it takes ")
    seen: set[int] = set()

    def keeps_up() -> bool:
        rev, blob = it.look().rev, it.blob(pull, DIGEST)
        assert (blob.quiet, blob.stalled, blob.retrying) == (0, 0, 0)
        parts = [part for part in blob.active if part.state is not PartState.WAITING]
        assert {part.state for part in parts} <= {PartState.RECEIVING}
        assert not any(part.silent for part in parts)
        if any(part.why == "held by the disk" for part in parts):
            seen.add(rev)
        return not it.pull(pull).disk

    it.until(keeps_up, "the disk keeps up")
    assert len(seen) > 10
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert_nobody_is_blamed(it, server)
    told = it.events(EventKind.WAITING)
    assert [event.error_kind for event in told] == ["disk"], "once"
    assert told[0].why.startswith("held by the disk: it takes ")
    assert it.pull(pull).disk == ""


def test_syncs_that_take_long_are_waited_for_and_named(
    registry: Registries, engine: Engines, transport_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sockets wait only for what a power cut could cost, and go on at once when it is safe."""
    real = os.fdatasync
    syncs: list[int] = []

    def fdatasync(fd: int) -> None:
        syncs.append(fd)
        time.sleep(0.6)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    server = registry(MODEL)
    tuning = EAGER | {"unsynced_limit": 1 * MB, "checkpoint_bytes": 400 * KB}
    it = engine(transport=transport_kind, part_size=100 * KB, stall_timeout=0.5, tuning=tuning)
    pull = it.add(server.names()[0])
    it.until(lambda: "sync" in it.pull(pull).disk, "it is said")
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert_nobody_is_blamed(it, server)
    assert len(syncs) <= 12, "a megabyte a sync or so, one at the beginning, one at the end"


def test_a_server_that_hangs_up_while_the_disk_holds_us_back_is_not_to_blame(
    registry: Registries, engine: Engines, transport_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, real = threading.Event(), os.pwrite

    def pwrite(fd: int, data: memoryview, at: int) -> int:
        assert free.wait(30)
        return real(fd, data, at)

    server = registry(MODEL, faults="link@1MB/s")
    tuning = {"backlog": 100 * KB, "patience": 0.2}
    it = engine(transport=transport_kind, connections=2, part_size=1250 * KB, tuning=tuning)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "some of it")
    try:
        monkeypatch.setattr(os, "pwrite", pwrite)
        it.until(lambda: it.pull(pull).disk, "held back")
        server.reset_connections()
    finally:
        free.set()
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert it.events(EventKind.STALLED, EventKind.RETRY) == []


def test_the_number_of_connections_is_not_judged_by_the_disk(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_writes(monkeypatch, 1 * MB)
    server = registry(MODEL)
    it = engine(connections="auto", part_size=50 * KB, tuning=EAGER | {"ramp_step": 0.05})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).disk, "it is said")
    before = it.pull(pull).connections_why

    def nearly_done() -> bool:
        now = it.pull(pull)
        assert not now.disk or now.connections_why == before
        return not now.disk or now.done >= 2000 * KB

    it.until(nearly_done, "most of it")
    it.until_done(pull)


def test_blobs_are_begun_and_fetched_while_the_disk_is_syncing(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull of many small ones would wait for each in turn."""
    free, real = threading.Event(), os.fdatasync

    def fdatasync(fd: int) -> None:
        assert free.wait(30)
        real(fd)

    model = make_model("small", 80 * KB, 80 * KB, seed=141)
    server = registry(model)
    it = engine(connections=1)
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    try:
        pull = it.add(server.names()[0])
        it.until(lambda: it.pull(pull).size and it.pull(pull).done == it.pull(pull).size, "all of it came")
        assert it.pull(pull).state is not PullState.DONE
    finally:
        free.set()
    it.until_done(pull)
    it.assert_installed(model, host=server.host)
