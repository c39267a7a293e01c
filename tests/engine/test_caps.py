"""Caps and quiet hours over real sockets: what is read, what the server sent, what is shown."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import msgspec
import pytest
from pulltui.demo import BytesBlob, GeneratedBlob, Layer, Model, Registry, build_model
from pulltui.engine.views import EventKind, PartState, PullState
from pulltui_config.settings import Period
from support.engine import KB, Engine
from support.registry import layer, make_model

MB = 1000 * KB
SMALL = make_model("tiny", 600 * KB, seed=300)
DIGEST = layer(SMALL).digest
ALWAYS = Period(from_=0, to=24 * 60, bandwidth="pause")

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def endless(name: str, seed: int) -> Model:
    """More bytes than any test here gets to the end of."""
    return build_model(f"library/{name}", [Layer("model", GeneratedBlob.unfinished(400 * MB, seed))])


class Meters:
    """What both sides counted, and when."""

    def __init__(self, it: Engine, server: Registry) -> None:
        self._it = it
        self._server = server
        self.look()

    def look(self) -> None:
        """Begin a phase."""
        self.at, self.read = self._read()
        self.sent = self._server.counters.bytes_sent()

    def _read(self) -> tuple[float, int]:
        view = self._it.look()
        return view.now, sum(blob.received for pull in view.pulls for blob in pull.blobs)

    def phase(self, seconds: float) -> tuple[float, int, int]:
        """Let time pass: the seconds it was, the bytes read and sent meanwhile."""
        self.look()
        begun, read, sent = self.at, self.read, self.sent
        time.sleep(seconds)  # nothing to wait for: the time itself is what is measured
        self.look()
        return self.at - begun, self.read - read, self.sent - sent

    @property
    def ahead(self) -> int:
        """Bytes that were sent and not read."""
        sent = self._server.counters.bytes_sent()
        return sent - self._read()[1]


@pytest.mark.parametrize("pulls", [1, 3])
def test_a_cap_holds_at_our_reads_and_on_the_wire_while_it_is_changed(
    registry: Registries, engine: Engines, transport_kind: str, pulls: int
) -> None:
    server = registry(*[endless(f"m{n}", n) for n in range(pulls)], faults="link@60MB/s")
    it = engine(
        transport=transport_kind, connections=64, part_size=4 * MB, active_pulls=3, stall_timeout=30.0
    )
    it.service.set_limit(MB).result()
    ids = [it.add(name) for name in server.names()]
    meters = Meters(it, server)
    it.until(lambda: meters.phase(0.0) and meters.read > MB, "the first megabyte")
    before = MB
    for cap in (MB, 5 * MB, 2 * MB):
        it.service.set_limit(cap).result()
        it.until(lambda cap=cap: it.look().limit == cap, "the cap is shown")  # type: ignore[misc]
        seconds, read, sent = meters.phase(1.5)
        # A view may be older than what the registry counts by a tenth of a second.
        assert read <= cap * (seconds + 0.35)
        assert read >= cap * seconds * 0.5
        assert sent <= cap * (seconds + 0.35) + 2 * max(cap, before)
        assert meters.ahead <= 2 * max(cap, before) + 0.2 * cap
        assert server.counters.open_now() <= max(cap, before) // MB
        before = cap
    shown = it.look()
    assert (shown.limit, shown.limit_why, shown.capped) == (2 * MB, "set by hand", True)
    done = [it.pull(pull).done for pull in ids]
    assert min(done) * 3 >= max(done), f"shared fairly: {done}"
    assert it.events(EventKind.RETRY, EventKind.STALLED, EventKind.NOTE) == []
    for pull in ids:
        assert it.pull(pull).capped or it.until(lambda pull=pull: it.pull(pull).capped, "it shows")  # type: ignore[misc]


def test_what_is_not_asked_for_twice_when_a_capped_pull_is_paused(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    model = make_model("paused", 3 * MB, seed=301)
    server = registry(model)
    it = engine(transport=transport_kind, connections=64, part_size=4 * MB)
    it.service.set_limit(MB).result()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "some of it")
    it.pause(pull)
    assert server.counters.bytes_sent() - it.pull(pull).done <= 2 * MB
    it.service.set_limit(None).result()
    it.resume(pull)
    it.until_done(pull)
    it.assert_installed(model, host=server.host)
    assert server.counters.sent_twice(layer(model).digest) <= 2 * MB


def test_pausing_again_and_again_gets_no_more_than_the_cap(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(SMALL)
    it = engine(transport=transport_kind, connections=1, part_size=MB)
    it.service.set_limit(300 * KB).result()
    begun = time.monotonic()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 50 * KB, "some of it")
    for _ in range(5):
        it.pause(pull)
        it.resume(pull)
        it.until(lambda: it.pull(pull).state is PullState.DOWNLOADING, "it goes on")
        assert it.blob(pull, DIGEST).received <= 300 * KB * (time.monotonic() - begun + 1.4)
    it.service.set_limit(None).result()
    it.until_done(pull)


def test_a_pulls_own_cap_leaves_the_rest_to_the_others(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(endless("slow", 1), endless("fast", 2), faults="link@60MB/s")
    it = engine(transport=transport_kind, part_size=4 * MB, stall_timeout=30.0)
    slow, fast = (it.add(name) for name in server.names())
    it.service.set_limit(6 * MB).result()
    it.service.set_limit(500 * KB, [slow]).result()
    it.until(lambda: it.pull(slow).capped and it.pull(fast).capped, "both are held back")

    def now() -> tuple[float, int, int]:
        view = it.look()
        done = {pull.id: pull.done for pull in view.pulls}
        return view.now, done[slow], done[fast]

    before = now()
    time.sleep(1.5)  # nothing to wait for: the time itself is what is measured
    seconds, slow_done, fast_done = (new - old for new, old in zip(now(), before, strict=True))
    assert slow_done <= 500 * KB * (seconds + 0.35)
    assert 3 * slow_done < fast_done <= 6 * MB * (seconds + 0.35)
    assert it.pull(slow).limit == 500 * KB
    assert it.pull(fast).limit is None
    it.service.set_limit(None, [slow]).result()
    it.until(lambda: it.pull(slow).limit is None, "it is lifted")


def test_a_lower_cap_takes_hold_within_a_second_and_lifting_it_at_once(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(endless("big", 3), faults="link@50MB/s")
    it = engine(transport=transport_kind, connections=4, part_size=100 * MB, stall_timeout=30.0)
    it.add(server.names()[0])
    meters = Meters(it, server)
    it.until(lambda: meters.phase(0.0) and meters.read > 5 * MB, "full speed")
    it.service.set_limit(MB).result()
    time.sleep(1.0)  # the second it may take
    seconds, read, _ = meters.phase(1.0)
    assert read <= MB * (seconds + 0.35)
    server.counters.wait_for(lambda counters: counters.open_now() <= 1)
    it.service.set_limit(None).result()
    it.until(lambda: meters.phase(0.0) and meters.read > 40 * MB, "full speed again")


def test_a_cap_is_reached_over_connections_that_are_slow_by_themselves(
    registry: Registries, engine: Engines
) -> None:
    server = registry(endless("m", 1), faults="rate@300KB/s")
    it = engine(connections="auto", part_size=1 * MB)
    it.service.set_limit(3 * MB).result(30)
    pull = it.add(server.names()[0])

    def reached() -> bool:
        shown = it.pull(pull)
        assert shown.connections < 20
        return shown.connections > 8 and shown.rate > 0.85 * 3 * MB

    it.until(reached, "nearly all that the cap allows")


def test_who_is_held_by_a_cap_is_not_quiet_and_has_not_stalled(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    """A server's bytes come every now and then only: each silence is ours."""
    server = registry(SMALL)
    it = engine(transport=transport_kind, part_size=200 * KB, stall_timeout=0.3, tuning={"quiet_after": 0.03})
    it.service.watch([DIGEST])
    it.service.set_limit(150 * KB).result()
    pull = it.add(server.names()[0])
    seen: list[str] = []

    def held() -> bool:
        blob = it.blob(pull, DIGEST) if it.pull(pull).blobs else None
        if blob is not None:
            seen.extend(part.why for part in blob.active if part.state is PartState.RECEIVING)
        return it.pull(pull).done > 400 * KB

    it.until(held, "most of it")
    assert "held by the cap" in seen
    it.service.set_limit(None).result()
    it.until_done(pull)
    it.assert_installed(SMALL, host=server.host)
    assert it.events(EventKind.RETRY, EventKind.STALLED, EventKind.NOTE, EventKind.WAITING) == []
    assert server.counters.sent_twice(DIGEST) == 0
    assert (it.look().limit, it.look().limit_why, it.pull(pull).capped) == (None, "", False)


