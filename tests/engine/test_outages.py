"""A host in trouble: who waits for it, who does not any more, and when it is told of again."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from pulltui.demo import Registry
from pulltui.engine.gates import Gate, Gates
from pulltui.engine.outages import Outages
from pulltui.engine.setbacks import HostSetback
from pulltui.engine.sources import Sources
from pulltui.engine.tuning import Tuning
from pulltui.engine.views import EventKind, PullState
from support.clock import Clock
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("long", 4000 * KB, seed=140)
DIGEST = layer(MODEL).digest
HOST = "registry.lan"

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


@pytest.fixture
def gates(clock: Clock) -> Gates:
    return Gates(Tuning(), clock)


@pytest.fixture
def gate(gates: Gates) -> Gate:
    return gates.gate(HOST)


@pytest.fixture
def outages(gates: Gates) -> Outages:
    return Outages(gates)


def away(why: str = "no route to it", host: str = HOST) -> HostSetback:
    return HostSetback(why, host)


def test_an_outage_is_told_once_however_often_it_is_looked_at(outages: Outages, clock: Clock) -> None:
    assert outages.note(away(), 0)
    for _ in range(100):
        clock.now += 5.0
        assert not outages.note(away(), 0)
    assert outages.note(away("unknown host"), 0), "something else is the matter"


def test_the_next_outage_is_told_too(outages: Outages, gate: Gate, clock: Clock) -> None:
    assert outages.note(away(), 0)
    clock.now = 50.0
    assert not outages.note(away(), 0)
    clock.now = 55.0
    gate.succeed()
    clock.now = 3600.0
    assert outages.note(away(), 0)
    clock.now = 3605.0
    assert not outages.note(away(), 0)


def test_a_host_that_comes_and_goes_is_one_outage(outages: Outages, gate: Gate, clock: Clock) -> None:
    assert outages.note(away(), 0)
    for _ in range(100):
        clock.now += 5.0
        gate.succeed()
        clock.now += 5.0
        assert not outages.note(away(), 0)


def test_a_request_turned_down_now_and_then_is_told_once(outages: Outages, gate: Gate, clock: Clock) -> None:
    for n in range(5):
        setback = away()
        setback.alone = True
        assert outages.note(setback, 0) == (n == 0)
        clock.now += 100.0
        gate.succeed()
    assert outages.note(away(), 0), "now it is in trouble"


def test_when_it_begins_anew_everything_is_news(outages: Outages) -> None:
    assert outages.note(away(), 5)
    outages.forget()
    assert outages.hosts(5) == []
    assert outages.note(away(), 5)


def test_a_host_without_which_bytes_come_is_not_waited_for(outages: Outages) -> None:
    outages.note(away(), 500)
    outages.note(away(host="edge.lan"), 700)
    assert outages.hosts(700) == ["edge.lan"]
    assert outages.hosts(701) == []
    outages.note(away(), 701)
    assert outages.hosts(701) == [HOST]


class TestAsked:
    """Whose answers blobs need."""

    @pytest.fixture
    def sources(self) -> Sources:
        return Sources(MagicMock(), f"http://{HOST}/v2/library/x", HOST, MagicMock())

    @staticmethod
    def blob(sources: Sources, host: str, *runs: object, **fields: Any) -> Any:
        """One whose bytes came from that host so far."""
        digest = f"sha256:{host}"
        source = sources.of(digest, 100)
        source.host, source.generation = host, 1
        return SimpleNamespace(**{"digest": digest, "all_written": False, "runs": runs} | fields)

    @staticmethod
    def run(host: str, *, answered: str = "", gate: Gate | None = None) -> Any:
        return SimpleNamespace(
            source=SimpleNamespace(host=host), host=answered, attempt=SimpleNamespace(gate=gate)
        )

    def test_where_an_answer_is_still_to_come(self, sources: Sources) -> None:
        asking = self.blob(sources, "edge.lan", self.run("edge.lan"))
        assert sources.asked([asking]) == ["edge.lan"]

    def test_at_whose_gate_somebody_waits(self, sources: Sources, gate: Gate) -> None:
        """Most get their bytes; one asks the registry where there is another address."""
        fetching = [self.run("edge.lan", answered="edge.lan") for _ in range(3)]
        asking = self.run("edge.lan", gate=gate)
        assert HOST in sources.asked([self.blob(sources, "edge.lan", *fetching, asking)])

    def test_not_where_nobody_asks_any_more(self, sources: Sources) -> None:
        done = self.blob(sources, "down.lan", all_written=True)
        later = self.blob(sources, "gone.lan")
        fetched = self.blob(sources, "edge.lan", self.run("edge.lan", answered="edge.lan"))
        assert sources.asked([done, later, fetched]) == []

    def test_all_that_bytes_come_from_while_everybody_rests(self, sources: Sources) -> None:
        done = self.blob(sources, "down.lan", all_written=True)
        assert sources.asked([done, self.blob(sources, "edge.lan")]) == ["edge.lan"]
        assert sources.asked([done]) == []

    def test_the_registry_while_nobody_knows_where_bytes_are(self, sources: Sources) -> None:
        assert sources.asked([self.blob(Sources(MagicMock(), "http://x", "x", MagicMock()), "x")]) == [HOST]


def test_a_registry_that_nobody_asks_any_more_holds_nobody(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    """It is asked where else bytes might be and turns that down; they come from where they came from."""
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(transport=transport_kind, connections=2)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "some of it")
    assert it.service._core is not None
    core = it.service._core
    running = core.queue.pulls[pull]
    source, gate = running.source(running.downloads[-1]), core.context.gates.gate(running.registry)
    assert source.host != running.registry
    server.faults = "link@2MB/s,resolve:503,retry-after@0s"
    core._loop.call_soon_threadsafe(source.refresh, source.generation)
    it.until(lambda: it.events(EventKind.WAITING), "the registry turns it down")
    done = it.pull(pull).done
    it.until(lambda: it.pull(pull).done > done + 500 * KB, "bytes come all the same")
    assert gate.waiting is not None, "nobody has asked it again"
    shown = it.pull(pull)
    assert (shown.state, shown.waiting) == (PullState.DOWNLOADING, None)
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert len(it.events(EventKind.WAITING)) == 1


def test_hosts_that_bytes_come_from_are_waited_for_all_the_time(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="link@2MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "some of it")
    server.go_offline()
    it.until(lambda: it.pull(pull).waiting, "waiting is shown")
    seen = set()
    rev = it.look().rev
    while it.look().rev < rev + 40:
        waiting = it.pull(pull).waiting
        assert waiting is not None
        assert waiting.seconds is not None
        seen.add(waiting.kind)
    assert seen == {"offline"}
    assert len(it.events(EventKind.WAITING)) <= 2, "said once of each host"
    server.faults = ""
    server.go_online()
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_an_outage_that_is_met_again_after_a_pause_is_told(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL)
    server.go_offline()
    it = engine(patient=True)
    pull = it.add(server.names()[0])
    it.until(lambda: it.events(EventKind.WAITING), "it is told")
    it.pause(pull)
    it.resume(pull)
    it.until(lambda: len(it.events(EventKind.WAITING)) == 2, "it is told again")
    assert len({event.why for event in it.events(EventKind.WAITING)}) == 1
