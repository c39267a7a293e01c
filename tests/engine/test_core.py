"""What runs beside the pulls: after a stop of the process or a sleep, and on a disk that is nearly full."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import pytest
from pulltui.demo import Registry
from pulltui.engine.attempt import Attempt
from pulltui.engine.core import Core
from pulltui.engine.limits import Limits
from pulltui.engine.log import EventLog
from pulltui.engine.pull import Pull
from pulltui.engine.setbacks import Reconnect
from pulltui.engine.store import Store
from pulltui.engine.tuning import Tuning
from pulltui.engine.views import EventKind, PullState, Waiting
from pulltui_config import Settings
from support.clock import Clock
from support.engine import KB, Engine
from support.registry import make_model

MODEL = make_model("long", 2000 * KB, seed=150)
HOUR = 3600.0

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


@pytest.fixture
async def core(store: Store, clock: Clock) -> AsyncIterator[Core]:
    """One that does nothing by itself, on a clock that stands still."""
    it = Core(
        Settings(),
        Tuning(),
        store=store,
        log=EventLog(clock),
        environ={},
        credentials_file=None,
        keys=[],
        clock=clock,
        uniform=lambda _, high: high,
    )
    yield it
    await it.close()


def pauses_of(monkeypatch: pytest.MonkeyPatch, clock: Clock, *lengths: float) -> None:
    """Have sleeps take so long by the clock, whatever was meant; the one after these has no end."""
    rest = iter(lengths)
    real = asyncio.sleep

    async def sleep(_: float) -> None:
        length = next(rest, None)
        if length is None:
            await asyncio.Event().wait()
        clock.now += length or 0.0
        await real(0)

    monkeypatch.setattr("pulltui.engine.core.asyncio.sleep", sleep)


async def test_nobody_stalled_while_the_process_was_stopped(
    core: Core, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watchdog is due at once when it goes on; the watch's thread can only have the loop told."""
    began = asyncio.Event()

    async def silent(_: Attempt) -> None:
        began.set()
        await asyncio.Event().wait()

    guarded = asyncio.create_task(core._watchdog.guard(silent))
    await began.wait()
    pauses_of(monkeypatch, clock, 0.25, 600.0)
    watching = asyncio.create_task(core._watch())
    while clock.now < 600.0:
        await asyncio.wait([guarded], timeout=0.001)
    core._reconnect()
    with pytest.raises(Reconnect, match="the machine slept"):
        await guarded
    watching.cancel()


async def test_no_crew_looks_at_what_stood_still_with_the_process(
    core: Core, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[float] = []
    pull = cast("Pull", SimpleNamespace(crew=Mock(look=lambda: looked.append(clock.now))))
    with monkeypatch.context() as patch:
        patch.setattr(core, "queue", SimpleNamespace(pulls={"1": pull}))
        pauses_of(patch, clock, 1.0, 4.0, 95.0, 1.0)
        looking = asyncio.create_task(core._look_after_connections())
        while 101.0 not in looked:
            await asyncio.wait([looking], timeout=0.001)
        looking.cancel()
    assert looked == [1.0, 5.0, 101.0], "a late look is one, too"


def test_after_a_sleep_the_countdown_of_quiet_hours_is_right(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 8 * HOUR
    quiet = property(lambda _: Waiting("schedule: 22:00 to 07:00", left, "schedule"))
    monkeypatch.setattr(Limits, "quiet", quiet)
    it = engine()
    pull = it.add(registry(MODEL).names()[0])
    shown = it.until(lambda: it.pull(pull).waiting, "waiting")
    assert shown is not None
    assert shown.seconds == pytest.approx(8 * HOUR, abs=60)
    left = 1 * HOUR
    core = it.service._core
    assert core is not None
    core._woke()  # what the watch's thread calls

    def seconds() -> float:
        waiting = it.pull(pull).waiting
        assert waiting is not None
        return waiting.seconds or 0.0

    it.until(lambda: seconds() <= 1 * HOUR, "another countdown")
    assert len(it.events(EventKind.WAITING)) == 1, "said once"


def test_what_has_all_its_blocks_goes_on_though_the_disk_is_nearly_full(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As what is mended: it takes no more room, so that stopping it would free none."""
    free, looks = 10_000_000, 0

    def looked(_: Store) -> int:
        nonlocal looks
        looks += 1
        return free

    monkeypatch.setattr(Store, "free", looked)
    server = registry(MODEL, faults="link@1MB/s")
    it = engine(keep_free=1_000_000)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 200 * KB, "some of it")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "occupied", lambda *_: MODEL.size)
        free, before = 1000, looks
        it.until(lambda: looks > before + 3, "some looks at the disk")
        assert it.pull(pull).state is PullState.DOWNLOADING
        assert it.events(EventKind.WAITING) == []
    it.until_state(pull, PullState.WAITING)
    assert it.pull(pull).kind == "no-space"
