"""Connections that take over from each other, and find their number: on real sockets, both transports."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
import pytest
from pulltui.demo import Registry
from pulltui.demo.intervals import total
from pulltui.engine.crew import Crew
from pulltui.engine.views import Event, EventKind, PullState
from support.engine import Engine
from support.registry import layer, make_model

MB = 1_000_000
MODEL = make_model("wide", 8 * MB, seed=77)
DIGEST = layer(MODEL).digest
EAGER = {"takeover_after": 0.4, "idle_after": 0.1}

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def notes(it: Engine) -> list[Event]:
    return [event for event in it.events() if event.kind is EventKind.NOTE]


@pytest.mark.parametrize("fault", ["stall=1/4@300KB*2", "mute=1/4*2"])
def test_a_quiet_part_is_taken_over_while_the_others_go_on(
    registry: Registries, engine: Engines, fault: str
) -> None:
    """The stall time is far away; nothing of the part's retries is used up."""
    server = registry(MODEL, faults=f"{fault},link@4MB/s")
    it = engine(connections=4, part_size=1 * MB, stall_timeout=300.0, tuning=EAGER)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    assert any("quiet for" in note.why for note in notes(it))
    blob = it.blob(pull, DIGEST)
    assert (blob.stalls, blob.retries) == (0, 0)
    assert server.counters.sent_twice(DIGEST) <= 0.02 * 8 * MB


def test_silence_everywhere_is_broken_by_asking_anew(registry: Registries, engine: Engines) -> None:
    """The first requests get no answer; one that is answered shows that it is not the network."""
    server = registry(MODEL, faults="blob:mute=1/1*5")
    it = engine(connections=4, part_size=1 * MB, stall_timeout=300.0, tuning=EAGER)
    pull = it.add(server.names()[0])
    it.until_done(pull)
    assert any(re.match(r"nothing came for \d+\.\d s: asking anew", note.why) for note in notes(it))
    blob = it.blob(pull, DIGEST)
    assert (blob.stalls, blob.retries) == (0, 0)


def test_who_waits_for_the_first_answer_asks_too(registry: Registries, engine: Engines) -> None:
    """The first request for a blob tells where its bytes are; this one never does."""
    server = registry(MODEL, faults="blob:mute*1")
    it = engine(connections=4, part_size=1 * MB, stall_timeout=300.0, tuning={"follow_after": 0.05})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).blobs and it.blob(pull, DIGEST).done >= 4 * MB, "half of it")
    assert notes(it) == []
    it.service.remove([pull], delete=True).result(30)


def test_they_do_not_all_ask_at_once(registry: Registries, engine: Engines) -> None:
    """After 0.15 s a second one, then one after the other until the first answer is here, at 0.3 s."""
    server = registry(MODEL, faults="resolve:ttfb@300ms,link@8MB/s")
    it = engine(connections=32, part_size=100_000, tuning={"follow_after": 0.15})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).blobs and it.blob(pull, DIGEST).done > 100_000, "some of it")
    asked = [record for record in server.counters.records("resolve") if record.digest == DIGEST]
    assert 2 <= len(asked) <= 8


def test_pulls_that_share_a_blob_leave_each_others_connections_alone(
    registry: Registries, engine: Engines
) -> None:
    """One may use four of them, the other, capped, one: each looks after its own."""
    server = registry(MODEL, copy := make_model("copy", 8 * MB, seed=77), faults="rate@300KB/s")
    assert layer(copy).digest == DIGEST
    it = engine(connections=4, part_size=1 * MB)
    fast, capped = (it.add(name) for name in server.names())
    it.service.set_limit(100_000, [capped]).result(30)
    it.until(lambda: it.pull(fast).blobs and it.blob(fast, DIGEST).done > 2 * MB, "some of it")
    assert len([r for r in server.counters.records("blob") if r.digest == DIGEST]) < 40
    assert it.pull(capped).state is PullState.DOWNLOADING
    it.service.remove([fast, capped], delete=True).result(30)


def test_a_manifest_that_does_not_come_is_asked_for_anew(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="manifest:mute*2")
    it = engine(stall_timeout=300.0, tuning={"manifest_after": 0.1})
    it.until_done(it.add(server.names()[0]))
    said = [event.why for event in it.events() if "asking anew" in event.why]
    assert said == ["no answer for 0.1 s: asking anew", "no answer for 0.2 s: asking anew"]


def test_others_do_the_work_of_those_that_crawl(registry: Registries, engine: Engines) -> None:
    """Where every second request crawls, four connections are soon four that crawl: there come more."""
    server = registry(MODEL, faults="slow=1/2@20KB/s,link@8MB/s")
    it = engine(connections="auto", part_size=1 * MB, stall_timeout=300.0, tuning=EAGER)
    pull = it.add(server.names()[0])
    it.until(lambda: " more for slow or silent ones" in it.pull(pull).connections_why, "others")
    it.until_done(pull)
    assert server.counters.sent_twice(DIGEST) <= 0.05 * 8 * MB


