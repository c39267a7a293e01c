"""The queue outlives the engine: restarts, what shows offline, moved tags, history, a disk that refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pulltui.demo import BytesBlob, GeneratedBlob, Layer, Registry, build_model
from pulltui.engine.errors import StorageError, UnsavedError
from pulltui.engine.history import History
from pulltui.engine.queuefile import QueueFile, encode
from pulltui.engine.views import BlobState, EventKind, PullState
from support.engine import KB, PATIENCE, Engine
from support.registry import layer, make_model

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]

MODELS = [make_model(f"m{number}", 600 * KB, seed=30 + number) for number in range(4)]
SHARED = Layer("model", GeneratedBlob(900 * KB, seed=71))
ONE = build_model("library/one", [SHARED, Layer("system", BytesBlob(b"one"))])
TWO = build_model("library/two", [SHARED, Layer("system", BytesBlob(b"two"))])
SLOW = "link@20KB/s"
"""Nothing ends while commands are given, and each of those waits for the disk."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def kept(state: Path) -> list[str]:
    """The models in the file, in order."""
    return [entry.model.model for entry in QueueFile(state).read().entries]


def go_on(server: Registry, faults: str) -> None:
    """From now on these; answers that are under way would go on as slowly as they began."""
    server.faults = faults
    server.reset_connections()


def test_a_restart_goes_on_in_order_with_everything_as_it_was(
    registry: Registries, engine: Engines, state: Path, transport_kind: str
) -> None:
    server = registry(*MODELS, faults=SLOW)
    it = engine(transport=transport_kind, active_pulls=2, stall_timeout=30.0, state_dir=state)
    names = [*server.names(), server.name("library/nowhere")]
    pulls = [it.add(name) for name in names]
    it.start_next(pulls[3])
    it.move(pulls[4], by=-99)
    it.pause(pulls[1])
    it.service.set_limit(3e6, [pulls[2]]).result(PATIENCE)
    it.until_failed(pulls[4])
    go_on(server, "link@300KB/s")
    it.until(lambda: it.pull(pulls[0]).done > 100 * KB, "progress")
    order = it.names()
    shown = {pull.name: pull for pull in it.look().pulls}
    assert it.stop()
    mark, have = server.counters.mark(), it.on_disk(layer(MODELS[0]).digest)

    server.faults = SLOW
    it = engine(directory=it.directory, transport=transport_kind, active_pulls=1, state_dir=state)
    assert it.names() == order == kept(state)
    again = {name.rpartition("/")[2].partition(":")[0]: pull for name, pull in shown.items()}
    by_name = dict(zip(it.names(), it.look().pulls, strict=True))
    assert by_name["m1"].state is PullState.PAUSED
    failed = by_name["nowhere"]
    assert failed.state is PullState.FAILED
    assert (failed.error, failed.hint, failed.kind) == (
        again["nowhere"].error,
        again["nowhere"].hint,
        again["nowhere"].kind,
    )
    assert by_name["m2"].limit == 3e6
    go_on(server, "")
    it.until_done(*(by_name[name].id for name in ("m0", "m2", "m3")))
    assert server.counters.asked_again(layer(MODELS[0]).digest, have, mark) == []
    ended = [event.pull for event in it.events(EventKind.DONE)]
    assert [pull.id for pull in it.look().pulls if pull.id in ended] == ended, "in the order of the queue"
    assert it.pull(by_name["m1"].id).state is PullState.PAUSED


def test_without_a_network_the_totals_show_all_the_same(
    registry: Registries, engine: Engines, state: Path
) -> None:
    server = registry(ONE, TWO, faults=SLOW)
    it = engine(stall_timeout=30.0, state_dir=state)
    one, two = (it.add(name) for name in server.names())
    it.until(lambda: it.pull(one).blobs and it.pull(two).blobs, "resolved")
    go_on(server, "link@300KB/s")
    it.until(lambda: it.pull(one).done > 200 * KB, "progress")
    it.pause(one, two)
    before = {pull.name: (pull.size, pull.done) for pull in it.look().pulls}
    total = (it.look().size, it.look().done)
    it.stop()
    server.go_offline()

    it = engine(directory=it.directory, state_dir=state)
    it.until(lambda: all(pull.done for pull in it.look().pulls), "what is on disk")
    assert {pull.name: (pull.size, pull.done) for pull in it.look().pulls} == before
    assert (it.look().size, it.look().done) == total, "the shared blob counts once"
    states = {blob.digest: blob.state for pull in it.look().pulls for blob in pull.blobs}
    assert states[SHARED.blob.digest] is BlobState.PAUSED
    it.resume(it.look().pulls[0].id)
    it.until_state(it.look().pulls[0].id, PullState.WAITING)
    assert it.look().pulls[0].size == ONE.size
    assert it.look().pulls[0].done == before[it.look().pulls[0].name][1]
    server.faults = ""
    server.go_online()
    it.until_done(it.look().pulls[0].id)


