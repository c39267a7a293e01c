"""What the view says of speeds, times left and waits."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pulltui.demo import Model, Registry
from pulltui.engine import hasher
from pulltui.engine.parts import Part, PartTable
from pulltui.engine.views import BlobState, PartState, PullState, PullView
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=60)
OTHER = make_model("other", 1500 * KB, seed=61)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def test_what_waits_for_a_place_at_its_host_says_so_and_is_no_connection(
    registry: Registries, engine: Engines
) -> None:
    """Each of two pulls would use the two connections that the host takes."""
    server = registry(MODEL, OTHER, faults="max@2,retry-after@0s,link@1MB/s")
    it = engine(connections=8, tuning={"ceiling_pause": 60.0})
    digests = {DIGEST, layer(OTHER).digest}
    it.service.watch(digests)
    pulls = [it.add(name) for name in server.names()]

    def crowd() -> bool:
        blobs = [blob for pull in pulls for blob in it.pull(pull).blobs if blob.digest in digests]
        waiting = [part for blob in blobs for part in blob.active if "at a time" in part.why]
        assert {(part.state, part.rate) for part in waiting} <= {(PartState.WAITING, 0.0)}
        # Before the host has said how many it takes there are more, for a moment.
        return bool(waiting) and it.service.view.connections == 2

    it.until(crowd, "a crowd at the gate")
    server.faults = ""


def test_a_part_that_is_quiet_has_no_speed(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="stall@200KB*1,link@1MB/s")
    it = engine(connections=1, part_size=500 * KB, stall_timeout=1.0)
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])

    def quiet() -> list[float]:
        active = it.blob(pull, DIGEST).active if it.pull(pull).blobs else ()
        return [part.rate for part in active if part.state is PartState.QUIET]

    assert it.until(quiet, "a quiet part") == [0.0]
    server.faults = ""
    server.reset_connections()
    it.until_done(pull)


def test_time_left_while_verifying_is_that_of_hashing(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    preadv = os.preadv

    def slow(fd: int, buffers: Sequence[memoryview], offset: int) -> int:
        time.sleep(0.01)
        return preadv(fd, buffers, offset)

    monkeypatch.setattr(hasher, "_CHUNK", 10 * KB)
    monkeypatch.setattr(os, "preadv", slow)
    server = registry(MODEL)
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).eta and it.pull(pull).state is PullState.VERIFYING, "hashing's time left")
    blob = it.blob(pull, DIGEST)
    assert blob.state is BlobState.VERIFYING
    assert blob.done == blob.size
    assert blob.eta is not None
    assert 0 < blob.eta < 30
    it.until_done(pull)
    assert (it.pull(pull).eta, it.look().eta) == (None, None)


def test_without_sizes_there_is_no_time_left_and_it_is_said_how_many_lack(
    registry: Registries, engine: Engines
) -> None:
    server = registry(MODEL, OTHER, faults="manifest:mute")
    it = engine(active_pulls=1, stall_timeout=30.0)
    first, second = (it.add(name) for name in server.names())
    it.until_state(first, PullState.RESOLVING)
    view = it.look()
    assert (view.unresolved, view.size, view.eta) == (2, 0, None)
    assert it.pull(first).eta is None
    it.pause(first, second)
    assert it.look().unresolved == 0


def test_paused_pulls_are_not_waited_for_in_the_time_left(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, OTHER, faults="link@200KB/s")
    it = engine()
    paused, goes = (it.add(name) for name in server.names())
    it.until(lambda: it.pull(paused).done and it.pull(goes).done, "both move")
    it.pause(paused)

    def moving() -> bool:
        view = it.look()
        still, pull = view.pulls
        if view.eta is None:
            return False
        assert view.size - view.done == still.size - still.done + pull.size - pull.done
        assert view.eta == pytest.approx((pull.size - pull.done) / view.rate)
        return True

    it.until(moving, "a time left")
    server.faults = ""
    server.reset_connections()  # what was begun slowly would end slowly
    it.until_done(goes)
    assert it.look().eta is None


def test_a_paused_pull_is_credited_with_what_another_one_fetches(
    registry: Registries, engine: Engines
) -> None:
    same = Model("library/same", "latest", MODEL.manifest, MODEL.blobs)
    server = registry(MODEL, same, faults="link@1MB/s")
    it = engine()
    first, second = (it.add(name) for name in server.names())
    it.until(lambda: it.pull(first).done > 100 * KB, "a beginning")
    it.pause(first)
    before = it.pull(first).done
    it.until(lambda: it.pull(second).done > before + 200 * KB, "the other one to go on")
    shown = it.look()
    one, other = (next(pull for pull in shown.pulls if pull.id == each) for each in (first, second))
    assert one.state is PullState.PAUSED
    assert one.done >= other.done - 100 * KB, "the same bytes, but for what came in this moment"
    assert (one.rate, one.eta, one.blobs[0].rate) == (0.0, None, 0.0)
    it.service.pause([second]).result(30)


def test_while_all_is_quiet_there_is_no_time_left(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="stall@200KB*1,link@1MB/s")
    it = engine(connections=1, part_size=500 * KB, stall_timeout=1.0)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).eta, "a time left")

    def quiet() -> PullView | None:
        view = it.look()
        shown = next(each for each in view.pulls if each.id == pull)
        blob = next(each for each in shown.blobs if each.digest == DIGEST)
        if not blob.quiet:
            return None
        assert (blob.eta, shown.eta, view.eta) == (None, None, None)
        assert blob.connections == blob.quiet and not blob.connecting
        return shown

    it.until(quiet, "a quiet pull")
    server.faults = ""
    server.reset_connections()
    it.until_done(pull)


def test_a_quiet_part_says_when_another_connection_takes_over(registry: Registries, engine: Engines) -> None:
    """One connection has nothing to say, the others go on."""
    server = registry(MODEL, faults="stall@100KB*1,link@400KB/s")
    it = engine(
        connections=3,
        part_size=500 * KB,
        stall_timeout=20.0,
        tuning={"takeover_after": 1.5, "quiet_after": 0.2},
    )
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])

    def told() -> list[float]:
        active = it.blob(pull, DIGEST).active if it.pull(pull).blobs else ()
        return [part.takeover for part in active if part.state is PartState.QUIET and part.takeover]

    assert it.until(told, "a silence that will be taken over")[0] >= 1.5
    it.until(lambda: it.blob(pull, DIGEST).takeovers, "the takeover")
    server.faults = ""
    server.reset_connections()
    it.until_done(pull)


def test_a_connection_without_a_byte_is_connecting(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="ttfb@400ms")
    it = engine(connections=1, stall_timeout=30.0)
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])

    def fresh() -> bool:
        blob = it.blob(pull, DIGEST) if it.pull(pull).blobs else None
        if blob is None or not blob.connecting or not blob.active:
            return False
        assert not blob.active[0].begun and blob.map is not None
        assert PartState.RECEIVING not in blob.map.states, "nothing is received yet"
        return True

    it.until(fresh, "a connection being made")
    server.faults = ""
    it.until_done(pull)


def test_after_a_restart_what_is_paused_looks_paused(
    registry: Registries, engine: Engines, tmp_path: Path
) -> None:
    server = registry(MODEL, faults="link@1MB/s")
    first = engine(tmp_path / "models", state_dir=tmp_path / "state")
    pull = first.add(server.names()[0])
    first.until(lambda: first.pull(pull).done > 100 * KB, "a beginning")
    first.pause(pull)
    assert first.stop()
    again = engine(tmp_path / "models", state_dir=tmp_path / "state")
    again.until(lambda: any(each.blobs for each in again.look().pulls), "what was kept of it")
    (shown,) = again.look().pulls
    states = {blob.state for blob in shown.blobs}
    assert shown.state is PullState.PAUSED and BlobState.QUEUED not in states
    assert shown.blobs and BlobState.PAUSED in states


def test_the_parts_of_what_is_done_are_let_go_and_their_map_stays(
    registry: Registries, engine: Engines
) -> None:
    """Its size is its own: other tests' parts may still be about."""
    size = 1234 * KB + 567
    model = make_model("odd", size, seed=62)
    digest = layer(model).digest
    server = registry(model, OTHER, faults="link@2MB/s")
    it = engine(active_pulls=1)
    it.service.watch([digest])
    pull, next_one = (it.add(name) for name in server.names())

    def tables() -> int:
        gc.collect()
        return sum(isinstance(each, PartTable) and each.total == size for each in gc.get_objects())

    def parts() -> int:
        gc.collect()
        return sum(isinstance(each, Part) and each.end == size for each in gc.get_objects())

    before = it.until(lambda: it.pull(pull).blobs and it.blob(pull, digest).map, "a map")
    assert tables() == parts() == 1
    it.until_done(pull, next_one)  # what was written last is remembered
    it.until(lambda: tables() == 0, "no table", patience=5.0)
    rev, blob = it.look().rev, it.blob(pull, digest)
    assert blob.map is not None
    assert (blob.parts, blob.parts_done) == (13, 13)
    assert (blob.map.offsets, blob.map.sizes, blob.map.done) == (before.offsets, before.sizes, before.sizes)
    assert set(blob.map.states) == {PartState.DONE}
    it.service.watch([])
    it.until(lambda: parts() == 0, "no part", patience=5.0)
    it.until(lambda: it.look().rev > rev and it.blob(pull, digest).map is None, "no map")
    assert it.blob(pull, digest).parts == 13
