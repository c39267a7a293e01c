"""The app over the real engine and the embedded registry: what the keys do, counted on the wire.

The link is slow enough that every key comes in the middle.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

import pytest
from pulltui.demo import Registry
from pulltui.demo.intervals import total
from pulltui.engine.views import EventKind, PartState, PullState
from pulltui.ui.app import PulltuiApp
from support.apps import make_app, until
from support.engine import KB, Engine
from support.registry import layer, make_model
from textual.pilot import Pilot

MODEL = make_model("library/tiny", 6_000 * KB)
DIGEST = layer(MODEL).digest

Start = Callable[..., Engine]


def in_the_middle_of_parts(it: Engine, pull: str, beyond: int) -> bool:
    """Whether more than `beyond` bytes of the blob are here and some part is begun and not done."""
    if it.pull(pull).done <= beyond:
        return False  # its blobs may not be known yet
    blob = it.blob(pull, DIGEST)
    parts = blob.active if blob.done > beyond else ()
    fetching = (PartState.RECEIVING, PartState.QUIET)
    return any(part.state in fetching and 0 < part.done < part.size for part in parts)


def more_than(it: Engine, pull: str, beyond: int) -> bool:
    """Whether more than `beyond` bytes are here."""
    return it.pull(pull).done > beyond


def told(it: Engine, kind: EventKind, times: int) -> bool:
    """Whether it was told so often by now."""
    return len(it.events(kind)) >= times


class Running(NamedTuple):
    """The app while it pulls the one model of a registry."""

    app: PulltuiApp
    pilot: Pilot[None]
    pull: str


@asynccontextmanager
async def pulling(it: Engine, server: Registry) -> AsyncIterator[Running]:
    """Run the app, with the registry's model added to it."""
    app = make_app(it.service, names=[server.names()[0]])
    async with app.run_test(size=(100, 30)) as pilot:
        await until(app, lambda: it.look().pulls)
        yield Running(app, pilot, it.look().pulls[0].id)


@pytest.mark.parametrize("transport", ["fast", "httpx"])
async def test_pausing_by_key_in_the_middle_of_parts_fetches_no_byte_twice(
    transport: str, registry: Callable[..., Registry], engine: Start
) -> None:
    server = registry(MODEL, faults="link@1MB/s")
    it = engine(transport=transport, part_size=250 * KB)
    async with pulling(it, server) as (app, pilot, pull):
        for times, goal in enumerate((500 * KB, 1500 * KB), 1):
            await until(app, partial(in_the_middle_of_parts, it, pull, goal))
            await pilot.press("p")
            # The event tells that what came is durable; the state shows at once.
            await until(app, partial(told, it, EventKind.PAUSED, times))
            assert it.pull(pull).state is PullState.PAUSED
            await until(app, lambda: it.pull(pull).connections == 0)
            have = it.on_disk(DIGEST)
            assert total(have) == it.blob(pull, DIGEST).done > goal
            assert any(begun.completed % (250 * KB) for begun in it.durable(DIGEST).parts), "mid-part"
            mark = server.counters.mark()
            await pilot.press("p")
            await until(app, partial(more_than, it, pull, goal + 200 * KB))
            assert server.counters.ranges(DIGEST, mark), "it went on"
            assert server.counters.asked_again(DIGEST, have, mark) == []
        server.faults = ""
        await until(app, lambda: it.pull(pull).state is PullState.DONE)
        await pilot.press("q")
        await until(app, lambda: app.return_code is not None)
    it.assert_installed(MODEL, host=server.host)


async def test_quitting_by_key_and_starting_again_fetches_no_byte_twice(
    registry: Callable[..., Registry], engine: Start
) -> None:
    server = registry(MODEL, faults="link@1MB/s")
    it = engine(part_size=250 * KB)
    async with pulling(it, server) as (app, pilot, pull):
        await until(app, lambda: in_the_middle_of_parts(it, pull, 500 * KB))
        await pilot.press("p")
        await until(app, lambda: it.pull(pull).state is PullState.PAUSED)
        await pilot.press("q")
        await until(app, lambda: app.return_code is not None)
    have, mark = it.on_disk(DIGEST), server.counters.mark()
    assert total(have) > 500 * KB
    server.faults = ""
    again = engine(part_size=250 * KB)
    async with pulling(again, server) as (app, _, pull):
        await until(app, lambda: again.pull(pull).state is PullState.DONE)
    again.assert_installed(MODEL, host=server.host)
    assert server.counters.ranges(DIGEST, mark)
    assert server.counters.asked_again(DIGEST, have, mark) == []


async def test_what_is_removed_and_taken_back_by_key_fetches_no_byte_twice(
    registry: Callable[..., Registry], engine: Start
) -> None:
    server = registry(MODEL, faults="link@1MB/s")
    it = engine(part_size=250 * KB)
    async with pulling(it, server) as (app, pilot, pull):
        await until(app, partial(in_the_middle_of_parts, it, pull, 500 * KB))
        await pilot.press("d")
        await until(app, partial(told, it, EventKind.REMOVED, 1))
        await until(app, lambda: not it.look().pulls)
        have, mark = it.on_disk(DIGEST), server.counters.mark()
        assert total(have) > 500 * KB
        server.faults = ""
        await pilot.press("u")
        await until(app, lambda: it.look().pulls and it.look().pulls[0].state is PullState.DONE)
        assert server.counters.ranges(DIGEST, mark), "it went on"
        assert server.counters.asked_again(DIGEST, have, mark) == []
    it.assert_installed(MODEL, host=server.host)
