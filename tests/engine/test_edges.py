"""Hosts behind redirects that fail or crawl are left alone while there are others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import pytest
from pulltui.demo import Registry
from pulltui.engine.edges import Edges, crawling
from pulltui.engine.views import EventKind
from support.authserver import HttpServer, Reply, Request
from support.clock import Clock
from support.engine import KB, Engine
from support.registry import closed_port, layer, make_model

MODEL = make_model("tiny", 4000 * KB, seed=160)
DIGEST = layer(MODEL).digest
EAGER = {"takeover_after": 0.3, "idle_after": 0.1}
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]
Serve = Callable[..., HttpServer]


@pytest.fixture
def edges(clock: Clock) -> Edges:
    """`a` and `b` are a registry's, `only` is another one's."""
    it = Edges(clock, 3.0)
    for registry, host in (("one", "a"), ("one", "b"), ("other", "only")):
        it.offered(registry, host)
    return it


def test_a_host_is_left_alone_when_it_fails_more_often_than_not(edges: Edges) -> None:
    assert not edges.avoided("a")
    for _ in range(2):
        edges.failed("a")
    assert not edges.avoided("a"), "twice is chance"
    edges.failed("a")
    assert edges.avoided("a")
    assert not edges.avoided("b")


def test_what_goes_well_speaks_for_it(edges: Edges, clock: Clock) -> None:
    for _ in range(20):
        edges.served("a")
        edges.served("a")
        edges.failed("a")
        clock.now += 1.0
    assert not edges.avoided("a")


def test_what_was_long_ago_is_forgotten(edges: Edges, clock: Clock) -> None:
    for _ in range(9):
        edges.failed("a")
        clock.now += 40.0
    assert not edges.avoided("a")


def test_each_time_it_is_left_alone_for_longer(edges: Edges, clock: Clock) -> None:
    pauses = []
    for _ in range(7):
        edges.failed("a", wholly=True)
        began = clock.now
        while edges.avoided("a"):
            clock.now += 1.0
        pauses.append(clock.now - began)
    assert pauses == [30, 60, 120, 240, 480, 480, 480]
    clock.now += 1000.0
    edges.failed("a", wholly=True)
    clock.now += 30.0
    assert not edges.avoided("a"), "it was well for a while"


def test_the_only_one_is_used_all_the_same(edges: Edges, clock: Clock) -> None:
    edges.failed("a", wholly=True)
    edges.spare("a")
    assert not edges.avoided("a")
    edges.failed("a", wholly=True)
    assert not edges.avoided("a"), "nobody asks again for nothing"
    clock.now += 31.0
    edges.failed("a", wholly=True)
    assert edges.avoided("a"), "there may be another by now"


def test_who_never_offered_another_host_is_asked_only_when_nothing_goes(edges: Edges, clock: Clock) -> None:
    for _ in range(9):
        edges.failed("only")
    edges.failed("only", wholly=True)
    assert not edges.avoided("only")
    clock.now += 3.0
    edges.served("only")
    edges.failed("only", wholly=True)
    assert not edges.avoided("only"), "it was there meanwhile"
    clock.now += 3.0
    edges.failed("only", wholly=True)
    assert edges.avoided("only")
    edges.offered("other", "new")
    clock.now += 1000.0
    edges.failed("only", wholly=True)
    assert edges.avoided("only"), "at once, for there is another"


def test_a_host_crawls_beside_a_better_one_only() -> None:
    assert crawling({"a": [10.0, 20.0, 30.0]}, 0.1) == set()
    assert crawling({"a": [10.0, 20.0, 30.0], "b": [1000.0]}, 0.1) == {"a"}
    assert crawling({"a": [10.0, 20.0, 30.0], "b": [100.0], "c": []}, 0.1) == set()
    assert crawling({}, 0.1) == set()


class Front:
    """A registry that sends whoever asks for a blob to its edges in turn."""

    def __init__(self, serve: Serve, edges: Sequence[str]) -> None:
        self.asked = 0
        """How often it was asked for the large blob."""
        self._edges = edges
        self._lock = threading.Lock()
        self.host = urlsplit(serve(self._answer).url).netloc

    @property
    def name(self) -> str:
        return f"{self.host}/{MODEL.path}:latest"

    def _answer(self, request: Request) -> Reply:
        if "/manifests/" in request.path:
            return Reply(200, MODEL.manifest, [("Content-Type", MANIFEST_TYPE)])
        if not request.path.endswith(DIGEST):
            return Reply(307, b"", [("Location", self._edges[-1] + request.path)])
        with self._lock:
            edge = self._edges[self.asked % len(self._edges)]
            self.asked += 1
        return Reply(307, b"", [("Location", edge + request.path)])


@pytest.mark.parametrize("first", ["good", "bad"])
def test_an_edge_that_crawls_is_left_for_another(
    registry: Registries, engine: Engines, serve: Serve, transport_kind: str, first: str
) -> None:
    """Whichever comes first: at 20 KB/s a connection the blob would take a minute."""
    bad = registry(MODEL, faults="noredirect,rate@20KB/s")
    good = registry(MODEL, faults="noredirect,rate@1MB/s")
    front = Front(serve, [good.url, bad.url] if first == "good" else [bad.url, good.url])
    it = engine(transport=transport_kind, part_size=250 * KB, stall_timeout=60.0, tuning=EAGER)
    pull = it.add(front.name)
    it.until_done(pull)
    it.assert_installed(MODEL, host=front.host)
    assert it.pull(pull).seconds < 15
    assert it.events(EventKind.STALLED, EventKind.RETRY) == []
    assert good.counters.bytes_sent(DIGEST) > 3000 * KB
    assert front.asked < 12


def test_an_edge_that_refuses_from_the_start_is_not_waited_for(
    registry: Registries, engine: Engines, serve: Serve, transport_kind: str
) -> None:
    good = registry(MODEL, faults="noredirect")
    front = Front(serve, [f"http://127.0.0.1:{closed_port()}", good.url])
    it = engine(transport=transport_kind, tuning={"takeover_after": 0.2})
    pull = it.add(front.name)
    it.until_done(pull)
    it.assert_installed(MODEL, host=front.host)
    assert it.pull(pull).seconds < 15


@pytest.mark.parametrize("status", [403, 404])
def test_another_edge_is_asked_for_before_it_is_said_that_none_takes_fresh_addresses(
    registry: Registries, engine: Engines, serve: Serve, transport_kind: str, status: int
) -> None:
    """Two in a row lead to the one that has not got it."""
    bad = registry(MODEL, faults=f"noredirect,{status}")
    good = registry(MODEL, faults="noredirect")
    front = Front(serve, [bad.url, bad.url, good.url])
    it = engine(transport=transport_kind)
    it.until_done(it.add(front.name))
    it.assert_installed(MODEL, host=front.host)
    assert front.asked < 12


def test_an_edge_that_goes_away_for_good_is_not_waited_for(
    registry: Registries, engine: Engines, serve: Serve, transport_kind: str
) -> None:
    """Most addresses lead there still: the registry is asked again."""
    leaving = registry(MODEL, faults="noredirect,link@2MB/s")
    staying = registry(MODEL, faults="noredirect")
    front = Front(serve, [leaving.url, leaving.url, staying.url])
    it = engine(transport=transport_kind, part_size=250 * KB, tuning={"takeover_after": 0.3})
    pull = it.add(front.name)
    it.until(lambda: it.pull(pull).done > 1000 * KB, "a quarter of it")
    leaving.go_offline()
    it.until_done(pull)
    it.assert_installed(MODEL, host=front.host)
    assert staying.counters.bytes_sent(DIGEST) > 1000 * KB
    assert it.blob(pull, DIGEST).source == staying.host


def test_an_edge_that_answers_no_more_is_left_for_another(
    registry: Registries, engine: Engines, serve: Serve
) -> None:
    """It takes connections, and never says a word: no request that goes there gets as far as an answer."""
    leaving = registry(MODEL, faults="noredirect,link@2MB/s")
    staying = registry(MODEL, faults="noredirect")
    front = Front(serve, [leaving.url, staying.url])
    it = engine(part_size=250 * KB, stall_timeout=60.0, tuning=EAGER)
    pull = it.add(front.name)
    it.until(lambda: it.pull(pull).done > 1000 * KB, "a quarter of it")
    leaving.faults = "noredirect,mute"
    it.until_done(pull)
    assert it.pull(pull).seconds < 15


def test_an_edge_that_keeps_breaking_off_is_left_for_another(
    registry: Registries, engine: Engines, serve: Serve, transport_kind: str
) -> None:
    bad = registry(MODEL, faults="noredirect,reset@30KB")
    good = registry(MODEL, faults="noredirect")
    front = Front(serve, [bad.url, good.url])
    it = engine(transport=transport_kind, part_size=250 * KB)
    it.until_done(it.add(front.name))
    it.assert_installed(MODEL, host=front.host)
    assert good.counters.bytes_sent(DIGEST) > 2000 * KB


def test_a_registry_with_one_bad_edge_only_is_not_asked_without_end(
    registry: Registries, engine: Engines, serve: Serve
) -> None:
    bad = registry(MODEL, faults="noredirect,reset@150KB-240KB")
    front = Front(serve, [bad.url])
    it = engine(part_size=250 * KB)
    it.until_done(it.add(front.name))
    it.assert_installed(MODEL, host=front.host)
    assert front.asked <= 8
