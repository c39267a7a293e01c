"""A queue whose pulls are played: they run until they are told how to end. Its disk is in memory."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from pulltui.engine.context import Context, Live
from pulltui.engine.edges import Edges
from pulltui.engine.errors import PullError
from pulltui.engine.gates import Gates
from pulltui.engine.history import Record
from pulltui.engine.keeper import Keeper
from pulltui.engine.log import EventLog
from pulltui.engine.manifest import Manifest, parse_manifest
from pulltui.engine.names import parse
from pulltui.engine.pull import Pull
from pulltui.engine.queue import Queue
from pulltui.engine.queuefile import Entry, Kept, decode, encode
from pulltui.engine.store import Store
from pulltui.engine.throttle import Throttle
from pulltui.engine.tuning import Tuning
from pulltui.engine.views import PullState
from pulltui_config import Settings
from pulltui_config.settings import Transfer

SIZE = 100
QUICK = Tuning(queue_pause=0, queue_retry=0)
WHEN = "2025-11-21T18:00:00+01:00"


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def make_manifest(*blobs: str) -> Manifest:
    """A manifest of blobs called like this."""
    layers = [{"mediaType": "a/b", "digest": digest(blob), "size": SIZE} for blob in blobs]
    return parse_manifest(json.dumps({"schemaVersion": 2, "layers": layers}).encode())


class Disk:
    """What is durable: the file's bytes and the manifests; `full` refuses to save."""

    def __init__(self, state: tuple[bytes, dict[str, bytes]] | None = None) -> None:
        self.state = state or (encode([]), {})
        """Both change at once, as they do by a rename."""
        self.records: list[Record] = []
        self.full = False
        self.saves = 0

    def load(self) -> Kept:
        return decode(self.state[0])

    def manifest(self, entry: Entry) -> Manifest | None:
        raw = self.state[1].get(entry.manifest)
        return parse_manifest(raw) if raw is not None else None

    def save(self, entries: Sequence[Entry], manifests: Mapping[str, bytes] | None = None) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.saves += 1
        raw = self.state[1] | dict(manifests or {})
        self.state = (
            encode(entries),
            {each.manifest: raw[each.manifest] for each in entries if each.manifest},
        )

    def append(self, records: Sequence[Record]) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.records += records


class PlayedPull(Pull):
    """Asks `manifests` what its name consists of, begins those blobs on disk, then waits for `end`."""

    manifests: Callable[[str], Manifest]
    end: asyncio.Future[bool]
    """Whether it ends well."""

    def run(self) -> Coroutine[Any, Any, None]:
        """Start; nobody who waits may be passed over."""
        queue = cast(Queue, self._blobs)
        for pull in queue.pulls.values():
            if pull is self:
                break
            assert pull.state is not PullState.QUEUED or pull.id in queue._running, "passed over"
        self.end = asyncio.get_running_loop().create_future()
        return self._play()

    async def _play(self) -> None:
        self._set(PullState.DOWNLOADING)
        self.manifest = type(self).manifests(self.name.model)
        self._blobs.changed()
        for layer in self.manifest.blobs:
            if not self._context.store.blob(layer.digest).exists():
                self._context.store.partial(layer.digest).data.touch()
        if await self.end:
            for layer in self.manifest.blobs:
                self._context.store.partial(layer.digest).data.unlink(missing_ok=True)
                self._context.store.blob(layer.digest).write_bytes(bytes(layer.size))
            self._set(PullState.DONE)
        else:
            self._end_badly(PullError("it did not work", "try again"))


class Played:
    """One life of a queue: from what is on a disk until it ends, or is killed."""

    def __init__(
        self,
        root: Path,
        disk: Disk,
        active: int,
        manifests: Callable[[str], Manifest],
        tuning: Tuning = QUICK,
    ) -> None:
        self.disk = disk
        clock = asyncio.get_running_loop().time
        self.live = Live(Settings(transfer=Transfer(active_pulls=active)))
        self.log = EventLog(clock)
        nothing: Any = SimpleNamespace(
            quiet=None, look=lambda: None, at=lambda *_: None, most=lambda *_: 1, starved=lambda *_: False
        )
        self.context = Context(
            live=self.live,
            tuning=tuning,
            clock=clock,
            uniform=lambda low, high: low,
            store=Store(root),
            writer=nothing,
            watchdog=nothing,
            requester=nothing,
            keyring=nothing,
            gates=Gates(QUICK, clock),
            slots=nothing,
            log=self.log,
            edges=Edges(clock, 1.0),
            throttle=Throttle(clock),
            limits=nothing,
        )
        PlayedPull.manifests = staticmethod(manifests)
        self.queue = Queue(self.context, PlayedPull)
        self.keeper = Keeper(self.queue, disk, disk, log=self.log, tuning=tuning, today=lambda: WHEN)
        self._saving: asyncio.Task[None] | None = None

    async def start(self, *, asleep: bool = False) -> None:
        """Restore what is on the disk, and keep what changes."""
        await self.keeper.restore(asleep=asleep)
        self._saving = asyncio.create_task(self.keeper.run())

    async def stop(self) -> None:
        """End as the engine ends."""
        await self._end_saving()
        await self.queue.stop()
        assert await self.keeper.close() is not self.disk.full

    async def kill(self) -> Disk:
        """End at once; the disk as it was found afterwards."""
        left = Disk(self.disk.state)
        self.disk.full = True
        await self._end_saving()
        peeks = list(self.queue._peeks)
        await self.queue.stop()
        if peeks:
            await asyncio.wait(peeks)
        return left

    async def _end_saving(self) -> None:
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.wait([self._saving])

    def add(self, model: str) -> str:
        """Queue a name; its id."""
        return self.queue.add(parse(f"registry.test/library/{model}"), "https").id

    def pull(self, model: str) -> PlayedPull | None:
        """The pull of a model, if it is on the list."""
        found = [pull for pull in self.queue.pulls.values() if pull.name.model == model]
        assert len(found) <= 1, "there twice"
        return cast(PlayedPull, found[0]) if found else None

    def running(self) -> list[PlayedPull]:
        """The pulls that run, as far as the queue knows."""
        return [cast(PlayedPull, self.queue.pulls[pull_id]) for pull_id in self.queue._running]
