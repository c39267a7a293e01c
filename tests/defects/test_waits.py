"""Defects of the downloader this one descends from ("the ancestor"): what it waited for, and how."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pulltui.demo import BytesBlob, Layer, Registry, build_model
from pulltui.demo.counters import Record
from pulltui.demo.wire import GoneError
from pulltui.engine.views import EventKind, PartState, PullState
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1000 * KB, seed=210)
DIGEST = layer(MODEL).digest

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]

NEVER = 300.0
"""Seconds that no test waits: whatever takes so long was not waited for."""


def test_defect_08_silence_before_the_first_byte(registry: Registries, engine: Engines) -> None:
    """The ancestor's watchdog sleeps until a first byte came, so a server that never answers is waited for
    for ever; after a stall the old clock may fire at once. Here the clock starts with each attempt.
    """
    server = registry(MODEL, faults="mute*2")
    it = engine(connections=1, stall_timeout=0.5)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    first, second = it.events(EventKind.STALLED)
    assert first.why.startswith("stalled: ")
    assert second.at - first.at >= 0.5, "the second attempt had its full time"


def test_defect_09_stalls_without_end_at_one_address(registry: Registries, engine: Engines) -> None:
    """The ancestor does not count stalls: it asks the same dead URL again and again, at once. Here a stall
    uses the part's retries, waits, brings a fresh URL every second time, and at the end the pull rests and
    says so.
    """
    server = registry(MODEL, faults="stall")
    it = engine(
        connections=1, part_size=1000 * KB, stall_timeout=0.4, max_retries=3, tuning={"park_first": NEVER}
    )
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])
    it.until(
        lambda: (waiting := it.pull(pull).waiting) and "used up their retries: stalled" in waiting.why,
        "it rests, and says so",
    )
    stalls = [(event.digest, event.part) for event in it.events(EventKind.STALLED) if event.digest]
    assert len(stalls) == 4 * len(set(stalls)), "each part was tried four times"
    one = sorted(server.counters.records("blob"), key=lambda record: record.digest)[0].digest
    resolved = [each for each in server.counters.records("resolve") if each.digest == one]
    assert len(resolved) == 2, "the third and fourth time by a fresh address"
    server.faults = ""
    it.retry(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_defect_10_a_trickle_is_good_enough(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the ancestor one byte in 29 seconds is progress: the last part creeps for days. Here next to
    nothing over the stall time counts as a stall, and the rest of the part comes by a new connection.
    """
    monkeypatch.setattr("pulltui.demo.connection.TRICKLE_EVERY", 0.1)
    server = registry(MODEL, faults="trickle=1/3@30KB*1")
    it = engine(stall_timeout=1.2)
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(MODEL, host=server.host)
    assert [event.why for event in it.events(EventKind.STALLED)] == ["stalled: next to nothing for 1.2 s"]


def test_defect_11_every_part_waits_for_a_tick(registry: Registries, engine: Engines) -> None:
    """The ancestor ends a part at the next tick of its watchdog: a second for a single byte, 16 MB/s at most
    for each connection. Here the watchdog may sleep for five minutes, and nothing waits for it.
    """
    model = build_model("library/small", [Layer("system", BytesBlob(b"x")), *_layers()])
    server = registry(model)
    it = engine(part_size=10 * KB, tuning={"tick": NEVER})
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(model, host=server.host)


def _layers() -> list[Layer]:
    return [Layer("model", layer(MODEL))]


@pytest.mark.parametrize(
    ("faults", "way_out"),
    [
        ("502", "pause"),
        ("502", "remove"),
        ("502", "retry"),
        ("503,retry-after@300s", "stop"),
        ("503,retry-after@300s", "retry"),
    ],
)
def test_defect_12_a_wait_that_nobody_can_end(
    registry: Registries, engine: Engines, faults: str, way_out: str
) -> None:
    """The ancestor sleeps 1, 2, 4 ... 32 seconds after failures, deaf to a cancellation, even after the last
    try. Here every wait ends when somebody pauses, stops, removes, or says "now".
    """
    server = registry(MODEL, faults=faults)
    it = engine(max_retries=0, tuning={"park_first": NEVER, "park_last": NEVER})
    pull = it.add(server.names()[0])
    it.until(lambda: (w := it.pull(pull).waiting) and (w.seconds or 0) > 60, "a long countdown")
    if way_out == "pause":
        it.pause(pull)
        assert it.pull(pull).state is PullState.PAUSED
    elif way_out == "stop":
        assert it.stop()
    elif way_out == "remove":
        it.remove(pull)
        assert it.look().pulls == ()
    else:
        server.faults = ""
        it.retry(pull)
        it.until_done(pull)


def test_defect_14_one_part_takes_all_others_down(registry: Registries, engine: Engines) -> None:
    """In the ancestor one part that used up its retries cancels all the others, and their bytes are lost.
    Here it is parked; the others come to their ends, and later it alone is asked for.
    """
    bad = (300 * KB, 400 * KB)
    server = registry(MODEL)
    broken = [True]

    def hang_up(record: Record) -> None:
        if broken[0] and (record.digest, record.start) == (DIGEST, bad[0]):
            raise GoneError

    server.on_range(hang_up)
    it = engine(max_retries=2, tuning={"park_first": NEVER, "run_seconds": 0.0})
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])
    it.until_state(pull, PullState.WAITING)
    blob = it.blob(pull, DIGEST)
    assert blob.done == 900 * KB
    assert [(part.offset, part.state) for part in blob.active] == [(bad[0], PartState.FAILED)]
    broken[0] = False
    mark = server.counters.mark()
    it.retry(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    assert [(each.start, each.stop) for each in server.counters.ranges(DIGEST, mark)] == [bad]
