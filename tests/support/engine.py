"""A running service with waits of milliseconds, and the means to wait for what it does."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import msgspec
from pulltui.demo import Model
from pulltui.demo.intervals import Interval
from pulltui.engine.partstate import DurableState
from pulltui.engine.service import Service
from pulltui.engine.tuning import Tuning
from pulltui.engine.views import BlobView, EngineView, Event, EventKind, PullState, PullView
from pulltui_config import Settings
from pulltui_config.settings import Network, Retry, Storage, Transfer
from support.clock import PauselessClock

T = TypeVar("T")
KB = 1000
PATIENCE = 30.0
"""Seconds after which something that should have happened is missing, on the slowest machine."""

TUNING = Tuning(
    tick=0.01,
    publish=0.01,
    quiet_after=0.05,
    # Nobody takes over from whom a test has made quiet or slow, unless it is about that.
    takeover_after=math.inf,
    idle_after=math.inf,
    slump=0.0,
    near=0.0,
    follow_after=math.inf,
    look=0.01,
    backoff_base=0.002,
    resolve_base=0.002,
    budget_refill=64 * KB,
    probe_first=0.02,
    probe_last=0.1,
    park_first=0.05,
    park_last=0.1,
    halve_pause=0.02,
    ceiling_pause=0.05,
    space_check=0.1,
    queue_pause=0.01,
    queue_retry=0.02,
)


class Engine:
    """A service on a directory of its own; every view that is looked at is checked for what must hold.

    Settings are structs made directly, so that sizes and times may be far below what people can set.
    """

    def __init__(
        self,
        directory: Path,
        *,
        transport: Literal["auto", "fast", "httpx"] = "auto",
        part_size: int = 100 * KB,
        connections: int | Literal["auto"] = 4,
        active_pulls: int = 2,
        stall_timeout: float = 0.4,
        max_retries: int = 6,
        slow_factor: float = 0.1,
        backoff_cap: float = 0.05,
        keep_free: int = 0,
        check_space: bool = True,
        max_redirects: int = 10,
        tuning: dict[str, Any] | None = None,
        may_fall: bool = False,
        network: Network | None = None,
        **service: Any,
    ) -> None:
        """`may_fall`: progress may step back (repairs, failed syncs). `tuning` replaces fields of TUNING.

        `service` are more arguments of the Service.
        """
        settings = Settings(
            storage=Storage(check_space=check_space, keep_free=keep_free),
            transfer=Transfer(
                connections=connections,
                part_size=part_size,
                active_pulls=active_pulls,
                transport=transport,
            ),
            retry=Retry(
                stall_timeout=stall_timeout,
                max_retries=max_retries,
                slow_factor=slow_factor,
                backoff_cap=backoff_cap,
                max_redirects=max_redirects,
            ),
            network=network or Network(),
        )
        wanted = msgspec.structs.replace(TUNING, **(tuning or {}))
        usual: dict[str, Any] = {
            "environ": {},
            # It is asked with every view.
            "clock": PauselessClock(max(0.03, 2 * wanted.publish)),
            # Runs are as long as they may be, and waits too.
            "uniform": lambda low, high: high,
        }
        self.directory = directory
        self.settings = settings
        """Those it was started with."""
        self.service = Service(
            settings,
            directory,
            tuning=wanted,
            **(usual | service),
        )
        self._may_fall = may_fall
        self._rev = 0
        self._done: dict[str, int] = {}

    def start(self) -> Self:
        """Start it; see `Service.start` for what it raises."""
        self.service.start()
        return self

    def stop(self) -> bool:
        """Save and end; whether everything was saved."""
        saved = self.service.stop(PATIENCE)
        if self._rev:
            self.look()
        return saved

    # -- what it shows ------------------------------------------------------------------------------

    def look(self) -> EngineView:
        """The newest view, after a check."""
        view = self.service.view
        if view.rev != self._rev:
            self._rev = view.rev
            for pull in view.pulls:
                self._check(pull)
        return view

    def _check(self, pull: PullView) -> None:
        assert pull.size == sum(blob.size for blob in pull.blobs)
        assert pull.done == sum(blob.done for blob in pull.blobs)
        assert bool(pull.error) == bool(pull.hint)
        if pull.state is PullState.FAILED:
            assert pull.error
        elif pull.state is not PullState.WAITING:
            assert not pull.error
        for blob in pull.blobs:
            assert 0 <= blob.done <= blob.size
            assert 0 <= blob.hashed <= blob.size
            assert 0 <= blob.parts_done <= blob.parts
            if blob.map is not None:
                sizes = memoryview(blob.map.sizes).cast("Q").tolist()
                offsets = memoryview(blob.map.offsets).cast("Q").tolist()
                done = memoryview(blob.map.done).cast("Q").tolist()
                assert sum(sizes) == blob.size
                assert offsets == [sum(sizes[:n]) for n in range(len(sizes))]
                assert len(blob.map.states) == len(sizes) == blob.parts
                assert sum(done) == blob.done
            if not self._may_fall:
                key = f"{pull.id} {blob.digest}"
                assert blob.done >= self._done.get(key, 0), "progress went backwards"
                self._done[key] = blob.done

    def pull(self, pull_id: str) -> PullView:
        """One pull as it stands."""
        return next(pull for pull in self.look().pulls if pull.id == pull_id)

    def blob(self, pull_id: str, digest: str) -> BlobView:
        """One blob of it."""
        return next(blob for blob in self.pull(pull_id).blobs if blob.digest == digest)

    def events(self, *kinds: EventKind) -> list[Event]:
        """The events so far, those of these kinds only if any are named."""
        return [event for event in self.service.events(0) if not kinds or event.kind in kinds]

    # -- what it is told ----------------------------------------------------------------------------

    def add(self, name: str) -> str:
        """Queue a name; the pull's id."""
        return self._seen(self.service.add(name))

    def pause(self, *pulls: str) -> None:
        """Pause; everything received is durable when this returns."""
        self._seen(self.service.pause(pulls))

    def resume(self, *pulls: str) -> None:
        """Go on."""
        self._seen(self.service.resume(pulls))

    def retry(self, *pulls: str) -> None:
        """Skip the countdowns."""
        self._seen(self.service.retry(pulls))

    def remove(self, *pulls: str, delete: bool = False) -> None:
        """Take off the list."""
        self._seen(self.service.remove(pulls, delete=delete))

    def move(self, *pulls: str, by: int) -> None:
        """Move in the queue."""
        self._seen(self.service.move(pulls, by))

    def start_next(self, *pulls: str) -> None:
        """Put at the head of those that wait."""
        self._seen(self.service.start_next(pulls))

    def undo(self) -> str:
        """Take the newest removal or move back; what it was."""
        return self._seen(self.service.undo())

    def names(self) -> list[str]:
        """The models of all pulls, in order."""
        return [pull.name.rpartition("/")[2].partition(":")[0] for pull in self.look().pulls]

    def _seen(self, command: Future[T]) -> T:
        """Wait until it is done, and until the views show it."""
        result = command.result(PATIENCE)
        rev = self.service.view.rev
        self.until(lambda: self.service.view.rev > rev + 1, "a newer view")
        return result

    # -- waiting ------------------------------------------------------------------------------------

    def until(self, predicate: Callable[[], T], what: str = "it", patience: float = PATIENCE) -> T:
        """Look at the views until `predicate()` holds, return its value; fails with what there was to see."""
        deadline = time.monotonic() + patience
        while True:
            self.look()
            if value := predicate():
                return value
            if time.monotonic() > deadline:
                shown = "\n".join(map(repr, [*self.look().pulls, *self.events()[-20:]]))
                raise AssertionError(f"{what} did not happen within {patience:g} s\n{shown}")
            time.sleep(0.003)

    def until_state(self, pull_id: str, *states: PullState) -> PullView:
        """Wait until a pull is in one of these states."""
        self.until(lambda: self.pull(pull_id).state in states, f"{pull_id} {'/'.join(states)}")
        return self.pull(pull_id)

    def until_done(self, *pulls: str) -> None:
        """Wait until these pulls are done; one that fails ends the test with its error."""
        for pull_id in pulls:
            pull = self.until_state(pull_id, PullState.DONE, PullState.FAILED)
            assert pull.state is PullState.DONE, pull.error

    def until_failed(self, pull_id: str) -> PullView:
        """Wait until a pull has failed; what it says."""
        pull = self.until_state(pull_id, PullState.DONE, PullState.FAILED)
        assert pull.state is PullState.FAILED
        assert pull.error
        return pull

    # -- what is on disk ----------------------------------------------------------------------------

    def assert_installed(self, *models: Model, host: str) -> None:
        """Blobs and manifests of these models are right, and nothing unfinished is left of them."""
        for model in models:
            manifest = self.directory / "manifests" / host / model.path / model.tag
            assert manifest.read_bytes() == model.manifest
            for digest, blob in model.blobs.items():
                path = self.directory / "blobs" / digest.replace(":", "-")
                assert path.stat().st_size == blob.size
                assert f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" == digest
                for rest in self.work.glob(f"{path.name}*"):
                    raise AssertionError(f"{rest.name} is left over")

    @property
    def work(self) -> Path:
        """Where unfinished things are."""
        return self.directory / ".pulltui"

    def durable(self, digest: str) -> DurableState:
        """The durable state of an unfinished blob."""
        path = self.work / f"{digest.replace(':', '-')}-partial.json"
        return msgspec.json.decode(path.read_bytes(), type=DurableState)

    def on_disk(self, digest: str) -> list[Interval]:
        """Which bytes of an unfinished blob its durable state claims."""
        return [
            (part.offset, part.offset + part.completed)
            for part in self.durable(digest).parts
            if part.completed
        ]