def test_three_pulls_take_turns_when_there_is_one_connection(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    models = [make_model(f"turn{n}", 400 * KB, seed=310 + n) for n in range(3)]
    server = registry(*models)
    it = engine(transport=transport_kind, active_pulls=3, part_size=50 * KB)
    it.service.set_limit(600 * KB).result()
    ids = [it.add(name) for name in server.names()]
    it.until(lambda: all(it.pull(pull).capped for pull in ids), "held back, or without a connection")
    it.until(lambda: min(it.pull(pull).done for pull in ids) > 50 * KB, "all have some")
    assert max(it.pull(pull).done for pull in ids) < 400 * KB
    assert server.counters.open_now() <= 1
    it.service.set_limit(None).result()
    it.until_done(*ids)
    it.assert_installed(*models, host=server.host)


def test_a_server_that_hangs_up_while_a_cap_holds_us_back_is_not_to_blame(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(SMALL, faults="link@300KB/s")
    it = engine(transport=transport_kind, part_size=200 * KB, connections=2, tuning={"patience": 0.2})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 100 * KB, "some of it")
    it.service.set_limit(1 * KB).result()  # what has come takes a while now
    it.until(lambda: it.pull(pull).capped, "held back")
    held = it.look().now
    it.until(lambda: it.look().now > held + 0.5, "more than a server's patience")
    server.reset_connections()
    it.service.set_limit(None).result()
    it.until_done(pull)
    it.assert_installed(SMALL, host=server.host)
    assert it.events(EventKind.RETRY, EventKind.STALLED) == []


def test_a_server_without_ranges_is_read_at_the_caps_speed(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(SMALL, faults="norange")
    it = engine(transport=transport_kind, part_size=MB)
    it.service.set_limit(400 * KB).result()
    begun = time.monotonic()
    pull = it.add(server.names()[0])
    it.until_done(pull)
    assert time.monotonic() - begun >= 600 / 400 - 0.2
    it.assert_installed(SMALL, host=server.host)
    assert it.blob(pull, DIGEST).single_stream
    assert server.counters.sent_twice(DIGEST) == 0


def test_another_bandwidth_in_the_settings_counts_at_once(registry: Registries, engine: Engines) -> None:
    server = registry(SMALL)
    it = engine()
    it.service.set_limit(10 * KB).result()
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).capped, "held back")
    transfer = msgspec.structs.replace(it.settings.transfer, bandwidth=100 * MB)
    it.service.change_settings(msgspec.structs.replace(it.settings, transfer=transfer)).result()
    it.until_done(pull)
    assert (it.look().limit, it.look().limit_why) == (100 * MB, "settings")


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_cap_that_is_none_is_refused(engine: Engines, rate: float) -> None:
    it = engine()
    with pytest.raises(ValueError, match="above 0"):
        it.service.set_limit(rate).result()


