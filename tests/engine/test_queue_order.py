"""The order of the queue: moving, starting next, taking back; as pure functions and in the engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.demo import BytesBlob, GeneratedBlob, Layer, Registry, build_model
from pulltui.engine.order import moved, put_back, put_before
from pulltui.engine.views import EventKind, PullState
from support.engine import KB, Engine
from support.registry import layer, make_model

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]

ABC = list("abcdef")


@pytest.mark.parametrize(
    ("chosen", "by", "order"),
    [
        ("b", 1, "acbdef"),
        ("b", -1, "bacdef"),
        ("b", 99, "acdefb"),
        ("e", -99, "eabcdf"),
        ("bc", 1, "adbcef"),
        ("bd", 1, "acebdf"),
        ("bd", -1, "bdacef"),
        ("af", -1, "afbcde"),
        ("b", 0, "abcdef"),
        ("z", 1, "abcdef"),
        ("abcdef", 3, "abcdef"),
    ],
)
def test_moving_a_block(chosen: str, by: int, order: str) -> None:
    assert "".join(moved(ABC, set(chosen), by)) == order


def test_before_the_first_of_those_that_wait() -> None:
    assert "".join(put_before(ABC, {"f"}, {"c", "d", "f"})) == "abfcde"
    assert "".join(put_before(ABC, {"a"}, {"c"})) == "bacdef"
    assert "".join(put_before(ABC, {"a"}, set())) == "abcdef"


@given(st.permutations(ABC), st.sets(st.sampled_from(ABC)), st.integers(-9, 9))
def test_moving_and_putting_back_is_the_old_order(order: list[str], chosen: set[str], by: int) -> None:
    after = moved(order, chosen, by)
    assert sorted(after) == ABC
    assert [each for each in after if each not in chosen] == [each for each in order if each not in chosen]
    assert put_back(after, chosen, order) == order


@given(st.permutations(ABC), st.sets(st.sampled_from(ABC)), st.sets(st.sampled_from(ABC)))
def test_what_was_removed_comes_back_behind_its_old_neighbour(
    order: list[str], gone: set[str], later: set[str]
) -> None:
    left = [each for each in order if each not in gone | later]
    back = put_back([*left, *(each for each in order if each in gone)], gone, order)
    assert back == [each for each in order if each in gone or each not in later]


def slow_models(count: int) -> list[str]:
    return [f"m{number}" for number in range(count)]


def test_moving_and_starting_next_decide_what_runs(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    models = [make_model(name, 300 * KB, seed=60 + n) for n, name in enumerate(slow_models(5))]
    server = registry(*models, faults="link@50KB/s")
    it = engine(transport=transport_kind, active_pulls=1)
    pulls = [it.add(name) for name in server.names()]
    it.until_state(pulls[0], PullState.DOWNLOADING)
    it.move(pulls[1], by=99)
    assert it.names() == ["m0", "m2", "m3", "m4", "m1"]
    it.start_next(pulls[3], pulls[4])
    assert it.names() == ["m0", "m3", "m4", "m2", "m1"]
    assert it.look().undo == "moving 2 pulls"
    server.faults = ""
    server.reset_connections()  # answers under way would go on slowly
    it.until_done(*pulls)
    ended = [event.pull for event in it.events(EventKind.DONE)]
    assert ended == [pulls[0], pulls[3], pulls[4], pulls[2], pulls[1]]


def test_undo_goes_back_step_by_step(registry: Registries, engine: Engines) -> None:
    server = registry(*(make_model(name, 10 * KB, seed=60) for name in slow_models(4)))
    server.go_offline()
    it = engine(active_pulls=1)
    pulls = [it.add(name) for name in server.names()]
    it.pause(*pulls)
    it.move(pulls[3], by=-2)
    assert it.names() == ["m0", "m3", "m1", "m2"]
    it.remove(pulls[1], pulls[3])
    assert it.names() == ["m0", "m2"]
    it.move(pulls[2], by=-1)
    assert it.undo().startswith("moving ")
    assert it.undo() == "removing 2 pulls"
    assert it.names() == ["m0", "m3", "m1", "m2"]
    assert {pull.state for pull in it.look().pulls} == {PullState.PAUSED}
    assert it.undo().endswith("m3:latest")
    assert it.names() == ["m0", "m1", "m2", "m3"]
    assert it.undo() == ""
    assert it.look().undo == ""


def test_what_was_removed_goes_on_where_it_was(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    model = make_model("tiny", 1500 * KB, seed=61)
    server = registry(model, faults="link@2MB/s")
    it = engine(transport=transport_kind)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "progress")
    it.remove(pull)
    have, mark = it.on_disk(layer(model).digest), server.counters.mark()
    server.faults = ""
    assert it.undo() == f"removing {server.host}/library/tiny:latest"
    it.until_done(pull)
    it.assert_installed(model, host=server.host)
    assert server.counters.asked_again(layer(model).digest, have, mark) == []


def test_what_was_deleted_is_fetched_anew_after_undo(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    model = make_model("tiny", 900 * KB, seed=62)
    server = registry(model, faults="link@2MB/s")
    it = engine(transport=transport_kind, may_fall=True)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 300 * KB, "progress")
    it.remove(pull, delete=True)
    assert {path.name for path in it.work.iterdir()} <= {"lock", "sums"}
    server.faults = ""
    assert "what was deleted is fetched again" in it.undo()
    it.until_done(pull)
    it.assert_installed(model, host=server.host)


def test_a_name_that_was_added_again_meanwhile_is_not_there_twice(
    registry: Registries, engine: Engines
) -> None:
    server = registry(make_model("tiny", 100 * KB, seed=63))
    it = engine()
    pull = it.add(server.names()[0])
    it.remove(pull)
    again = it.add(server.names()[0])
    it.undo()
    it.until_done(again)
    assert [each.id for each in it.look().pulls] == [again]


def test_a_done_pull_comes_back_as_done(registry: Registries, engine: Engines) -> None:
    server = registry(make_model("tiny", 100 * KB, seed=63))
    it = engine()
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.remove(pull, delete=True)
    assert "deleted" not in it.undo()
    assert it.pull(pull).state is PullState.DONE
    assert it.pull(pull).done == it.pull(pull).size


def test_a_blob_that_came_counts_for_those_that_wait_for_their_turn(
    registry: Registries, engine: Engines, transport_kind: str
) -> None:
    shared = Layer("model", GeneratedBlob(900 * KB, seed=64))
    one = build_model("library/one", [shared, Layer("system", BytesBlob(b"one"))])
    two = build_model("library/two", [shared, Layer("system", BytesBlob(b"two"))])
    server = registry(one, two, faults="link@1MB/s")
    it = engine(transport=transport_kind, active_pulls=2)
    first, second = (it.add(name) for name in server.names())
    it.until(lambda: it.pull(second).blobs, "resolved")
    it.pause(second)
    server.faults = ""
    it.until_done(first)
    it.until(lambda: it.blob(second, shared.blob.digest).done == 900 * KB, "credit")
    assert it.pull(second).state is PullState.PAUSED
    assert server.counters.sent_twice(shared.blob.digest) <= 4 * 256 * KB
