"""An engine for tests of what looks at engines: prepared views and events, one step after another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from msgspec.structs import replace
from pulltui.engine.views import (
    BlobState,
    BlobView,
    EngineView,
    Event,
    EventKind,
    ModelInfo,
    PartialView,
    PullState,
    PullView,
)
from pulltui_config import Settings

DIGEST = "sha256:" + "ab" * 32
MODELS = "/models"


@dataclass
class Step:
    """What is to be seen until the next look."""

    pulls: tuple[PullView, ...] = ()
    events: tuple[Event, ...] = ()
    act: Callable[[], None] | None = None
    """Something that happens from outside at this moment."""


@dataclass
class ScriptedEngine:
    """Keeps to `EngineApi`. `wait` is the clock: each call goes on by one step; the last one stays."""

    steps: Sequence[Step]
    saves: bool = True
    failure: BaseException | None = None
    """What its thread has ended by."""
    refuses: dict[str, Exception] = field(default_factory=dict)
    now: float = 0.0
    at: int = 0
    added: list[tuple[str, bool]] = field(default_factory=list)
    watched: list[set[str]] = field(default_factory=list)
    stop_requested: bool = False
    stop_timeouts: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def wait(self, rev: int, timeout: float) -> None:
        self.now += timeout
        self.at = min(self.at + 1, len(self.steps) - 1)
        if act := self.steps[self.at].act:
            act()

    @property
    def view(self) -> EngineView:
        return EngineView(
            rev=round(self.now * 1000),
            now=self.now,
            pulls=self.steps[self.at].pulls,
            models_dir=MODELS,
        )

    def events(self, after: int) -> list[Event]:
        seen = [event for step in self.steps[: self.at + 1] for event in step.events]
        # The real one does not name the pull where a blob is meant.
        return [replace(event, name="") for event in seen if event.seq > after]

    def check_name(self, text: str) -> str:
        return text

    def inspect(self, name: str, *, insecure: bool = False) -> Future[ModelInfo]:
        raise NotImplementedError

    def recent(self) -> Future[tuple[str, ...]]:
        raise NotImplementedError

    def add(self, name: str, *, insecure: bool = False) -> Future[str]:
        self.added.append((name, insecure))
        future: Future[str] = Future()
        if error := self.refuses.get(name):
            future.set_exception(error)
        else:
            future.set_result(f"id-{name}")
        return future

    def pause(self, pulls: Collection[str]) -> Future[None]:
        raise NotImplementedError

    def resume(self, pulls: Collection[str]) -> Future[None]:
        raise NotImplementedError

    def retry(self, pulls: Collection[str]) -> Future[None]:
        raise NotImplementedError

    def remove(self, pulls: Collection[str], *, delete: bool = False) -> Future[None]:
        raise NotImplementedError

    def move(self, pulls: Collection[str], by: int) -> Future[None]:
        raise NotImplementedError

    def start_next(self, pulls: Collection[str]) -> Future[None]:
        raise NotImplementedError

    def undo(self) -> Future[str]:
        raise NotImplementedError

    def set_limit(self, rate: float | None, pulls: Collection[str] | None = None) -> Future[None]:
        raise NotImplementedError

    def change_settings(self, settings: Settings) -> Future[None]:
        raise NotImplementedError

    def partials(self) -> Future[tuple[PartialView, ...]]:
        raise NotImplementedError

    def adopt(self, digests: Collection[str]) -> Future[tuple[PartialView, ...]]:
        raise NotImplementedError

    def watch(self, digests: Collection[str]) -> None:
        self.watched.append(set(digests))

    def request_stop(self) -> None:
        self.stop_requested = True

    def stop(self, timeout: float = 10.0) -> bool:
        self.stop_timeouts.append(timeout)
        return self.saves


def blob(done: int = 0, size: int = 100_000_000, digest: str = DIGEST, **fields: object) -> BlobView:
    """A model layer, downloading."""
    given = {"state": BlobState.DOWNLOADING, "connections": 8} | fields
    return BlobView(digest=digest, kind="model", media_type="x", size=size, done=done, **given)  # type: ignore[arg-type]


def pull(*blobs: BlobView, name: str = "tiny", **fields: object) -> PullView:
    """A pull of these blobs, downloading, with the sums they make."""
    given = {
        "state": PullState.DOWNLOADING,
        "size": sum(each.size for each in blobs),
        "done": sum(each.done for each in blobs),
        "rate": sum(each.rate for each in blobs),
        "connections": sum(each.connections for each in blobs),
        "seconds": 2.0,
    } | fields
    return PullView(id=f"id-{name}", name=name, host="registry.test", blobs=blobs, **given)  # type: ignore[arg-type]


def done(name: str = "tiny", size: int = 100_000_000, digest: str = DIGEST) -> PullView:
    """A pull that is done."""
    whole = blob(size, size, digest, state=BlobState.VERIFIED, connections=0, hashed=size)
    return pull(whole, name=name, state=PullState.DONE)


def event(seq: int, kind: EventKind, name: str = "tiny", **fields: object) -> Event:
    """An event of the pull `name`."""
    return Event(seq=seq, at=float(seq), kind=kind, pull=f"id-{name}", name=name, **fields)  # type: ignore[arg-type]
