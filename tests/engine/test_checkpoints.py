"""When states are written: arithmetic, and blobs of a real service."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.demo import Registry
from pulltui.demo.intervals import total
from pulltui.engine import partstate
from pulltui.engine.checkpoints import LOOKS, WORTH, Checkpoints, due
from pulltui.engine.disk import Disk
from pulltui.engine.partial import Dirt, Partial, PartialPaths
from pulltui.engine.parts import Mark
from pulltui.engine.tuning import MIB, Tuning
from support.engine import KB, Engine
from support.registry import MB, layer, make_model

TUNING = Tuning()
SOON, LIMIT = TUNING.checkpoint_bytes, TUNING.unsynced_limit
MOST = LIMIT * 3 // 4
LARGE = 525_000
"""Bytes of the state of 100 GB in 6,250 parts."""
CUT = 670_000
"""That of a blob that has been cut for runs as far as may be, into 7,500 parts."""

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


class Pull:
    """Blobs that come at one speed; what was written when is counted."""

    def __init__(self, rate: float, states: list[int]) -> None:
        self.came = 0.0
        self.of_states = 0
        self.worst = 0.0
        """Most bytes that a power cut would have cost."""
        self._rate = rate
        self._states = states
        self._dirty = [0.0] * len(states)

    def go_on(self, seconds: float) -> None:
        """Looks come as the service has them: after so many bytes, and when it has been long."""
        at = last = looked = 0.0
        while at < seconds:
            step = min(0.05, 2e6 / self._rate)
            at += step
            came = self._rate * step
            self.came += came
            self._dirty = [dirty + came / len(self._dirty) for dirty in self._dirty]
            self.worst = max(self.worst, sum(self._dirty))
            looked += came
            late = at - last >= TUNING.checkpoint_seconds
            if not late and looked < SOON / LOOKS:
                continue
            looked = 0.0
            dirt = [Dirt(int(dirty), state) for dirty, state in zip(self._dirty, self._states, strict=True)]
            chosen = due(dirt, late=late, soon=SOON, most=MOST)
            last = at if late or any(chosen) else last
            for n in [n for n, now_due in enumerate(chosen) if now_due]:
                self.of_states += self._states[n]
                self._dirty[n] = 0.0


@pytest.mark.parametrize("rate", [0.05, 0.2, 1, 5, 10, 40, 160, 1000])
@pytest.mark.parametrize(
    "states",
    [[LARGE], [LARGE, LARGE], [LARGE, 300], [CUT, CUT], [85_000] * 8, [300], [900_000]],
    ids=["100 GB", "two of 100 GB", "one and a small one", "two cut up", "eight of 16 GB", "small", "170 GB"],
)
def test_states_write_at_most_a_hundredth_of_what_comes(rate: float, states: list[int]) -> None:
    pull = Pull(rate * 1e6, states)
    pull.go_on(max(60.0, 1000.0 / rate))
    assert pull.of_states <= 0.01 * pull.came
    assert pull.worst <= LIMIT


def test_what_is_not_worth_its_state_waits_however_long_it_takes() -> None:
    dirt = Dirt(WORTH * LARGE - 1, LARGE)
    assert due([dirt], late=True, soon=SOON, most=MOST) == [False]
    assert due([dirt._replace(written=WORTH * LARGE)], late=True, soon=SOON, most=MOST) == [True]


def test_before_it_is_time_nothing_is_written() -> None:
    assert due([Dirt(10 * MIB, 300)], late=False, soon=SOON, most=MOST) == [False]
    assert due([Dirt(10 * MIB, 300), Dirt(54 * MIB, 300)], late=False, soon=SOON, most=MOST) == [True, True]


@given(
    st.lists(st.tuples(st.integers(1, 2 * MOST), st.integers(1, 10**7)), min_size=1, max_size=8),
    st.booleans(),
)
def test_what_is_left_never_passes_what_a_power_cut_may_cost(
    blobs: list[tuple[int, int]], late: bool
) -> None:
    dirt = [Dirt(*blob) for blob in blobs]
    chosen = due(dirt, late=late, soon=SOON, most=MOST)
    left = sum(each.written for each, now_due in zip(dirt, chosen, strict=True) if not now_due)
    assert left < MOST
    if sum(each.written for each in dirt) >= MOST:
        assert left < SOON


def test_a_partial_knows_the_size_of_its_state(opened: Callable[[], Partial], paths: PartialPaths) -> None:
    partial = opened()
    assert partial.state_size == paths.durable.stat().st_size
    partial.table.parts[0].mark = Mark(5, 123)
    partial.checkpoint()
    assert partial.state_size == paths.durable.stat().st_size


def test_a_blob_waits_until_it_is_worth_it_and_the_sockets_do_not_wait_for_it(
    registry: Registries, engine: Engines
) -> None:
    """A state of 80 parts, five kilobytes: 500 KB are to come before it is written a second time."""
    model = make_model("many", 1600 * KB, seed=131)
    digest = layer(model).digest
    server = registry(model, faults="link@300KB/s")
    it = engine(part_size=20 * KB, tuning={"checkpoint_bytes": 100 * KB, "checkpoint_seconds": 0.02})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 350 * KB, "some of it")
    assert total(it.on_disk(digest)) == 0
    it.until(lambda: total(it.on_disk(digest)) > 0, "a checkpoint")
    assert it.pull(pull).done > WORTH * 50 * 80
    server.faults = ""
    it.until_done(pull)


def test_the_limit_of_a_power_cut_comes_first(registry: Registries, engine: Engines) -> None:
    model = make_model("many", 1600 * KB, seed=131)
    digest = layer(model).digest
    server = registry(model, faults="link@2MB/s")
    it = engine(part_size=20 * KB, tuning={"checkpoint_bytes": 100 * KB, "unsynced_limit": 200 * KB})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 600 * KB, "more than may be lost")
    done = it.pull(pull).done
    assert total(it.on_disk(digest)) >= done - 400 * KB
    it.until_done(pull)
    it.assert_installed(model, host=server.host)


@pytest.mark.parametrize(("most", "first"), [(7500, 4 * MB), (0, 8 * MB)])
def test_parts_are_cut_for_runs_only_while_their_state_stays_small(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch, most: int, first: int
) -> None:
    """What a free connection takes over is cut off all the same."""
    monkeypatch.setattr(partstate, "MOST_PARTS", most)
    model = make_model("slow", 8 * MB, seed=132)
    server = registry(model, faults="rate@4MB/s")
    it = engine(connections=2, part_size=8 * MB)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(model, host=server.host)
    ranges = server.counters.ranges(layer(model).digest)
    assert ranges[0].stop - ranges[0].start == first
    assert len({record.connection for record in ranges if record.sent}) == 2, "both fetched"


class Blob:
    """One that is ending: nobody can make it durable but its end, of which nobody tells."""

    ending = True

    def __init__(self, written: int) -> None:
        self.dirt = Dirt(written, 300)

    async def checkpoint(self) -> bool:
        raise AssertionError("its end sees to that")


class Covered:
    """A writer that has written so much."""

    def __init__(self, finished: int) -> None:
        self.finished = finished
        self.disk = Disk(time.monotonic)
        self.told: asyncio.Queue[int] = asyncio.Queue()

    def cover(self, finished: int) -> None:
        self.told.put_nowait(finished)


async def test_others_are_not_saved_all_the_time_while_a_blob_takes_long_to_end() -> None:
    ending, other = Blob(120 * MIB), Blob(20 * MIB)
    other.ending = False  # `checkpoint` would raise
    writer, look = Covered(140 * MIB), asyncio.Event()
    context: Any = SimpleNamespace(tuning=Tuning(look=0.01), writer=writer, clock=lambda: 0.0)
    downloads: Any = [ending, other].copy
    going = asyncio.create_task(Checkpoints(context, downloads, look).run())
    look.set()
    async with asyncio.timeout(30):
        assert [await writer.told.get() for _ in range(3)] == [0, 0, 0]
    assert not going.done()
    going.cancel()


async def test_what_waits_for_the_end_of_its_blob_is_not_durable_until_then() -> None:
    blobs, writer, look = [Blob(96 * MIB)], Covered(120 * MIB), asyncio.Event()
    tuning = Tuning(look=0.01, checkpoint_seconds=3600.0)
    context: Any = SimpleNamespace(tuning=tuning, writer=writer, clock=time.monotonic)
    downloads: Any = blobs.copy
    going = asyncio.create_task(Checkpoints(context, downloads, look).run())
    look.set()
    assert await writer.told.get() == 24 * MIB
    blobs.clear()
    async with asyncio.timeout(30):
        while await writer.told.get() != 120 * MIB:
            pass
    going.cancel()


def test_what_a_closing_blob_has_counts_until_that_is_through(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model("slow", 8 * MB, seed=132)
    digest = layer(model).digest
    server = registry(model, faults="rate@1MB/s")
    it = engine(connections=2)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 500 * KB, "some of it")
    syncing, go_on, checkpoint = threading.Event(), threading.Event(), Partial.checkpoint

    def slow(partial: Partial, hashed: int = 0) -> None:
        syncing.set()
        assert go_on.wait(30)
        checkpoint(partial, hashed)

    monkeypatch.setattr(Partial, "checkpoint", slow)
    pausing = it.service.pause([pull])
    try:
        assert syncing.wait(30)
        (blob,) = (blob for blob in it.service._core.queue.downloads() if blob.digest == digest)
        assert blob.ending
        assert blob.dirt.written >= 400 * KB
        saved = asyncio.run_coroutine_threadsafe(blob.checkpoint(), it.service._thread.loop)
        assert saved.result(30) is False, "who looked before it was closed learns of it"
    finally:
        go_on.set()
    pausing.result(30)
    it.until(lambda: not blob.ending, "the end of that")
    assert blob.dirt.written == 0
    assert total(it.on_disk(digest)) >= 400 * KB