def test_a_slow_part_is_taken_over(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="slow=1/5@10KB/s*1,link@4MB/s")
    it = engine(connections=4, part_size=1 * MB, stall_timeout=300.0, tuning=EAGER)
    it.until_done(it.add(server.names()[0]))
    assert any("far slower than the others" in note.why for note in notes(it))


def test_slow_parts_stay_where_they_are_if_people_say_so(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="slow=1/5@1MB/s*1,link@40MB/s")
    it = engine(connections=4, part_size=1 * MB, stall_timeout=300.0, slow_factor=0.0, tuning=EAGER)
    it.until_done(it.add(server.names()[0]))
    assert not any("slower" in note.why for note in notes(it))


def test_the_end_is_shared_among_those_that_have_nothing_to_do(registry: Registries, engine: Engines) -> None:
    """One part, eight connections of 1 MB/s: alone it would take eight seconds."""
    server = registry(MODEL, faults="rate@1MB/s")
    it = engine(connections=8, part_size=100 * MB)
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])
    it.until_done(pull)
    blob = it.blob(pull, DIGEST)
    assert blob.parts > 3, "it was split"
    assert blob.parts == blob.parts_done
    assert server.counters.sent_twice(DIGEST) <= 0.1 * 8 * MB
    assert it.pull(pull).seconds < 7


def test_what_was_split_is_kept_when_it_is_paused_in_the_middle(
    registry: Registries, engine: Engines
) -> None:
    server = registry(MODEL, faults="rate@1MB/s")
    it = engine(connections=8, part_size=100 * MB)
    it.service.watch([DIGEST])
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).blobs and it.blob(pull, DIGEST).parts > 4, "parts that were split")
    it.service.pause([pull]).result(30)
    mark = server.counters.mark()
    it.until(lambda: it.pull(pull).state is PullState.PAUSED, "the pause to show")
    have = it.on_disk(DIGEST)
    assert total(have) == it.blob(pull, DIGEST).done
    server.faults = ""
    it.service.resume([pull]).result(30)
    it.until_done(pull)
    assert server.counters.asked_again(DIGEST, have, mark) == []


def test_connections_find_their_number(registry: Registries, engine: Engines) -> None:
    """2 MB/s a connection under a link of 60: eight are too few."""
    server = registry(make_model("big", 80 * MB, seed=78), faults="rate@2MB/s,link@60MB/s")
    it = engine(connections="auto", part_size=1 * MB, tuning={"ramp_step": 0.3})
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).connections > 20, "more than twenty connections")
    assert " MB/s each)" in it.pull(pull).connections_why
    it.service.remove([pull], delete=True).result(30)


def test_a_number_that_people_gave_is_kept(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="rate@1MB/s")
    it = engine(connections=3, part_size=1 * MB)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).connections == 3, "three connections")
    assert it.pull(pull).connections_why == "3 (transfer.connections)"
    it.until_done(pull)
    assert server.counters.connections <= 6


def test_a_lower_number_counts_at_once(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL, faults="rate@200KB/s")
    it = engine(connections=8, part_size=1 * MB)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).connections == 8, "eight connections")
    fewer = msgspec.structs.replace(it.settings.transfer, connections=2)
    it.service.change_settings(msgspec.structs.replace(it.settings, transfer=fewer)).result(30)
    it.until(lambda: it.pull(pull).connections == 2, "two connections", patience=3)
    assert it.pull(pull).connections_why == "2 (transfer.connections)"
    assert not notes(it), "nothing to write home about"
    server.faults = ""
    it.until_done(pull)


def test_those_that_rest_cost_nothing_while_parts_wait_for_the_others(
    registry: Registries, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One connection for many parts that broke and may be tried again: seven look on, and do not spin."""
    server = registry(MODEL, faults="rate@2MB/s,reset@100KB-300KB")
    it = engine(connections=8, part_size=1 * MB)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).connections == 8, "eight connections")
    fewer = msgspec.structs.replace(it.settings.transfer, connections=1)
    it.service.change_settings(msgspec.structs.replace(it.settings, transfer=fewer)).result(30)
    looks = 0
    surplus = Crew.surplus

    def counted(crew: Crew, number: int) -> bool:
        nonlocal looks
        looks += 1
        return surplus(crew, number)

    monkeypatch.setattr(Crew, "surplus", counted)
    it.until_done(pull)
    assert looks < 10_000, "some thousands are one a change; those that spin take hundreds of thousands"
