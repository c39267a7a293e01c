"""Where the bytes come from: redirects, addresses that expire, servers without ranges, refusals."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from pulltui.demo import Registry
from pulltui.demo.blobs import Blob
from pulltui.demo.reply import Reply
from pulltui.demo.request import Request
from pulltui.demo.site import Site
from pulltui.engine.views import EventKind, PullState
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=50)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def test_a_server_without_ranges_sends_one_stream(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="norange,link@8MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).blobs and it.blob(pull, DIGEST).single_stream, "it is said")
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.sent_twice(DIGEST) == 0
    assert it.events(EventKind.RETRY) == []


def test_a_server_that_forgets_ranges_in_the_middle_loses_no_byte_on_disk(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 500 * KB, "half of it")
    it.pause(pull)
    have = it.on_disk(DIGEST)
    server.faults = "norange"
    mark = server.counters.mark()
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert have
    whole = [each for each in server.counters.ranges(DIGEST, mark) if not each.ranged]
    assert len(whole) == 1, "one stream from the first byte on"
    told = [event.why for event in it.events(EventKind.RETRY)]
    assert set(told) <= {"the server sent the whole blob instead of a range"}
    assert len(told) <= 4


def test_a_server_without_ranges_completes_what_another_session_began(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 500 * KB, "a third of it")
    assert it.stop()
    server.faults = "norange"
    again = engine(transport=transport_kind)
    pull = again.add(server.names()[0])
    again.until_done(pull)
    again.assert_installed(MODEL, host=server.host)
    assert again.events(EventKind.RETRY) == []


def test_one_stream_that_breaks_goes_on_and_rests_when_it_keeps_breaking(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="norange,link@6MB/s")
    it = engine(transport=transport_kind, max_retries=1)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "some of it")
    server.faults = "502"
    server.reset_connections()
    it.until_state(pull, PullState.WAITING)
    waiting = it.pull(pull).waiting
    assert waiting is not None
    assert "used up their retries" in waiting.why
    server.faults = "norange"
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_an_address_that_expires_is_resolved_again_as_often_as_it_takes(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="expire@150ms,link@1500KB/s")
    it = engine(transport=transport_kind, part_size=50 * KB)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    resolved = [record for record in server.counters.records("resolve") if record.digest == DIGEST]
    assert len(resolved) >= 2
    notes = it.events(EventKind.NOTE)
    assert notes
    assert all(re.match(r"address expired \(403 from localhost", note.why) for note in notes)
    assert it.events(EventKind.RETRY) == [], "it costs nothing"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_store_that_refuses_fresh_addresses_too_is_final(
    registry: Registries, engine: Engines, transport_kind: str, status: int
) -> None:
    server = registry(MODEL, faults=str(status))
    it = engine(transport=transport_kind)
    failed = it.until_failed(it.add(server.names()[0]))
    assert failed.kind == "refused"
    assert re.search(
        rf"localhost:\d+ refuses fresh addresses of blob [0-9a-f]{{12}} \({status}\)", failed.error
    )
    assert "this is the fault that was ordered" in failed.error
    assert failed.hint


@pytest.mark.parametrize("connections", [4, 12])
def test_a_store_that_refuses_more_than_so_many_connections_serves_those(
    *,
    registry: Registries,
    engine: Engines,
    monkeypatch: pytest.MonkeyPatch,
    transport_kind: str,
    connections: int,
) -> None:
    """It says 403, as if each of the fresh addresses were no good: the others bring bytes meanwhile."""
    answer = Site._blob

    def forbid(site: Site, blob: Blob, request: Request) -> Reply:
        reply = answer(site, blob, request)
        if reply.refused == "max":
            reply.status = 403
            reply.remove("Retry-After")
        return reply

    monkeypatch.setattr(Site, "_blob", forbid)
    server = registry(MODEL, faults="max@2,link@1MB/s")
    rests = {"backoff_base": 0.1, "probe_last": 5.0}
    it = engine(transport=transport_kind, connections=connections, tuning=rests)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.faults()["max"] >= 3
    assert it.pull(pull).seconds < 5, "it takes one and a half"
    resolved = [record for record in server.counters.records("resolve") if record.digest == DIGEST]
    assert len(resolved) < 15 + 6 * connections, "each of them rests, longer each time"
    assert it.events(EventKind.RETRY) == []


def test_a_blob_that_is_always_refused_is_asked_for_ever_more_seldom_while_another_comes(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch, transport_kind: str
) -> None:
    model = make_model("pair", 2000 * KB, 300 * KB, seed=24)
    whole, refused = layer(model).digest, layer(model, 1).digest
    answer = Site._blob

    def forbid(site: Site, blob: Blob, request: Request) -> Reply:
        reply = answer(site, blob, request)
        if blob.digest == refused:
            reply.status = 403
        return reply

    monkeypatch.setattr(Site, "_blob", forbid)
    server = registry(model, faults="rate@300KB/s")
    it = engine(transport=transport_kind, connections=3, part_size=100 * KB, tuning={"run_seconds": 0.3})
    pull = it.add(server.names()[0])
    failed = it.until_failed(pull)
    assert "refuses fresh addresses" in failed.error
    assert server.counters.bytes_sent(whole) == 2000 * KB, "all that comes has come first"
    resolved = [record for record in server.counters.records("resolve") if record.digest == refused]
    assert 5 <= len(resolved) <= 20


@pytest.mark.parametrize(
    ("faults", "kind", "words"),
    [
        ("501", "refused", "501"),
        ("505", "refused", "505"),
        ("resolve:404", "not-found", r"has no blob [0-9a-f]{12} \(404\)"),
        ("resolve:410", "not-found", "410"),
        ("resolve:403", "refused", r"does not allow blob [0-9a-f]{12} \(403\)"),
        ("resolve:401", "refused", "wants credentials"),
        ("loop", "response", "redirects more than 10 times"),
        ("location@ftp://host/x", "response", "neither http nor https"),
        ("wrongrange@total", "response", "keeps sending what was not asked for: server says"),
        ("gzip", "response", "compressed the blob"),
    ],
)
def test_what_trying_again_does_not_change_fails_at_once(
    registry: Registries,
    engine: Engines,
    transport_kind: str,
    *,
    faults: str,
    kind: str,
    words: str,
) -> None:
    server = registry(MODEL, faults=faults)
    it = engine(transport=transport_kind)
    failed = it.until_failed(it.add(server.names()[0]))
    assert failed.kind == kind
    assert re.search(words, failed.error), failed.error
    assert failed.exit_code == 1
    told = it.events(EventKind.FAILED)
    assert [(event.why, event.hint, event.error_kind) for event in told] == [
        (failed.error, failed.hint, failed.kind)
    ]


def test_redirects_that_lead_nowhere_are_told_and_waited_out(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="nolocation")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.events(EventKind.RETRY), "a retry")
    assert "redirects without saying where to" in it.events(EventKind.RETRY)[0].why
    server.faults = ""
    it.until_done(pull)


def test_a_failed_pull_goes_on_where_it_was(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 400 * KB, "some of it")
    server.faults = "403"
    server.reset_connections()
    failed = it.until_failed(pull)
    assert failed.done > 400 * KB
    have = it.on_disk(DIGEST)
    server.faults = ""
    mark = server.counters.mark()
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.asked_again(DIGEST, have, mark) == []


EAGER = {"takeover_after": 0.4, "idle_after": 0.1, "follow_after": 0.1}
WIDE = make_model("wide", 8000 * KB, seed=51)


@pytest.mark.parametrize("fault", ["stall=1/2@20KB", "stall=1/2@20KB,expire@2s"])
def test_a_registry_slower_than_the_host_it_sends_to_gets_the_time_it_needs(
    registry: Registries, engine: Engines, fault: str
) -> None:
    """Connections that have nothing else to do shall not shoot down the one that asks for the address."""
    server = registry(WIDE, faults=f"{fault},resolve:ttfb@1200ms,rate@1MB/s")
    it = engine(connections=8, part_size=250 * KB, stall_timeout=60.0, tuning=EAGER)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(WIDE, host=server.host)
    assert it.pull(pull).seconds < 15


def test_who_resolves_and_gets_no_answer_does_not_hold_the_others_up(
    registry: Registries, engine: Engines
) -> None:
    """The address has expired, and the request for a fresh one goes astray: others ask, too."""
    server = registry(WIDE, faults="expire@300ms,rate@500KB/s")
    it = engine(connections=4, part_size=100 * KB, stall_timeout=300.0, tuning={"follow_after": 0.05})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 500 * KB, "some of it")
    server.faults = "expire@300ms,rate@500KB/s,resolve:mute*1"
    mark = server.counters.mark()
    it.until(lambda: it.pull(pull).done > 6000 * KB, "most of it")
    asked = [
        record for record in server.counters.records("resolve", mark) if record.digest == layer(WIDE).digest
    ]
    assert asked
