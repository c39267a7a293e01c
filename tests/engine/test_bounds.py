"""How many connections there may be, and who says so: in the view and, once for each, in the log."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from pulltui.demo import Registry
from pulltui.engine.views import EventKind
from support.engine import Engine
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
    server = registry(MODEL, faults="link@20MB/s")
    it = engine(connections="auto", part_size=1 * MB, tuning={"ramp_step": 0.1})
    pull = it.add(server.names()[0])
    it.until(lambda: told(it), "a number")
    found = told(it)[0]
    assert found.endswith("% with 32)")
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
    it.until(lambda: "the pull's cap makes do with them" in it.pull(pull).connections_why, "the reason")