def test_quiet_hours_pause_everything_until_they_are_over(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    license_ = BytesBlob(b"short")
    model = build_model(
        "library/quiet", [Layer("model", GeneratedBlob(600 * KB, 320)), Layer("license", license_)]
    )
    server = registry(model, faults="link@300KB/s")
    it = engine(transport=transport_kind, active_pulls=1)
    before = it.settings
    pull, other = it.add(server.names()[0]), it.add(server.name("library/quiet", "other"))
    it.until(lambda: it.pull(pull).done > 100 * KB, "some of it")
    it.service.change_settings(msgspec.structs.replace(before, schedule=(ALWAYS,))).result()
    shown = it.until_state(pull, PullState.WAITING)
    assert shown.waiting is not None
    assert (shown.waiting.why, shown.kind) == ("schedule: 00:00 to 24:00", "schedule")
    assert (it.look().limit, it.look().limit_why) == (0, "schedule: 00:00 to 24:00")
    server.counters.wait_for(lambda counters: counters.open_now() == 0)
    asked = server.counters.mark()
    it.retry(pull)
    time.sleep(0.4)  # time in which something could be asked for, or another one begun
    assert server.counters.mark() == asked
    assert it.pull(other).state is PullState.QUEUED, "nobody else is begun only to wait as well"
    it.service.set_limit(100 * MB).result()
    it.until_state(pull, PullState.DOWNLOADING)
    it.service.set_limit(None).result()
    it.until_state(pull, PullState.WAITING)
    it.service.change_settings(before).result()
    it.until_done(pull)
    it.assert_installed(model, host=server.host)
    assert server.counters.sent_twice(layer(model).digest) <= 2 * 600 * KB
    told = [event for event in it.events(EventKind.WAITING) if event.error_kind == "schedule"]
    assert len(told) == 2
    assert all(re.match("schedule: ", event.why) for event in told)


def test_nothing_is_looked_up_in_quiet_hours(registry: Registries, engine: Engines) -> None:
    server = registry(SMALL)
    it = engine()
    before = it.settings
    it.service.change_settings(msgspec.structs.replace(before, schedule=(ALWAYS,))).result()
    pull = it.add(server.names()[0])
    it.until_state(pull, PullState.WAITING)
    assert server.counters.records() == []
    it.service.change_settings(before).result()
    it.until_done(pull)
