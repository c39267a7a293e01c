"""A server without ranges that breaks off: what comes again is no progress."""

from __future__ import annotations

from collections.abc import Callable

from pulltui.demo import Registry
from pulltui.engine.views import EventKind, PartState, PullState
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=57)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def break_off(server: Registry, after: int) -> None:
    """Reset the answer that is on its way, if so many bytes of it were sent."""
    streams = server.counters.ranges(DIGEST)
    if streams and streams[-1].sent >= after:
        server.reset_connections()


def test_a_stream_that_always_breaks_before_the_end_rests_when_its_retries_are_used_up(
    registry: Registries, engine: Engines
) -> None:
    server = registry(MODEL, faults="norange,link@1MB/s")
    it = engine(max_retries=2)
    pull = it.add(server.names()[0])

    def rests() -> bool:
        break_off(server, 200 * KB)
        return it.pull(pull).state is PullState.WAITING

    it.until(rests, "the end of its retries")
    waiting = it.pull(pull).waiting
    assert waiting is not None
    assert "used up their retries" in waiting.why
    assert [event.attempt for event in it.events(EventKind.RETRY)][-3:] == [1, 2, 3]
    assert 0 < it.pull(pull).done < 1500 * KB
    server.faults = "norange"
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_what_is_missing_waits_for_the_next_try_not_what_was_sent_again(
    registry: Registries, engine: Engines
) -> None:
    server = registry(MODEL, faults="norange,link@1MB/s")
    it = engine(backoff_cap=100.0, part_size=100 * KB, tuning={"backoff_base": 50.0, "gain": 30 * KB})
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done >= 350 * KB, "some of it")
    server.reset_connections()
    it.until(lambda: len(server.counters.ranges(DIGEST)) > 1, "the next stream")

    def waiting() -> bool:
        break_off(server, 50 * KB)
        return any(part.state is PartState.WAITING for part in it.blob(pull, DIGEST).active)

    it.until(waiting, "a countdown")
    blob = it.blob(pull, DIGEST)
    (part,) = (part for part in blob.active if part.state is PartState.WAITING)
    assert part.n >= 3
    assert part.done < part.size


def test_a_stream_that_crawls_is_not_begun_anew(registry: Registries, engine: Engines) -> None:
    """Another address would send all of it again."""
    server = registry(MODEL, faults="norange,rate@60KB/s")
    it = engine(connections="auto", stall_timeout=300.0, tuning={"takeover_after": 0.1, "look": 0.02})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 100 * KB, "some of it")
    server.faults = "norange"
    it.until_done(pull)
    assert server.counters.bytes_sent(DIGEST) == 1500 * KB
