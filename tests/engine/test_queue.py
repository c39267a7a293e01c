"""Several pulls: order, shared blobs, pausing, resuming, removing; no byte twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pulltui.demo import BytesBlob, GeneratedBlob, Layer, Registry, build_model
from pulltui.demo.intervals import total
from pulltui.engine.errors import BadNameError, InsecureError, PullError
from pulltui.engine.store import Store
from pulltui.engine.views import BlobState, EventKind, PullState
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=70)
DIGEST = layer(MODEL).digest
SHARED = Layer("model", GeneratedBlob(1500 * KB, seed=71))
ONE = build_model("library/one", [SHARED, Layer("system", BytesBlob(b"one"))])
TWO = build_model("library/two", [SHARED, Layer("system", BytesBlob(b"two"))])

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def until_more(it: Engine, pull: str, size: int) -> None:
    it.until(lambda: it.pull(pull).done > size, f"{size} bytes")


def test_pausing_in_the_middle_of_parts_and_resuming_fetches_no_byte_twice(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="link@3MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    for goal in (300, 600, 900):
        until_more(it, pull, goal * KB)
        it.pause(pull)
        shown = it.pull(pull)
        assert shown.state is PullState.PAUSED
        assert shown.connections == 0
        assert it.blob(pull, DIGEST).state is BlobState.PAUSED
        have = it.on_disk(DIGEST)
        assert total(have) == it.blob(pull, DIGEST).done, "all that is shown is durable"
        mark = server.counters.mark()
        it.resume(pull)
        until_more(it, pull, shown.done)
        assert server.counters.ranges(DIGEST, mark)
        assert server.counters.asked_again(DIGEST, have, mark) == []
    server.faults = ""
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
    kinds = [event.kind for event in it.events(EventKind.PAUSED, EventKind.RESUMED)]
    assert kinds == [EventKind.PAUSED, EventKind.RESUMED] * 3
    assert it.events(EventKind.DONE)[0].fetched_again == 0


def test_pausing_and_resuming_at_once_goes_on(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="link@3MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 100 * KB, "progress")
    for _ in range(3):
        pausing = it.service.pause([pull])
        resuming = it.service.resume([pull])
        pausing.result(30)
        resuming.result(30)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


def test_a_blob_of_two_pulls_is_fetched_once_though_one_is_paused(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(ONE, TWO, faults="link@3MB/s")
    it = engine(transport=transport_kind)
    one, two = (it.add(name) for name in server.names())
    digest = SHARED.blob.digest
    it.until(lambda: it.pull(one).done > 300 * KB and it.pull(two).done > 300 * KB, "both move")
    view = it.look()
    assert view.connections <= 8
    distinct = {blob.digest: blob.size for model in (ONE, TWO) for blob in model.blobs.values()}
    assert view.size == sum(distinct.values()), "the shared blob counts once"
    it.pause(one)
    assert it.pull(one).state is PullState.PAUSED
    before = it.pull(two).done
    it.until(lambda: it.pull(two).done > before, "the other goes on")
    it.until_done(two)
    it.resume(one)
    it.until_done(one)
    it.assert_installed(ONE, TWO, host=server.host)
    assert server.counters.sent_twice(digest) <= 4 * 256 * KB, "what was on the way when one paused"


def test_two_pulls_of_one_blob_end_together(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(ONE, TWO)
    it = engine(transport=transport_kind)
    pulls = [it.add(name) for name in server.names()]
    it.until_done(*pulls)
    it.assert_installed(ONE, TWO, host=server.host)
    assert server.counters.sent_twice(SHARED.blob.digest) == 0


def test_two_tags_of_one_model_share_everything(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    other = build_model("library/one", [SHARED, Layer("system", BytesBlob(b"one"))], "other")
    server = registry(ONE, other)
    it = engine(transport=transport_kind, active_pulls=1)
    first, second = (it.add(name) for name in server.names())
    it.until_done(first, second)
    it.assert_installed(ONE, other, host=server.host)
    assert it.pull(second).cached == it.pull(second).size
    assert {blob.state for blob in it.pull(second).blobs} == {BlobState.CACHED}
    assert server.counters.sent_twice(SHARED.blob.digest) == 0


def test_no_more_pulls_than_allowed_run_in_the_order_they_were_added(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    models = [make_model(f"m{number}", 300 * KB, seed=80 + number) for number in range(4)]
    server = registry(*models, faults="link@3MB/s")
    it = engine(transport=transport_kind, active_pulls=1)
    pulls = [it.add(name) for name in server.names()]
    assert [pull.id for pull in it.look().pulls] == pulls

    def at_most_one() -> bool:
        states = [pull.state for pull in it.look().pulls]
        assert sum(state not in (PullState.QUEUED, PullState.DONE) for state in states) <= 1
        return all(state is PullState.DONE for state in states)

    it.until(at_most_one, "all done")
    assert [event.pull for event in it.events(EventKind.DONE)] == pulls
    it.assert_installed(*models, host=server.host)


def test_a_paused_pull_makes_room_and_a_queued_one_can_be_paused(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    models = [make_model(f"m{number}", 900 * KB, seed=80 + number) for number in range(3)]
    server = registry(*models, faults="link@2MB/s")
    it = engine(transport=transport_kind, active_pulls=1)
    first, second, third = (it.add(name) for name in server.names())
    it.until(lambda: it.pull(first).done > 0, "the first runs")
    it.pause(second)
    it.pause(first)
    server.faults = ""
    it.until_done(third)
    assert it.pull(second).state is PullState.PAUSED
    it.resume(first, second)
    it.until_done(first, second)


def test_adding_what_is_there_is_the_same_pull(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL)
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    assert it.add(f"{server.host}/library/tiny") == pull
    it.until_done(pull)
    assert it.add(f"{server.host}/library/TINY") == pull
    it.until_done(pull)
    assert len(it.look().pulls) == 1


def test_names_that_no_registry_could_know_are_refused_at_the_door(engine: Engines) -> None:
    it = engine()
    with pytest.raises(BadNameError):
        it.service.add("../../etc/passwd").result(30)
    with pytest.raises(BadNameError):
        it.service.check_name("a/b/c/d")
    with pytest.raises(InsecureError):
        it.service.add("http://registry.test/library/x").result(30)
    assert it.service.check_name("registry.ollama.ai/library/gemma3:latest") == "gemma3:latest"
    assert it.look().pulls == ()


@pytest.mark.parametrize("delete", [True, False])
def test_removing_deletes_only_what_no_other_pull_needs(
    registry: Registries, engine: Engines, transport_kind: str, delete: bool
) -> None:
    own = Layer("projector", GeneratedBlob(900 * KB, seed=72))
    big = build_model("library/big", [SHARED, own])
    server = registry(big, TWO, faults="link@2MB/s")
    it = engine(transport=transport_kind, connections=2)
    gone, kept = (it.add(name) for name in server.names())
    it.until(lambda: it.pull(gone).blobs and it.pull(kept).blobs, "resolved")
    it.until(lambda: it.blob(gone, own.blob.digest).done > 0, "own bytes")
    it.pause(kept, gone)
    assert it.on_disk(own.blob.digest)
    it.resume(kept)
    it.remove(gone, delete=delete)
    assert [pull.id for pull in it.look().pulls] == [kept]
    left = {path.name for path in it.work.glob(f"{own.blob.digest.replace(':', '-')}*")}
    assert bool(left) == (not delete)
    server.faults = ""
    it.until_done(kept)
    it.assert_installed(TWO, host=server.host)
    assert [event.kind for event in it.events(EventKind.REMOVED)] == [EventKind.REMOVED]
    if not delete:
        have = it.on_disk(own.blob.digest)
        mark = server.counters.mark()
        it.until_done(it.add(server.names()[0]))
        assert server.counters.asked_again(own.blob.digest, have, mark) == []


def test_removing_a_pull_that_runs_stops_it(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="link@1MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 100 * KB, "progress")
    it.remove(pull, delete=True)
    assert it.look().pulls == ()
    assert it.look().connections == 0
    assert {path.name for path in it.work.iterdir()} <= {"lock", "sums"}


def test_pulls_that_wait_for_their_hosts_do_not_keep_a_healthy_one_waiting(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    models = [make_model(f"m{number}", 1500 * KB, seed=90 + number) for number in range(5)]
    healthy = make_model("healthy", 300 * KB, seed=93)
    dead, well = registry(*models, faults="link@3MB/s"), registry(healthy)
    it = engine(transport=transport_kind, active_pulls=2)
    one, two, *more, last = (it.add(name) for name in dead.names())
    it.until(lambda: it.pull(one).done and it.pull(two).done, "both move")
    dead.go_offline()
    it.until_done(it.add(well.names()[0]))
    # While a look at the host is on its way, a pull is shown as downloading.
    waiting = {PullState.WAITING}
    it.until(lambda: {it.pull(pull).state for pull in (one, two)} == waiting, "both wait")
    assert it.pull(last).state is PullState.QUEUED, "it would wait as well, as two more found out"
    dead.go_online()
    dead.faults = ""
    it.until_done(one, two, *more, last)
    it.assert_installed(*models, host=dead.host)


def test_pulls_without_space_do_not_keep_others_waiting(
    registry: Registries, engine: Engines, transport_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    big, small = make_model("big", 1500 * KB, seed=94), make_model("small", 100 * KB, seed=95)
    server = registry(big, small)
    monkeypatch.setattr(Store, "free", lambda self: 500 * KB)
    it = engine(transport=transport_kind, active_pulls=1)
    large, little = (it.add(name) for name in server.names())
    it.until_state(large, PullState.WAITING)
    it.until_done(little)
    assert it.pull(large).state is PullState.WAITING


def test_the_same_name_over_another_scheme_is_not_silently_the_old_pull(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    server = registry(MODEL, faults="link@1MB/s")
    it = engine(transport=transport_kind)
    name = server.names()[0]
    pull = it.add(name)
    it.until(lambda: it.pull(pull).done > 100 * KB, "some of it")
    with pytest.raises(PullError, match="is being pulled as http://"):
        it.service.add(f"https://{name}").result(30)
    it.pause(pull)
    assert it.add(f"https://{name}") == pull
    assert not it.pull(pull).insecure
    assert "manifest" in it.until_failed(pull).error, "it is asked over https, and speaks none"
    server.faults = ""
    assert it.add(name) == pull
    it.until_done(pull)