def test_what_shall_not_go_on_by_itself_sleeps_and_is_no_less_unpaused(
    registry: Registries, engine: Engines, state: Path
) -> None:
    server = registry(*MODELS[:3], faults=SLOW)
    it = engine(stall_timeout=30.0, state_dir=state)
    pulls = [it.add(name) for name in server.names()]
    it.pause(pulls[1])
    it.stop()
    file = (state / "queue.toml").read_bytes()

    server.faults = ""
    it = engine(directory=it.directory, state_dir=state, resume=False)
    assert {pull.state for pull in it.look().pulls} == {PullState.PAUSED}
    third = it.add(server.names()[2])
    it.until_done(third)
    asleep, paused, _ = it.look().pulls
    assert {asleep.state, paused.state} == {PullState.PAUSED}
    it.stop()
    assert kept(state) == ["m0", "m1"]
    assert [entry.paused for entry in QueueFile(state).read().entries] == [False, True]
    assert file.startswith((state / "queue.toml").read_bytes()[:100])

    it = engine(directory=it.directory, state_dir=state, resume=False)
    first, second = it.look().pulls
    it.pause(first.id)
    assert [entry.paused for entry in QueueFile(state).read().entries] == [True, True]
    it.resume(first.id, second.id)
    it.until_done(first.id, second.id)
    it.until(lambda: kept(state) == [], "written")


def test_what_is_done_leaves_the_queue_for_the_history(
    registry: Registries, engine: Engines, state: Path
) -> None:
    server = registry(*MODELS[:2])
    it = engine(state_dir=state)
    pulls = [it.add(name) for name in server.names()]
    it.until_done(*pulls)
    assert {pull.state for pull in it.look().pulls} == {PullState.DONE}, "still shown"
    it.until(lambda: kept(state) == [], "written")
    assert it.stop()
    records = {record.name: record for record in History(state).read()}
    assert set(records) == {f"{server.host}/library/m{number}:latest" for number in (0, 1)}
    for record, model in zip(sorted(records.values(), key=lambda each: each.name), MODELS, strict=False):
        assert record.size == model.size
        assert record.digest.startswith("sha256:")
        assert record.seconds > 0
        assert record.rate > 0
        assert record.fetched_again == 0
        assert "T" in record.when
    assert list((state / "manifests").iterdir()) == []
    it = engine(directory=it.directory, state_dir=state)
    assert it.look().pulls == ()


def test_a_tag_that_moved_is_told_and_what_came_is_kept(
    registry: Registries, engine: Engines, state: Path
) -> None:
    server = registry(ONE, faults="link@1MB/s")
    it = engine(state_dir=state)
    pull = it.add(server.names()[0])
    it.until(lambda: it.pull(pull).done > 200 * KB, "progress")
    it.stop()
    other = build_model("library/one", [Layer("model", GeneratedBlob(300 * KB, seed=72))])
    server.faults = ""
    server.add(other)
    it = engine(directory=it.directory, state_dir=state, may_fall=True)
    it.until_done(it.look().pulls[0].id)
    [note] = [event.why for event in it.events(EventKind.NOTE) if "the tag moved" in event.why]
    assert "no longer needed" in note
    assert list(it.work.glob(f"{SHARED.blob.digest.replace(':', '-')}-partial"))
    it.assert_installed(other, host=server.host)


def test_removing_spares_what_only_a_kept_manifest_needs(
    registry: Registries, engine: Engines, state: Path
) -> None:
    own = Layer("projector", GeneratedBlob(400 * KB, seed=73))
    big = build_model("library/big", [SHARED, own])
    server = registry(big, TWO, faults=SLOW)
    it = engine(state_dir=state, connections=4, stall_timeout=30.0)
    gone, other = (it.add(name) for name in server.names())
    it.until(lambda: it.pull(gone).blobs and it.pull(other).blobs, "resolved")
    it.until(lambda: it.blob(gone, own.blob.digest).done > 0, "its own began")
    it.until(lambda: it.blob(gone, SHARED.blob.digest).done > 0, "the shared one began")
    it.stop()
    server.go_offline()

    it = engine(directory=it.directory, state_dir=state, resume=False)
    gone, other = (pull.id for pull in it.look().pulls)
    it.remove(gone, delete=True)
    left = {path.name for path in it.work.glob("sha256-*-partial")}
    assert f"{SHARED.blob.digest.replace(':', '-')}-partial" in left
    assert f"{own.blob.digest.replace(':', '-')}-partial" not in left
    it.remove(other, delete=True)
    assert not list(it.work.glob("sha256-*-partial"))
    assert kept(state) == []


