"""Thousands of short histories of a queue against a model: nothing lost, nothing doubled, order kept.

The queue, the list, the keeper and the file's format are the real ones; the pulls are played. After every
command that was acknowledged the bytes on the disk must say what the model says, for a kill may come next.
`PULLTUI_TEST_HISTORIES=20000 pytest tests/engine/test_queue_histories.py` goes through more of them.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pulltui.engine.errors import StorageError
from pulltui.engine.queuefile import decode
from pulltui.engine.views import PullState
from pulltui_config import Settings
from pulltui_config.settings import Transfer
from support.played import Disk, Played, make_manifest

T = TypeVar("T")
MODELS = ("m0", "m1", "m2", "m3", "m4")
MANIFESTS = {
    model: make_manifest(f"own of {model}", f"shared {number % 2}") for number, model in enumerate(MODELS)
}


class Pool(ThreadPoolExecutor):
    """Threads for all histories, one after the other: a loop that closes does not take them along."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pass


POOL = Pool(2)
models = st.sampled_from(MODELS)
some = st.sets(models, min_size=1, max_size=2)


@cache
def place() -> tempfile.TemporaryDirectory[str]:
    """A models directory for all histories, one after the other: making one takes longer than a history."""
    directory = tempfile.TemporaryDirectory()
    for name in ("blobs", ".pulltui"):
        (Path(directory.name) / name).mkdir()
    return directory


@dataclass
class Wanted:
    """What the model knows of a pull."""

    paused: bool = False
    failed: bool = False
    done: bool = False
    asleep: bool = False
    limit: float | None = None


