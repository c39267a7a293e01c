from __future__ import annotations

import hashlib
import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulltui.engine.hasher import Hasher
from pulltui.engine.partial import Partial, PartialPaths

TOTAL = 100_000
DATA = random.Random(4).randbytes(TOTAL)
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
PATIENCE = 30


class Bench:
    """A hasher over a partial of parts of 7,000 bytes."""

    def __init__(self, directory: Path) -> None:
        self.partial = Partial(PartialPaths(directory, "sha256-x"), DIGEST, TOTAL, 7000)
        self.ends: Queue[str | OSError] = Queue()
        self.hasher = Hasher(self.partial, self.ends.put)

    def write(self, n: int, count: int = TOTAL, data: bytes = DATA) -> None:
        part = self.partial.table.parts[n]
        start = part.offset + part.mark.written
        chunk = memoryview(data)[start : min(part.end, start + count)]
        self.partial.write(part, chunk, crc32(chunk, part.mark.crc or 0))

    def close(self) -> None:
        self.hasher.stop()
        self.partial.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    it = Bench(tmp_path)
    yield it
    it.close()


def until(predicate: Callable[[], bool]) -> None:
    event = threading.Event()
    for _ in range(PATIENCE * 500):
        if predicate():
            return
        event.wait(0.002)
    raise AssertionError("did not happen")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(order=st.permutations(range(15)), cut=st.integers(1, 7000))
def test_it_follows_writes_in_any_order(tmp_path: Path, order: list[int], cut: int) -> None:
    it = Bench(tmp_path)
    try:
        it.hasher.start()
        for n in order:
            it.write(n, cut)
            it.write(n)
        assert it.ends.get(timeout=PATIENCE) == DIGEST
        assert it.hasher.hashed == TOTAL
    finally:
        it.close()
        it.partial.paths.remove()


def test_it_hashes_the_prefix_and_nothing_behind_a_gap(bench: Bench) -> None:
    bench.hasher.start()
    bench.write(1)
    bench.write(0, 3000)
    until(lambda: bench.hasher.hashed == 3000)
    bench.write(0)
    until(lambda: bench.hasher.hashed == 14_000)
    assert bench.ends.empty()


def test_what_is_there_already_is_read(bench: Bench) -> None:
    for n in range(15):
        bench.write(n)
    bench.hasher.start()
    assert bench.ends.get(timeout=PATIENCE) == DIGEST


def test_after_a_repair_it_goes_on_from_the_first_part_that_changed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = bytearray(DATA)
    wrong[50_000] ^= 1
    for n in range(15):
        bench.write(n, data=bytes(wrong))
    bench.hasher.start()
    assert bench.ends.get(timeout=PATIENCE) == f"sha256:{hashlib.sha256(wrong).hexdigest()}"
    bench.hasher.stop()
    damaged = bench.partial.table.at(50_000)
    bench.partial.reset(damaged)
    bench.hasher.rewind(damaged.offset)
    assert bench.hasher.hashed == damaged.offset
    reads: list[int] = []
    real = os.preadv

    def preadv(fd: int, into: list[memoryview], at: int) -> int:
        reads.append(at)
        return real(fd, into, at)

    monkeypatch.setattr(os, "preadv", preadv)
    bench.hasher.start()
    bench.write(damaged.n)
    assert bench.ends.get(timeout=PATIENCE) == DIGEST
    assert min(reads) == damaged.offset


def test_with_very_many_parts_fewer_copies_are_kept(tmp_path: Path) -> None:
    partial = Partial(PartialPaths(tmp_path, "sha256-y"), DIGEST, TOTAL, 50)
    ends: Queue[str | OSError] = Queue()
    hasher = Hasher(partial, ends.put)
    for part in partial.table:
        partial.write(part, memoryview(DATA)[part.offset : part.end], 0)
    hasher.start()
    assert ends.get(timeout=PATIENCE) == DIGEST
    hasher.stop()
    hasher.rewind(60_025)
    assert 60_000 - 50 * 4 <= hasher.hashed <= 60_025
    hasher.start()
    assert ends.get(timeout=PATIENCE) == DIGEST
    hasher.stop()
    partial.close()


def test_a_file_that_becomes_shorter_is_an_error_and_not_an_endless_loop(bench: Bench) -> None:
    for n in range(15):
        bench.write(n)
    os.truncate(bench.partial.paths.data, 40_000)
    bench.hasher.start()
    end = bench.ends.get(timeout=PATIENCE)
    assert isinstance(end, OSError)
    assert "shorter" in str(end)


def test_stopping_ends_the_thread_while_it_waits(bench: Bench) -> None:
    bench.hasher.start()
    bench.write(0)
    until(lambda: bench.hasher.hashed == 7000)
    bench.hasher.stop()
    bench.hasher.stop()
    assert bench.ends.empty()


def test_a_stop_between_the_look_and_the_wait_is_not_missed(bench: Bench) -> None:
    """The hasher clears its bell after it looked whether to stop; a stop just then must not be lost."""
    stopper = threading.Thread(target=bench.hasher.stop)

    class Bell(threading.Event):
        def __init__(self) -> None:
            super().__init__()
            self.rung = threading.Event()

        def set(self) -> None:
            super().set()
            self.rung.set()

        def clear(self) -> None:
            if not stopper.ident:
                stopper.start()
                assert self.rung.wait(PATIENCE)
            super().clear()

    bench.partial.wake = Bell()
    bench.hasher.start()
    until(lambda: stopper.ident is not None)
    stopper.join(5)
    stuck = stopper.is_alive()
    bench.partial.wake.set()
    stopper.join()
    assert not stuck
