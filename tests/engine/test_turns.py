"""A pull without a connection says why."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from pulltui.demo import Registry
from pulltui.engine.views import PullState, Waiting
from support.engine import KB, Engine
from support.registry import make_model

FIRST = make_model("first", 800 * KB, seed=150)
SECOND = make_model("second", 800 * KB, seed=151)

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def with_transfer(it: Engine, **changes: object) -> None:
    transfer = msgspec.structs.replace(it.settings.transfer, **changes)
    it.settings = msgspec.structs.replace(it.settings, transfer=transfer)
    it.service.change_settings(it.settings).result(30)


def begun(it: Engine, server: Registry, connections: int) -> tuple[str, str]:
    """Two pulls, the first of which has all so many connections."""
    first = it.add(server.name(FIRST.path))
    # More than the small blobs: those take their connections for a moment only.
    it.until(
        lambda: it.pull(first).done > 10 * KB and it.pull(first).connections == connections,
        "the first has all",
    )
    return first, it.add(server.name(SECOND.path))


def finish(it: Engine, server: Registry, *pulls: str) -> None:
    server.faults = ""
    server.reset_connections()  # what was begun slowly would end slowly
    it.until_done(*pulls)


def test_the_one_that_has_all_connections_is_named(registry: Registries, engine: Engines) -> None:
    server = registry(FIRST, SECOND, faults="rate@60KB/s")
    it = engine(connections=2, part_size=400 * KB)
    with_transfer(it, max_connections=2)
    first, second = begun(it, server, 2)
    waiting = it.until(lambda: it.pull(second).waiting, "it is said")
    name = it.pull(first).name
    assert waiting == Waiting(f"its turn comes: all 2 connections are with {name}", kind="connections")
    pull = it.pull(second)
    assert (pull.state, pull.kind, pull.connections) == (PullState.DOWNLOADING, "connections", 0)
    assert it.pull(first).waiting is None
    with_transfer(it, max_connections=4)
    it.until(lambda: it.pull(second).connections, "its turn")
    it.until(lambda: it.pull(second).waiting is None, "nothing more to say")
    finish(it, server, first, second)


def test_a_host_that_may_be_asked_only_so_often_is_named(registry: Registries, engine: Engines) -> None:
    server = registry(FIRST, SECOND, faults="rate@60KB/s")
    it = engine(connections=2, part_size=400 * KB)
    with_transfer(it, per_host={server.host: 1})
    first, second = begun(it, server, 1)
    waiting = it.until(lambda: it.pull(second).waiting, "it is said")
    assert waiting.why == f"{server.host} takes 1 connection at a time, with {it.pull(first).name}"
    with_transfer(it, per_host={})
    finish(it, server, first, second)


def test_a_cap_that_leaves_one_connection_is_named(registry: Registries, engine: Engines) -> None:
    server = registry(FIRST, SECOND, faults="rate@60KB/s")
    it = engine(connections=2, part_size=400 * KB)
    it.service.set_limit(50 * KB).result(30)
    first, second = begun(it, server, 1)
    waiting = it.until(lambda: it.pull(second).waiting, "it is said")
    assert waiting.why == f"its turn comes: the cap makes do with 1 connection, with {it.pull(first).name}"
    it.service.set_limit(None).result(30)
    finish(it, server, first, second)
