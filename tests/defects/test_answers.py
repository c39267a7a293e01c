"""Defects of the downloader this one descends from ("the ancestor"): what it took for an answer."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pulltui.demo import BytesBlob, GeneratedBlob, Layer, Registry, build_model
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.partial import PartialPaths
from pulltui.engine.views import EventKind, PullState
from support.certificates import Authority
from support.engine import KB, Engine
from support.rawserver import RawServer, answering
from support.registry import differences, layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=200)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]

TRIED_AGAIN = (EventKind.RETRY, EventKind.STALLED, EventKind.WAITING)


def wrong_claims(it: Engine) -> list[tuple[int, int]]:
    """The pieces of the partial that are recorded as written and are not the blob's."""
    paths = PartialPaths(it.work, blob_file_name(DIGEST))
    return differences(paths.data, layer(MODEL), it.on_disk(DIGEST))


@pytest.mark.parametrize("status", [403, 500, 503])
def test_defect_01_status_unchecked(registry: Registries, engine: Engines, status: int) -> None:
    """The ancestor never looks at the status of a ranged GET: the text of a 403, 404 or 5xx becomes bytes
    of the model. Here the status is read before the body; a refusal writes nothing and costs nothing.
    """
    server = registry(MODEL, faults="link@2MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "some of it")
    server.faults = str(status)
    server.reset_connections()
    it.until(lambda: str(status) in server.counters.faults(), "a refusal")
    it.until(lambda: it.events(*TRIED_AGAIN, EventKind.FAILED), "it is told")
    it.pause(pull)
    have = it.on_disk(DIGEST)
    assert have
    assert wrong_claims(it) == []
    server.faults = ""
    mark = server.counters.mark()
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.asked_again(DIGEST, have, mark) == []


def test_defect_02_early_end_taken_for_the_whole_part(registry: Registries, engine: Engines) -> None:
    """The ancestor calls a part complete when its body ends, however early. Here the next request begins at
    the very byte where the body ended.
    """
    server = registry(MODEL, faults="short@40KB*1")
    it = engine(connections=1, part_size=1500 * KB)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    asked = [(each.start, each.stop) for each in server.counters.ranges(DIGEST)]
    assert asked == [(0, 1500 * KB), (40 * KB, 1500 * KB)]
    assert server.counters.sent_twice(DIGEST) == 0


@pytest.mark.parametrize("faults", ["norange=1/3*3", "long=1/3@64KB*3"])
def test_defect_06_overlong_body_runs_into_the_neighbour(
    registry: Registries, engine: Engines, faults: str
) -> None:
    """The ancestor writes whatever still is in its buffer when a part is full: up to 32 KiB of a body that is
    longer than asked land in the next part, which may have been right. Here nothing behind a part's end is
    ever written.
    """
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(tuning={"run_seconds": 0.0})  # a request for each part
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 250 * KB, "two parts or more")
    server.faults = faults
    it.until(lambda: server.counters.faults() or it.pull(pull).state is PullState.DONE, "the fault")
    it.pause(pull)
    if it.pull(pull).state is PullState.PAUSED:
        assert wrong_claims(it) == []
        it.resume(pull)
    it.until_done(pull)
    assert server.counters.faults()
    it.assert_installed(MODEL, host=server.host)


@pytest.mark.parametrize(
    "faults",
    ["noredirect", "redirect@302", "redirect@308", "hops@3"],
)
def test_defect_07_only_one_kind_of_redirect(registry: Registries, engine: Engines, faults: str) -> None:
    """The ancestor knows 307 only, and fails on a registry that sends the blob itself ("no Location header").
    Here every redirect leads to the bytes, and none is needed.
    """
    server = registry(MODEL, faults=faults)
    it = engine()
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert it.events(*TRIED_AGAIN) == []


@pytest.mark.parametrize(
    ("faults", "place", "kind"),
    [
        ("manifest:404", "manifest", "not-found"),
        ("resolve:404", "resolve", "not-found"),
        ("resolve:401", "resolve", "refused"),
        ("501", "blob", "refused"),
    ],
)
def test_defect_13_every_error_is_tried_again(
    registry: Registries, engine: Engines, faults: str, place: str, kind: str
) -> None:
    """The ancestor retries a 404 or a 401 for thirty seconds like a dropped connection. Here what trying
    again cannot change fails at once.
    """
    server = registry(MODEL, faults=faults)
    it = engine()
    failed = it.until_failed(it.add(server.names()[0]))
    assert failed.kind == kind
    assert it.events(*TRIED_AGAIN) == []
    assert server.counters.records(place)


def test_defect_13_an_untrusted_certificate_is_tried_again(engine: Engines, tmp_path: Path) -> None:
    """The ancestor retries a certificate that nobody vouches for. Here one connection is enough to say so."""
    context = Authority(tmp_path).server_context("127.0.0.1")
    with RawServer(answering(b""), context) as server:
        it = engine()
        failed = it.until_failed(it.add(f"https://127.0.0.1:{server.port}/library/tiny"))
        assert failed.kind == "trust"
        assert it.events(*TRIED_AGAIN) == []
        assert server.accepted == 1


def test_defect_13_a_disk_quota_is_tried_again(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ancestor fetches a part six times into a disk quota that is used up. Here the pull waits for room,
    and no part pays for it.
    """
    real, full = os.pwrite, [True]

    def pwrite(fd: int, data: memoryview, at: int) -> int:
        if full[0]:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return real(fd, data, at)

    server = registry(MODEL)
    it = engine(tuning={"space_check": 0.1})
    monkeypatch.setattr(os, "pwrite", pwrite)
    pull = it.add(server.names()[0])
    it.until_state(pull, PullState.WAITING)
    assert "Disk quota exceeded" in it.events(EventKind.WAITING)[0].why
    full[0] = False
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert it.events(EventKind.RETRY, EventKind.STALLED) == []


@pytest.mark.parametrize("faults", ["nolength", "chunked", ""])
def test_defect_18_size_from_a_header(registry: Registries, engine: Engines, faults: str) -> None:
    """The ancestor asks HEAD for the size and takes a missing or unreadable Content-Length for 0; then it
    divides by it. Here the manifest says the size, nobody asks HEAD, and a blob of no bytes is one like
    any other.
    """
    model = build_model(
        "library/sized",
        [Layer("model", GeneratedBlob(500 * KB, seed=201)), Layer("system", BytesBlob(b""))],
    )
    server = registry(model, faults=faults)
    it = engine()
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(model, host=server.host)
    assert it.events(EventKind.RESOLVED)[0].size == it.pull(pull).size == model.size
    assert {record.method for record in server.counters.records()} == {"GET"}
