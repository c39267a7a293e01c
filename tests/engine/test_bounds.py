"""How many connections there may be, and who says so: in the view and, once for each, in the log."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from pulltui.demo import Registry
from pulltui.engine.bounds import tightest
from pulltui.engine.context import Context
from pulltui.engine.gates import Gates
from pulltui.engine.pull import Pull
from pulltui.engine.slots import Slots
from pulltui.engine.throttle import Throttle
from pulltui.engine.views import EventKind
from support.clock import Clock
from support.engine import Engine
from support.gates import TUNING, busy
from support.registry import make_model

MB = 1_000_000
MODEL = make_model("wide", 40 * MB, seed=79)

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def told(it: Engine) -> list[str]:
    return [event.why for event in it.events() if event.kind is EventKind.CONNECTIONS]


def limit(it: Engine, **transfer: object) -> None:
    changed = msgspec.structs.replace(it.settings.transfer, **transfer)
    it.service.change_settings(msgspec.structs.replace(it.settings, transfer=changed)).result(30)


def test_the_number_that_was_found_is_told_once(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="link@10MB/s")
    it = engine(connections="auto", part_size=1 * MB, stall_timeout=30.0, tuning={"ramp_step": 0.1})
    pull = it.add(server.names()[0])
    it.until(lambda: told(it), "a number")
    found = told(it)[0]
    assert found.startswith("settled at ")
    it.until(lambda: it.pull(pull).connections_why.startswith(found), "the same in the view")
    it.until_done(pull)
    assert len(told(it)) == 1


def test_settings_that_allow_no_more_say_so(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="link@10MB/s")
    it = engine(connections="auto", part_size=1 * MB)
    limit(it, max_connections=2)
    pull = it.add(server.names()[0])
    said = "at most 2 (transfer.max_connections)"
    it.until(lambda: it.pull(pull).connections_why == said, "the reason")
    limit(it, max_connections=2, per_host={server.host: 1})
    said = "at most 1 (transfer.per_host)"
    it.until(lambda: it.pull(pull).connections_why == said, "the reason")
    it.until(lambda: told(it) == ["at most 2 (transfer.max_connections)", said], "the log")


def test_other_pulls_have_their_share(registry: Registries, engine: Engines) -> None:
    """Two pulls, six connections: three for each, and nobody is told of every change."""
    server = registry(MODEL, make_model("other", 40 * MB, seed=80), faults="link@10MB/s")
    it = engine(connections="auto", part_size=1 * MB)
    limit(it, max_connections=6)
    pulls = [it.add(name) for name in server.names()]
    said = "at most 3 (other pulls use the rest)"
    it.until(lambda: {it.pull(pull).connections_why for pull in pulls} == {said}, "three for each")
    it.until(lambda: {it.pull(pull).connections for pull in pulls} == {3}, "three for each")
    assert not any("other pulls" in why for why in told(it))


def test_a_host_that_takes_no_more_is_named(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="max@3,retry-after@0s,link@5MB/s")
    it = engine(connections="auto", part_size=1 * MB, tuning={"ceiling_pause": 60.0})
    pull = it.add(server.names()[0])
    it.until(lambda: "takes 3 connections at a time" in it.pull(pull).connections_why, "the reason")
    it.until(lambda: told(it), "it in the log")
    assert it.pull(pull).connections_why.startswith("at most 3 (")


def test_a_cap_makes_do_with_few(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="link@10MB/s")
    it = engine(connections="auto", part_size=1 * MB)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done, "bytes")
    it.service.set_limit(1 * MB, [pull]).result(30)
    it.until(lambda: "they are enough for the pull's cap" in it.pull(pull).connections_why, "the reason")


def test_a_registry_that_was_busy_once_is_not_one_for_few_connections(
    registry: Registries, engine: Engines
) -> None:
    server = registry(MODEL, faults="manifest:429*1,retry-after@0s,link@10MB/s")
    tuning = {"ceiling_pause": 60.0, "recover_pause": 60.0}
    it = engine(connections="auto", part_size=1 * MB, tuning=tuning)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).connections >= 8, "as many as usual")
    assert not any("takes" in why for why in told(it))


@pytest.mark.parametrize(
    ("sources", "bound"),
    [
        ({}, 1),
        ({"a": ""}, 1),
        ({"a": "registry"}, 1),
        ({"a": "registry", "b": "edge"}, 1),
        ({"a": "", "b": "edge"}, 2),
        ({"a": "edge", "b": "other edge"}, 2),
        ({"a": "other edge"}, 64),
        ({"a": "other edge", "verified": "edge"}, 64),
    ],
)
async def test_hosts_bound_the_connections_of_what_comes_from_them(
    clock: Clock, sources: dict[str, str], bound: int
) -> None:
    """The registry only while it sends the bytes itself, or nobody knows yet who does."""
    gates = Gates(TUNING, clock)
    for host, crowd in (("registry", 2), ("edge", 4)):
        passes = [await gates.gate(host).enter() for _ in range(crowd)]
        passes[0].trouble(busy())
    context = SimpleNamespace(gates=gates, slots=Slots(lambda: 64, dict), throttle=Throttle(clock))
    pull = SimpleNamespace(
        id="1",
        registry="registry",
        downloads=[SimpleNamespace(digest=name, verified=name == "verified") for name in sources],
        source=lambda blob: SimpleNamespace(
            host=sources[blob.digest] or "registry", generation=bool(sources[blob.digest])
        ),
    )
    found = tightest(cast("Pull", pull), cast("Context", context))
    assert found.number == bound