class Histories(RuleBasedStateMachine):
    """`self.model` is the list as it must be: names in order."""

    @initialize(active=st.integers(1, 3), first=st.lists(models, unique=True, max_size=4))
    def begin(self, active: int, first: list[str]) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(POOL)
        self.root = Path(place().name)
        for left in [*(self.root / "blobs").iterdir(), *(self.root / ".pulltui").iterdir()]:
            left.unlink()
        self.active = active
        self.model: dict[str, Wanted] = {}
        self.steps: list[tuple[dict[str, Wanted], dict[str, Wanted]]] = []
        self.unacknowledged: list[dict[str, Wanted]] = []
        self.live(Disk(), asleep=False)
        for model in first:
            self.add(model)

    def live(self, disk: Disk, *, asleep: bool) -> None:
        async def start() -> Played:
            played = Played(self.root, disk, self.active, MANIFESTS.__getitem__)
            await played.start(asleep=asleep)
            return played

        self.played = self.run(start())
        self.steps = []
        self.unacknowledged = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def command(self, work: Callable[[], Any]) -> Any:
        """Do it and wait for the acknowledgement; if the disk is full there is none, and it is in force."""

        async def act() -> Any:
            result = work()
            if asyncio.iscoroutine(result):
                result = await result
            try:
                await self.played.keeper.flush()
            except StorageError:
                assert self.played.disk.full
                self.unacknowledged.append(copied(self.model))
            return result

        return self.run(act())

    def do(self, work: Callable[[], T]) -> T:
        """Do it without waiting for anything."""

        async def act() -> T:
            return work()

        return self.run(act())

    def ids(self, chosen: set[str]) -> list[str]:
        pulls = (self.played.pull(model) for model in sorted(chosen))
        return [pull.id for pull in pulls if pull is not None]

    # -- what people do -----------------------------------------------------------------------------

    def resumed(self, model: str) -> None:
        wanted = self.model[model]
        wanted.paused = wanted.failed = wanted.done = wanted.asleep = False

    @rule(model=models)
    def add(self, model: str) -> None:
        self.model.setdefault(model, Wanted())
        self.resumed(model)
        self.command(lambda: self.played.add(model))

    @rule(chosen=some)
    def pause(self, chosen: set[str]) -> None:
        for model in chosen & set(self.model):
            wanted = self.model[model]
            if not (wanted.failed or wanted.done):
                wanted.paused, wanted.asleep = True, False
        self.command(lambda: self.played.queue.pause(self.ids(chosen)))

    @rule(chosen=some)
    def resume(self, chosen: set[str]) -> None:
        for model in chosen & set(self.model):
            self.resumed(model)
        self.command(lambda: self.played.queue.resume(self.ids(chosen)))

    @rule(chosen=some, rate=st.none() | st.sampled_from([1e6, 2.5e6]))
    def limit(self, chosen: set[str], rate: float | None) -> None:
        for model in chosen & set(self.model):
            self.model[model].limit = rate
        self.command(lambda: self.played.queue.limit(self.ids(chosen), rate))

    @rule(chosen=some, delete=st.booleans())
    def remove(self, chosen: set[str], delete: bool) -> None:
        known = chosen & set(self.model)
        if not known:
            return
        before = copied(self.model)
        begun = self.begun()
        partials = self.partials()
        for model in known:
            del self.model[model]
        self.command(lambda: self.played.queue.remove(self.ids(chosen), delete=delete))
        self.steps.append((before, copied(self.model)))
        needed = {blob.digest for model in begun - known for blob in MANIFESTS[model].blobs}
        gone = {blob.digest for model in begun & known for blob in MANIFESTS[model].blobs} - needed
        gone -= {blob.digest for model in self.begun() for blob in MANIFESTS[model].blobs}
        assert not (partials & needed) - self.partials(), "what another pull needs was deleted"
        assert not (delete and gone & self.partials()), "what nobody needs was left"
        if not delete:
            assert partials <= self.partials()

    @rule(chosen=some, by=st.sampled_from([-99, -1, 1, 2, 99]))
    def move(self, chosen: set[str], by: int) -> None:
        self.rearranged(chosen, lambda: self.played.queue.move(self.ids(chosen), by))

    @rule(chosen=some)
    def start_next(self, chosen: set[str]) -> None:
        self.rearranged(chosen, lambda: self.played.queue.start_next(self.ids(chosen)))

    def rearranged(self, chosen: set[str], work: Callable[[], None]) -> None:
        before = copied(self.model)
        self.do(work)
        order = [pull.name.model for pull in self.played.queue.pulls.values()]
        assert sorted(order) == sorted(before)
        assert [each for each in order if each not in chosen] == [
            each for each in before if each not in chosen
        ]
        self.model = {model: self.model[model] for model in order}
        self.command(lambda: None)
        if list(self.model) != list(before):
            self.steps.append((before, copied(self.model)))

    @rule()
    @precondition(lambda self: self.steps)
    def undo(self) -> None:
        known = self.played.queue.undoable
        assert self.do(self.played.queue.undo) == known
        before, after = self.steps.pop()
        order = [pull.name.model for pull in self.played.queue.pulls.values()]
        back = [model for model in before if model not in after and model not in self.model]
        assert sorted(order) == sorted([*self.model, *back])
        if list(self.model) == list(after):
            assert order == list(before), "at once, it is as if nothing had been"
        moved = (
            {model for model in before if model in after}
            if list(before) != list(after) and not back
            else set()
        )
        still = [model for model in self.model if model not in moved]
        assert [model for model in order if model in still] == still
        self.model = {model: self.model.get(model) or before[model] for model in order}
        self.command(lambda: None)

    @rule(active=st.integers(1, 3))
    def change_settings(self, active: int) -> None:
        live = self.played.live
        live.settings = Settings(transfer=Transfer(active_pulls=active))
        self.active = active
        self.command(self.played.queue.schedule)

    # -- what happens by itself ---------------------------------------------------------------------

    @rule(which=st.integers(0, 2), well=st.booleans())
    @precondition(lambda self: self.played.queue._running)
    def end(self, which: int, well: bool) -> None:
        async def finish() -> None:
            running = self.played.running()
            pull = running[which % len(running)]
            self.model[pull.name.model].done = well
            self.model[pull.name.model].failed = not well
            task = self.played.queue._running[pull.id]
            pull.end.set_result(well)
            await asyncio.wait([task])
            await asyncio.sleep(0)  # its callback

        self.run(finish())
        self.command(lambda: None)

    @rule(full=st.booleans())
    def fill_disk(self, full: bool) -> None:
        self.played.disk.full = full
        if not full:
            self.played.queue.changed()
            self.command(lambda: None)
            self.unacknowledged = []

    # -- what ends it -------------------------------------------------------------------------------

    @rule(killed=st.booleans(), asleep=st.booleans())
    def restart(self, killed: bool, asleep: bool) -> None:
        if killed:
            possible = self.possible()
            self.comes_back(self.run(self.played.kill()), possible, asleep=asleep)
        else:
            self.played.disk.full = False
            self.run(self.played.stop())
            self.comes_back(self.played.disk, [self.model], asleep=asleep)

    @rule(chosen=some, later=st.integers(0, 4), asleep=st.booleans())
    def kill_before_the_acknowledgement(self, chosen: set[str], later: int, asleep: bool) -> None:
        """The last command may be remembered or not; what came before it is."""
        possible = self.possible()
        for model in sorted(chosen & set(self.model)):
            self.resumed(model)
        possible.append(copied(self.model))

        async def act() -> Disk:
            self.played.queue.resume(self.ids(chosen))
            for _ in range(later):
                await asyncio.sleep(0)
            return await self.played.kill()

        self.comes_back(self.run(act()), possible, asleep=asleep)

    def possible(self) -> list[dict[str, Wanted]]:
        """The states in which a kill may leave it: that of the last acknowledgement, or a later one."""
        if self.played.disk.full:
            return [self.acknowledged, *self.unacknowledged]
        return [copied(self.model)]

    def comes_back(self, disk: Disk, possible: list[dict[str, Wanted]], *, asleep: bool) -> None:
        found = on_disk(disk)
        matching = [model for model in possible if expected(model) == found]
        assert matching, (found, possible)
        self.model = {name: wanted for name, wanted in matching[-1].items() if not wanted.done}
        for wanted in self.model.values():
            wanted.asleep = asleep and not (wanted.paused or wanted.failed)
        self.live(disk, asleep=asleep)

    # -- what always holds --------------------------------------------------------------------------

    @invariant()
    def the_list_is_the_models(self) -> None:
        pulls = list(self.played.queue.pulls.values())
        assert [pull.name.model for pull in pulls] == list(self.model)
        assert len({pull.id for pull in pulls}) == len(pulls)
        for pull in pulls:
            wanted = self.model[pull.name.model]
            assert (pull.state is PullState.DONE) == wanted.done
            assert (pull.state is PullState.FAILED) == wanted.failed
            assert (pull.state is PullState.PAUSED) == (wanted.paused or wanted.asleep)
            assert pull.limit == wanted.limit
            assert bool(pull.error) == wanted.failed

    @invariant()
    def as_many_run_as_may(self) -> None:
        running = self.played.queue._running
        waiting = [
            pull
            for pull in self.played.queue.pulls.values()
            if pull.state is PullState.QUEUED and pull.id not in running
        ]
        assert not waiting or len(running) >= self.active

    @invariant()
    def what_was_done_can_be_taken_back(self) -> None:
        assert bool(self.played.queue.undoable) == bool(self.steps)

    @invariant()
    def what_is_acknowledged_is_on_the_disk(self) -> None:
        if not self.played.disk.full:
            assert on_disk(self.played.disk) == expected(self.model)
            self.acknowledged = copied(self.model)

    def begun(self) -> set[str]:
        """The models whose manifests are known."""
        return {model for model in MODELS if (pull := self.played.pull(model)) and pull.manifest}

    def partials(self) -> set[str]:
        names = {path.name.removesuffix("-partial") for path in (self.root / ".pulltui").glob("*-partial")}
        return {name.replace("-", ":") for name in names}

    def teardown(self) -> None:
        if not hasattr(self, "played"):
            return
        self.run(self.played.kill())
        self.loop.close()


def copied(model: dict[str, Wanted]) -> dict[str, Wanted]:
    return {name: replace(each) for name, each in model.items()}


def expected(model: dict[str, Wanted]) -> list[tuple[str, bool, float | None, bool]]:
    return [(name, each.paused, each.limit, each.failed) for name, each in model.items() if not each.done]


def on_disk(disk: Disk) -> list[tuple[str, bool, float | None, bool]]:
    kept = decode(disk.state[0])
    assert not kept.damage
    for entry in kept.entries:
        assert not entry.manifest or entry.manifest in disk.state[1]
    return [
        (entry.model.model, entry.paused, entry.limit, entry.failure is not None) for entry in kept.entries
    ]


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=int(os.environ.get("PULLTUI_TEST_HISTORIES", "1000")),
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
