"""What goes wrong on the wire, over real sockets: every fault ends verified, and is told in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest
from pulltui.demo import Registry
from pulltui.engine.views import EventKind, PartState, PartView, PullState
from pulltui_config.settings import Transfer
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=40)
DIGEST = layer(MODEL).digest

A_REQUEST_A_PART = {"run_seconds": 0.0}

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]

RETRY, STALLED, WAITING = EventKind.RETRY, EventKind.STALLED, EventKind.WAITING


@pytest.mark.parametrize(
    ("faults", "kind", "words"),
    [
        ("mute=1/4*2", STALLED, r"stalled: (no byte|next to nothing) for 0\.4 s"),
        ("stall=1/4*2", STALLED, r"stalled: (no byte|next to nothing) for 0\.4 s"),
        ("stall=1/3@50KB*2", STALLED, r"stalled: (no byte|next to nothing) for 0\.4 s"),
        ("reset=1/3@50KB*4", RETRY, "reset"),
        ("reset=1/3*4", RETRY, "reset"),
        ("short=1/3@50KB*4", RETRY, "early|before"),
        ("close=1/3*4", RETRY, "closed|without"),
        ("garbage=1/3*3", RETRY, "HTTP|without an answer"),
        ("502*5", RETRY, "502 from localhost"),
        ("500=1/2*5", RETRY, "500 from localhost"),
        ("408=1/2*3", RETRY, "408"),
        ("503*2", WAITING, r"localhost:\d+ is busy \(503\)"),
        ("429*2", WAITING, r"localhost:\d+ is busy \(429\)"),
        ("wrongrange=1/3@start*3", RETRY, r"asked for bytes \d+-\d+, got"),
        ("wrongrange=1/3@end*3", RETRY, r"asked for bytes \d+-\d+, got"),
        ("wrongrange=1/3@shorter*3", RETRY, r"asked for bytes \d+-\d+, got"),
        ("wrongrange=1/3@total*3", RETRY, "server says 1500001 bytes in all, manifest 1500000"),
        ("wrongrange=1/3@missing*3", RETRY, "206 with no Content-Range"),
        ("wrongrange=1/3@double*3", RETRY, "206 with 2 Content-Range"),
        ("wrongrange=1/3@unit*3", RETRY, "unreadable range"),
        ("gzip=1/3*3", RETRY, r"compressed the blob \(gzip\)"),
        ("long=1/3*3", RETRY, r"announced, \d+ expected"),
        ("html=1/3*3", RETRY, "web page"),
        ("resolve:502*2", RETRY, "502 from 127"),
        ("resolve:close*2", RETRY, "closed|without"),
        ("resolve:mute*1", STALLED, "no byte"),
        ("resolve:503*1", WAITING, r"127\.0\.0\.1:\d+ is busy \(503\)"),
        ("manifest:502*3", RETRY, "502 from 127"),
        ("manifest:mute*1", STALLED, "no byte"),
        ("manifest:short*2", RETRY, "early|before"),
        ("manifest:503*2", WAITING, "is busy"),
    ],
)
def test_each_fault_ends_verified_and_is_told(
    registry: Registries,
    engine: Engines,
    transport_kind: str,
    *,
    faults: str,
    kind: EventKind,
    words: str,
) -> None:
    server = registry(MODEL, faults=faults)
    it = engine(transport=transport_kind, tuning=A_REQUEST_A_PART)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    told = it.events(kind)
    assert any(re.search(words, event.why) for event in told), [event.why for event in it.events()]
    assert all(event.pull == pull for event in told)
    for event in it.events(RETRY, STALLED):
        assert 1 <= event.attempt <= event.attempts == 6
        assert event.wait is not None
    assert server.counters.faults()
    assert server.counters.sent_twice(DIGEST) <= 1500 * KB * 0.4


@pytest.mark.parametrize(
    "faults", ["chunked", "nolength", "etag", "quiet=1/5@100ms*3", "noredirect", "hops@5"]
)
def test_what_is_odd_and_allowed_costs_no_retry(
    registry: Registries, engine: Engines, transport_kind: str, faults: str
) -> None:
    server = registry(MODEL, faults=faults)
    it = engine(transport=transport_kind, stall_timeout=5.0)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert it.events(RETRY, STALLED, WAITING, EventKind.NOTE) == []
    assert server.counters.sent_twice(DIGEST) == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_kind_of_redirect_leads_to_the_bytes(
    registry: Registries, engine: Engines, transport_kind: str, status: int
) -> None:
    server = registry(MODEL, faults=f"redirect@{status}")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    assert it.blob(pull, DIGEST).source.startswith("localhost:")
    resolved = [record for record in server.counters.records("resolve") if record.digest == DIGEST]
    assert len(resolved) == 1, "resolved once for all connections"


def test_a_trickle_is_a_stall(
    registry: Registries, engine: Engines, transport_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulltui.demo.connection.TRICKLE_EVERY", 0.1)
    server = registry(MODEL, faults="trickle=1/4@30KB*2")
    it = engine(transport=transport_kind, stall_timeout=1.3, tuning=A_REQUEST_A_PART)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert [event.why for event in it.events(STALLED)] == ["stalled: next to nothing for 1.3 s"] * 2


def test_a_wait_that_a_server_asked_for_is_kept_and_counted_down(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="503*1,retry-after@1s")
    it = engine(transport=transport_kind, connections=1)
    pull = it.add(server.names()[0])
    waiting = it.until(lambda: it.pull(pull).waiting, "waiting is shown")
    assert waiting is not None
    assert re.match(r"localhost:\d+ is busy \(503\)", waiting.why)
    assert waiting.seconds is not None
    assert 0 < waiting.seconds <= 1
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    refused = next(record for record in server.counters.records("blob") if record.status == 503)
    after = [record.started for record in server.counters.records("blob") if record.number > refused.number]
    assert min(after) - refused.started >= 0.99
    assert it.events(RETRY) == [], "no part loses a retry"


def test_a_wait_that_a_server_asked_for_ends_when_somebody_says_so(
    registry: Registries, engine: Engines
) -> None:
    server = registry(MODEL, faults="503*1,retry-after@500s")
    it = engine(connections=1, tuning={"probe_last": 600.0})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).waiting, "waiting is shown")
    it.service.retry([pull]).result(30)
    it.until_done(pull)


def test_a_byte_that_never_comes_uses_its_retries_up(registry: Registries, engine: Engines) -> None:
    """All but the last byte is there, for ever: next to nothing is asked for, and nothing is no progress."""
    server = registry(MODEL, faults="short@1499999,short@0")
    it = engine(connections=1, part_size=10_000 * KB, max_retries=3, tuning={"park_first": 60.0})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).state is PullState.WAITING, "the pull to wait")
    assert it.blob(pull, DIGEST).done == 1_499_999
    assert len([event for event in it.events(RETRY) if event.digest == DIGEST]) <= 5
    server.faults = ""
    it.service.retry([pull]).result(30)
    it.until_done(pull)


@pytest.mark.parametrize(
    ("faults", "state", "why"),
    [
        ("reset@30KB", PartState.WAITING, "reset"),
        ("502", PartState.WAITING, "502 from localhost"),
        ("stall@30KB", PartState.STALLED, "no byte for 0.4 s"),
        ("wrongrange@total", PartState.WAITING, "manifest 1500000"),
    ],
)
def test_a_part_in_trouble_says_what_and_how_often_and_how_long(
    registry: Registries,
    engine: Engines,
    transport_kind: str,
    *,
    faults: str,
    state: PartState,
    why: str,
) -> None:
    server = registry(MODEL, faults=faults)
    # Two parts: more of them, all answered wrongly at once, would be the end of it.
    it = engine(transport=transport_kind, part_size=1000 * KB, backoff_cap=0.3, tuning={"backoff_base": 0.3})
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])

    def shown() -> bool:
        blob = it.blob(pull, DIGEST) if it.pull(pull).blobs else None
        return blob is not None and any(
            part.state is state
            and why in part.why
            and part.attempt >= 1
            and part.attempts == 6
            and part.wait > 0
            for part in blob.active
        )

    it.until(shown, "the part's trouble")
    server.faults = ""
    blob = it.blob(pull, DIGEST)
    assert (blob.stalls if state is PartState.STALLED else blob.retries) > 0
    it.until_done(pull)


def test_silence_is_quiet_before_it_is_a_stall(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="stall@30KB*1")
    it = engine(transport=transport_kind, stall_timeout=1.0)
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])

    def quiet() -> list[PartView]:
        blobs = [blob for blob in it.pull(pull).blobs if blob.digest == DIGEST]
        return [part for blob in blobs for part in blob.active if part.state is PartState.QUIET]

    part = it.until(quiet, "quiet")[0]
    assert 0.05 <= part.silent <= 1.2
    assert part.stall_after == 1.0
    it.until_done(pull)


def test_every_second_stall_asks_for_a_fresh_url(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="stall@1KB*4")
    it = engine(transport=transport_kind, connections=1, stall_timeout=0.2)
    it.until_done(it.add(server.names()[0]))
    resolved = [record for record in server.counters.records("resolve") if record.digest == DIGEST]
    assert len(resolved) == 3


def test_what_came_before_a_break_is_not_fetched_again(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="short=1/2@40KB*6")
    it = engine(transport=transport_kind)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert server.counters.sent_twice(DIGEST) == 0


def test_parts_that_used_up_their_retries_rest_and_then_come(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="502")
    parked = {"park_first": 0.3, "park_last": 0.3}
    it = engine(transport=transport_kind, max_retries=1, stall_timeout=30.0, tuning=parked)
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).state is PullState.WAITING, "waiting")
    waiting = it.pull(pull).waiting
    assert waiting is not None
    assert re.search("used up their retries: 502 from localhost", waiting.why)
    assert waiting.seconds is not None
    assert 0 <= waiting.seconds <= 0.3
    assert any(part.state is PartState.FAILED for part in it.blob(pull, DIGEST).active)
    told = it.events(WAITING)
    assert told[0].wait == 0.3
    assert "out of retries: 502" in told[0].why
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_retry_now_skips_every_countdown(registry: Registries, engine: Engines, transport_kind: str) -> None:
    server = registry(MODEL, faults="503,retry-after@300s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).waiting, "waiting")
    server.faults = ""
    it.retry(pull)
    it.until_done(pull)

    server.faults = "502"
    other = make_model("other", 300 * KB, seed=41)
    slow = engine(
        directory=it.directory.with_name("slow"),
        transport=transport_kind,
        max_retries=0,
        tuning={"park_first": 300.0, "park_last": 300.0},
    )
    pull = slow.add(server.add(other))
    slow.until_state(pull, PullState.WAITING)
    server.faults = ""
    slow.retry(pull)
    slow.until_done(pull)


def test_more_than_the_registry_allows_at_once_lowers_the_number(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="max@2,retry-after@0s,link@8MB/s")
    it = engine(transport=transport_kind, connections=8)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert it.events(RETRY) == []
    assert "max" in server.counters.faults()


def test_offline_and_back_costs_no_part_a_retry(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="link@3MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "some progress")
    server.go_offline()
    waiting = it.until(lambda: it.pull(pull).waiting, "waiting")
    assert waiting is not None
    assert re.match(r"connection refused by localhost:\d+", waiting.why)
    already = len(it.events(RETRY))
    assert already <= 4, "the connections that were reset"
    probes = len(it.events())
    it.until(lambda: it.service.view.now, "a view")
    server.go_online()
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    resets = it.events(RETRY)
    assert len(resets) <= 4 and all("reset" in event.why for event in resets), "the same, told late or not"
    assert probes < 50
    assert server.counters.sent_twice(DIGEST) <= 4 * 64 * 1024 * 8


def test_two_pulls_of_one_registry_share_its_connections(
    registry: Registries, engine: Engines, transport_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_model("other", 1500 * KB, seed=42)
    server = registry(MODEL, other, faults="link@3MB/s")
    monkeypatch.setattr("support.engine.Transfer", partial(Transfer, per_host={server.host: 2}))
    it = engine(transport=transport_kind)
    one, two = (it.add(name) for name in server.names())
    it.until(lambda: it.pull(one).done > 1000 * KB, "most of the first")
    assert it.pull(two).done > 400 * KB
    it.until_done(one, two)


def test_connections_that_wait_for_a_dead_host_leave_their_slots_to_others(
    registry: Registries, engine: Engines, transport_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.engine.Transfer", partial(Transfer, max_connections=4))
    other = make_model("other", 1500 * KB, seed=42)
    dead, well = registry(MODEL, faults="link@3MB/s"), registry(other)
    it = engine(transport=transport_kind)
    waits = it.add(dead.names()[0])
    it.until(lambda: it.pull(waits).done > 300 * KB, "progress")
    dead.go_offline()
    it.until(lambda: it.pull(waits).state is PullState.WAITING, "waiting")
    goes = it.add(well.names()[0])
    it.until_done(goes)
    dead.go_online()
    it.until_done(waits)
    it.assert_installed(MODEL, host=dead.host)


@pytest.mark.parametrize(
    ("faults", "patience"),
    [
        ("502=1/3*6", {}),
        ("stall=1/3@50KB*3", {}),
        ("stall=1/3@50KB*3", {"takeover_after": 0.1, "idle_after": 0.05}),
    ],
    ids=["failed", "stalled", "taken over"],
)
def test_what_did_not_come_is_asked_for_over_a_connection_that_carried_nothing(
    registry: Registries, engine: Engines, transport_kind: str, *, faults: str, patience: dict[str, float]
) -> None:
    server = registry(MODEL, faults=f"rate@1MB/s,{faults}")
    it = engine(transport=transport_kind, tuning=A_REQUEST_A_PART | patience)
    it.until_done(it.add(server.names()[0]))
    records = server.counters.ranges(DIGEST)
    bad = [record for record in records if record.fault]
    assert len(bad) >= 2, "the others hit other blobs"
    for failed in bad:
        came = failed.start + failed.sent
        again = next(one for one in records[records.index(failed) + 1 :] if failed.start <= one.start <= came)
        assert again.connection not in {one.connection for one in records[: records.index(again)]}
