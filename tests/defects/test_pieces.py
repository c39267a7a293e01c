"""Defects of the downloader this one descends from ("the ancestor"): parts, and the hash of them all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from pulltui.demo import Registry
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.partial import PartialPaths
from pulltui.engine.views import EventKind, PullState
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=220)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def test_defect_03_a_file_shorter_than_its_blob(registry: Registries, engine: Engines) -> None:
    """The ancestor's hasher reads nothing at the end of a file that is too short, and tries that for ever.
    Here the file has its full length before anything is believed of it, and what is missing is fetched.
    """
    server = registry(MODEL, faults="link@3MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 800 * KB, "half of it")
    assert it.stop()
    os.truncate(PartialPaths(it.work, blob_file_name(DIGEST)).data, 50 * KB)
    server.faults = ""
    again = engine()
    again.until_done(again.add(server.names()[0]))
    again.assert_installed(MODEL, host=server.host)


def test_defect_03_a_hasher_that_hears_no_stop(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ancestor's hasher is deaf within a part. Here a pull can be paused while it is being verified."""
    real = os.preadv

    def slow_preadv(*arguments: object) -> int:
        time.sleep(0.1)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "preadv", slow_preadv)
    server = registry(MODEL)
    it = engine()
    pull = it.add(server.names()[0])
    it.until_state(pull, PullState.VERIFYING)
    it.pause(pull)
    assert it.pull(pull).state is PullState.PAUSED
    assert it.blob(pull, DIGEST).hashed < it.blob(pull, DIGEST).size
    monkeypatch.setattr(os, "preadv", real)
    mark = server.counters.mark()
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.ranges(DIGEST, mark) == []


def test_defect_04_a_wrong_digest_for_ever(registry: Registries, engine: Engines) -> None:
    """After a digest mismatch the ancestor leaves the file and all its parts marked as complete: each later
    pull fails alike, without a single request. Here nothing of it counts as written, both digests are shown,
    and pulling again fetches it.
    """
    server = registry(MODEL, faults="damage@700KB")
    it = engine(may_fall=True)
    pull = it.add(server.names()[0])
    failed = it.until_failed(pull)
    assert failed.kind == "digest"
    assert failed.error.count("sha256:") == 2
    assert DIGEST in failed.error
    assert it.on_disk(DIGEST) == []
    assert not (it.directory / "blobs" / blob_file_name(DIGEST)).exists()
    server.faults = ""
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_defect_04_one_wrong_bit_costs_everything(registry: Registries, engine: Engines) -> None:
    """For the ancestor one bit that flipped on the way is the end of the whole blob. Here the part it is in
    is found and fetched again, and the pull is done.
    """
    server = registry(MODEL, faults="flip=1/5*1,link@8MB/s")
    it = engine(may_fall=True)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert 0 < it.events(EventKind.DONE)[0].fetched_again <= MODEL.size


def test_defect_05_a_break_in_a_part_loses_the_part(registry: Registries, engine: Engines) -> None:
    """The ancestor counts a part's bytes back when it breaks off, and forgets them when it is stopped: up to
    64 parts of 16 MB. Here the next request begins at the last byte that came, and progress never falls
    (which every look of these tests checks).
    """
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(connections=1, part_size=1500 * KB)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "the middle of the part")
    it.pause(pull)
    [(start, reached)] = it.on_disk(DIGEST)
    assert (start, reached) == (0, it.blob(pull, DIGEST).done)
    server.faults = "short@200KB*1"
    mark = server.counters.mark()
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    asked = [(each.start, each.stop) for each in server.counters.ranges(DIGEST, mark)]
    assert asked == [(reached, 1500 * KB), (reached + 200 * KB, 1500 * KB)]