def test_a_login_in_a_name_stays_out_of_the_state(registry: Registries, engine: Engines, state: Path) -> None:
    server = registry(MODELS[0])
    it = engine(state_dir=state)
    it.add(f"http://user:hunter2@{server.host}/library/nowhere")
    it.until(lambda: it.look().pulls[0].state is PullState.FAILED, "an end")
    assert it.stop()
    for path in state.rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes()


def test_a_queue_that_cannot_be_saved_is_told_and_tried_again(
    registry: Registries, engine: Engines, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = registry(*MODELS[:2])
    it = engine(state_dir=state)
    save = QueueFile.save
    full = True

    def refuse(self: QueueFile, *args: object) -> None:
        if full:
            raise OSError(28, "No space left on device")
        save(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(QueueFile, "save", refuse)
    with pytest.raises(UnsavedError, match="cannot be saved: No space left") as unsaved:
        it.add(server.name("library/nowhere"))
    assert unsaved.value.pull == "p1"
    it.until(lambda: it.names() == ["nowhere"], "it is in force all the same")
    it.until_failed(it.look().pulls[0].id)
    full = False
    it.until(lambda: any("saved again" in event.why for event in it.events(EventKind.NOTE)), "recovery")
    notes = [event.why for event in it.events(EventKind.NOTE)]
    assert len(notes) == 2, "it is not told again at each try"
    assert kept(state) == ["nowhere"]
    full = True
    with pytest.raises(UnsavedError):
        it.remove(it.look().pulls[0].id)
    assert not it.stop()


def test_a_home_that_is_none_stops_no_pull(registry: Registries, engine: Engines, tmp_path: Path) -> None:
    (tmp_path / "null").touch()
    server = registry(MODELS[0])
    it = engine(state_dir=tmp_path / "null" / "state")
    with pytest.raises(UnsavedError, match="cannot be saved"):
        it.add(server.names()[0])
    it.until(lambda: it.look().pulls, "it is queued all the same")
    it.until_done("p1")
    assert it.stop(), "nothing is left to be saved"


def test_a_damaged_queue_is_told_and_what_can_be_read_goes_on(
    registry: Registries, engine: Engines, state: Path
) -> None:
    server = registry(*MODELS[:2])
    it = engine(state_dir=state)
    server.go_offline()
    for name in server.names():
        it.add(name)
    it.stop()
    file = state / "queue.toml"
    file.write_bytes(file.read_bytes() + b"[[pulls]]\nname = ")
    server.go_online()
    it = engine(directory=it.directory, state_dir=state)
    assert it.names() == ["m0", "m1"]
    [note] = [event.why for event in it.events(EventKind.NOTE)]
    assert "queue.toml.damaged-1" in note
    assert "2 of its pulls" in note
    it.until_done(*(pull.id for pull in it.look().pulls))


def test_a_newer_queue_is_refused_and_left_alone(engine: Engines, state: Path) -> None:
    state.mkdir()
    newer = b"version = 99\n"
    (state / "queue.toml").write_bytes(newer)
    with pytest.raises(StorageError, match="newer pulltui"):
        engine(state_dir=state)
    assert (state / "queue.toml").read_bytes() == newer
    (state / "queue.toml").write_bytes(encode([]))
    engine(state_dir=state)


def test_nothing_is_written_while_nothing_changes(engine: Engines, state: Path) -> None:
    it = engine(state_dir=state)
    it.pause("p9")
    it.move("p9", by=1)
    assert it.undo() == ""
    it.stop()
    assert not state.exists() or not list(state.iterdir())


def test_the_history_keeps_a_thousand_and_drops_the_oldest(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.read() == []
    from pulltui.engine.history import CAP, Record

    records = [Record(f"m{n}", "sha256:0", n, 1.0, "2025-01-01T00:00:00+00:00", 1.0) for n in range(CAP + 5)]
    history.append(records[:3])
    (tmp_path / "history.jsonl").write_bytes((tmp_path / "history.jsonl").read_bytes() + b'{"name": 5\n')
    history.append(records[3:])
    assert history.read() == records[5:]
    here = Record("m9", "sha256:0", 9, 0.1, "2025-01-02T00:00:00+00:00", 0.0)
    history.append([here])
    assert history.read() == records[5:], "it was told already"
    history.append([Record("m9", "sha256:1", 9, 0.1, "2025-01-02T00:00:00+00:00", 0.0)])
    assert history.read()[-1].digest == "sha256:1"
