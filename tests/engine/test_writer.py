from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import pytest
from pulltui.engine.partial import Partial, PartialPaths
from pulltui.engine.parts import Mark
from pulltui.engine.writer import Writer

DIGEST = "sha256:" + "12" * 32
CHUNK = memoryview(bytes(range(250)) * 4)


class Bench:
    """A writer over one partial of eight parts of 10,000 bytes; its calls are kept."""

    def __init__(
        self, directory: Path, backlog: int, unsynced: int, checkpoint_bytes: int, swift_backlog: int
    ) -> None:
        self.partial = Partial(PartialPaths(directory, "sha256-" + "12" * 32), DIGEST, 80_000, 10_000)
        self.checkpoints = 0
        self.errors: list[tuple[Partial, OSError]] = []
        self.writer = Writer(
            asyncio.get_running_loop(),
            backlog=backlog,
            swift_backlog=swift_backlog,
            unsynced=unsynced,
            checkpoint_bytes=checkpoint_bytes,
            on_checkpoint=self._checkpoint,
            on_error=lambda partial, error: self.errors.append((partial, error)),
        )

    def _checkpoint(self) -> None:
        self.checkpoints += 1

    def submit(self, n: int, chunk: memoryview = CHUNK) -> None:
        self.writer.submit(self.partial, self.partial.table.parts[n], chunk)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(
        backlog: int = 10**6,
        unsynced: int = 10**6,
        checkpoint_bytes: int = 10**6,
        swift_backlog: int = 10**6,
    ) -> Bench:
        made.append(Bench(tmp_path, backlog, unsynced, checkpoint_bytes, swift_backlog))
        return made[-1]

    yield make
    for each in made:
        await asyncio.to_thread(each.writer.stop)
        each.partial.close()


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A disk that writes nothing until the event is set."""
    free = threading.Event()
    real = os.pwrite

    def pwrite(fd: int, data: memoryview, at: int) -> int:
        assert free.wait(30)
        return real(fd, data, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    return free


async def test_chunks_of_a_part_land_one_behind_the_other(bench: Callable[..., Bench]) -> None:
    it = bench()
    for round_ in range(10):
        for n in (3, 0, 7):
            it.submit(n, memoryview(bytes([round_ * 8 + n]) * 1000))
    await it.writer.drain()
    content = it.partial.paths.data.read_bytes()
    for n in (3, 0, 7):
        expected = b"".join(bytes([round_ * 8 + n]) * 1000 for round_ in range(10))
        assert content[n * 10_000 : (n + 1) * 10_000] == expected
        assert it.partial.table.parts[n].mark == Mark(10_000, crc32(expected))
    assert it.writer.backlog == 0
    assert it.writer.finished == 30_000


async def test_readers_wait_at_the_backlog_and_go_on_when_it_is_written(
    bench: Callable[..., Bench], slow_disk: threading.Event
) -> None:
    it = bench(backlog=3000)
    it.submit(0)
    it.submit(1)
    assert not it.writer.full
    it.submit(2)
    assert it.writer.full
    waiting = asyncio.create_task(it.writer.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert it.writer.backlog == 3000
    slow_disk.set()
    await asyncio.wait_for(waiting, 30)
    await it.writer.drain()
    assert not it.writer.full


async def test_behind_a_slow_disk_readers_wait_at_the_larger_bound_only(
    bench: Callable[..., Bench], slow_disk: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulltui.engine.writer._SPAN", 0.0)
    it = bench(backlog=5000, swift_backlog=2000)
    for n in range(4):
        it.submit(n)
        assert not it.writer.full
    it.submit(4)
    assert it.writer.full
    slow_disk.set()
    await it.writer.drain()


async def test_behind_a_swift_disk_readers_wait_sooner_and_go_on_when_it_is_stuck(
    bench: Callable[..., Bench], slow_disk: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulltui.engine.writer._SPAN", 0.05)
    loop = asyncio.get_running_loop()
    now = loop.time()
    with monkeypatch.context() as still:  # no time passes, so nobody knows better
        still.setattr(loop, "time", lambda: now)
        it = bench(backlog=5000, swift_backlog=2000)
        it.submit(1)
        it.submit(2)
        assert it.writer.full
    await asyncio.wait_for(it.writer.room(), 30)
    assert it.writer.backlog == 2000, "nothing was written meanwhile, and that is why they go on"
    for n in range(3, 5):
        it.submit(n)
        assert not it.writer.full
    it.submit(5)
    assert it.writer.full
    slow_disk.set()
    await it.writer.drain()


async def test_readers_go_on_in_turn_so_that_the_backlog_stays_near_its_bound(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    it = bench(backlog=4000)
    writes = threading.Semaphore(0)
    real = os.pwrite

    def pwrite(fd: int, data: memoryview, at: int) -> int:
        assert writes.acquire(timeout=30)
        return real(fd, data, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    went_on: list[int] = []

    async def read(n: int) -> None:
        it.submit(n)
        if it.writer.full:
            await it.writer.room()
        went_on.append(n)

    for n in range(4):
        it.submit(n)
    readers = [asyncio.create_task(read(n)) for n in range(4)]
    await asyncio.sleep(0)
    assert it.writer.backlog == 8000, "what was being read is taken"
    writes.release(5)
    await asyncio.wait([readers[0]], timeout=30)
    assert went_on == [0], "there is room for one chunk"
    writes.release(8)
    await asyncio.wait(readers, timeout=30)
    assert went_on == [0, 1, 2, 3]


async def test_a_reader_that_is_cancelled_takes_nobodys_turn(
    bench: Callable[..., Bench], slow_disk: threading.Event
) -> None:
    it = bench(backlog=1000)
    it.submit(0)
    gone, waits = (asyncio.create_task(it.writer.room()) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    slow_disk.set()
    await asyncio.wait_for(waits, 30)
    assert gone.cancelled()


async def test_readers_wait_for_a_checkpoint_when_too_much_could_be_lost(
    bench: Callable[..., Bench],
) -> None:
    it = bench(unsynced=3000, checkpoint_bytes=2000)
    for n in range(3):
        it.submit(n)
    await it.writer.drain()
    await asyncio.sleep(0)
    assert it.checkpoints == 1
    assert it.writer.full, "written, but no durable state covers it"
    finished = it.writer.finished
    it.partial.checkpoint()
    it.writer.cover(finished)
    await asyncio.wait_for(it.writer.room(), 30)


async def test_chunks_that_wait_keep_no_memory_of_the_transport_alive(
    bench: Callable[..., Bench], slow_disk: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulltui.engine.writer._COPY_BEYOND", 1500)
    it = bench(backlog=4000)
    received = [bytearray([n]) * 1000 for n in range(7)]
    free: list[int] = []
    for n, buffer in enumerate(received):
        it.submit(n, memoryview(buffer))
        with suppress(BufferError):  # somebody has a view of it
            buffer.clear()
            free.append(n)
    assert free == [2, 3, 4, 5], "the first ones are few, the last one is more than the backlog"
    slow_disk.set()
    await it.writer.drain()
    for _ in range(3):  # round and round
        it.submit(7, memoryview(bytes([7]) * 1000))
    await it.writer.drain()
    content = it.partial.paths.data.read_bytes()
    for n, size in enumerate([1000] * 7 + [3000]):
        assert content[n * 10_000 :][:size] == bytes([n]) * size


async def test_draining_outlasts_being_cancelled(
    bench: Callable[..., Bench], slow_disk: threading.Event
) -> None:
    it = bench()
    it.submit(0)
    draining = asyncio.create_task(it.writer.drain())
    await asyncio.sleep(0)
    for _ in range(3):
        draining.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not draining.done(), "the part must not change hands while it is written"
    slow_disk.set()
    with pytest.raises(asyncio.CancelledError):
        await draining
    assert it.partial.table.parts[0].mark.written == 1000


async def test_a_full_disk_is_said_once_and_nothing_is_written_after_it(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    it = bench()
    it.submit(0)
    await it.writer.drain()

    def full(fd: int, data: memoryview, at: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        it.submit(0)
        it.submit(1)
        await it.writer.drain()
    it.submit(0)
    await it.writer.drain()
    await asyncio.sleep(0)
    assert [(partial, error.errno) for partial, error in it.errors] == [(it.partial, errno.ENOSPC)]
    assert [part.mark.written for part in it.partial.table][:2] == [1000, 0]
    assert it.writer.backlog == 0, "what is dropped does not hold up the sockets"


async def test_stopping_writes_what_is_queued(bench: Callable[..., Bench]) -> None:
    it = bench()
    for _ in range(10):
        it.submit(5)
    await asyncio.to_thread(it.writer.stop)
    assert it.partial.table.parts[5].done
    it.writer = bench().writer  # the fixture stops each writer once
