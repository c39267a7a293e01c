"""What pulling a name would mean, said before anything is queued."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pulltui.demo import Registry
from pulltui.engine.errors import BadNameError, NotFoundError, PullError
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=90)

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def test_size_and_room_are_known_before_anything_is_queued(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL)
    it = engine()
    info = it.service.inspect(server.names()[0]).result(30)
    assert (info.size, info.blobs, info.here, info.needed) == (MODEL.size, len(MODEL.blobs), 0, MODEL.size)
    assert info.free > 0
    assert info.why == ""
    assert it.look().pulls == ()
    assert server.counters.bytes_sent(layer(MODEL).digest) == 0
    assert not list((it.directory / "manifests").rglob("*"))


def test_what_is_here_counts(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL)
    it = engine()
    it.until_done(it.add(server.names()[0]))
    info = it.service.inspect(server.names()[0]).result(30)
    assert (info.here, info.needed) == (MODEL.size, 0)


def test_what_does_not_fit_is_said_with_figures(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL)
    it = engine(keep_free=10**15)
    info = it.service.inspect(server.names()[0]).result(30)
    assert "not enough space" in info.why
    assert "needs 1.50 MB" in info.why


def test_a_name_that_is_not_there_and_one_that_is_none(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL)
    it = engine()
    with pytest.raises(NotFoundError):
        it.service.inspect(server.names()[0].replace("tiny", "tinny")).result(30)
    with pytest.raises(BadNameError):
        it.service.inspect("a//b").result(30)


def test_the_first_trouble_is_told_at_once(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="manifest:503")
    it = engine()
    with pytest.raises(PullError, match=r"no answer yet: .*503"):
        it.service.inspect(server.names()[0]).result(30)


def test_names_pulled_before_are_remembered(registry: Registries, engine: Engines, tmp_path: Path) -> None:
    other = make_model("other", 10 * KB, seed=91)
    server = registry(MODEL, other)
    it = engine(state_dir=tmp_path / "state")
    for name in server.names():
        it.until_done(it.add(name))
    shorts = tuple(pull.name for pull in it.look().pulls)
    it.until(lambda: it.service.recent().result(30) == tuple(reversed(shorts)), "both in the history")


def test_without_a_place_for_it_nothing_is_remembered(engine: Engines) -> None:
    assert engine().service.recent().result(30) == ()
