"""One pull: from its name to a committed model, with everything that can come between."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

import httpx

from pulltui.engine.blob import BlobDownload
from pulltui.engine.clean import safe
from pulltui.engine.connection import Connection
from pulltui.engine.context import Context
from pulltui.engine.errors import NoSpaceError, PullError, storage_error
from pulltui.engine.manifest import Layer, Manifest
from pulltui.engine.names import ModelName, Scheme
from pulltui.engine.park import Park
from pulltui.engine.request import host_of
from pulltui.engine.resolver import Resolver
from pulltui.engine.setbacks import HostSetback, PartSetback, Setback, StallSetback
from pulltui.engine.shielded import see_through
from pulltui.engine.source import Source
from pulltui.engine.space import Space
from pulltui.engine.views import EventKind, PullState, Waiting

AUTO_CONNECTIONS = 8


class Blobs(Protocol):
    """Who has the one BlobDownload of each digest (the queue)."""

    def blob(self, layer: Layer) -> BlobDownload:
        """Return it, made when nobody wanted the digest before."""

    def fetching(self, digest: str) -> bool:
        """Return whether a blob's partial is in use."""

    def promised(self, pull: Pull) -> list[Layer]:
        """Return the blobs that other running pulls still have to write."""


class Pull:
    """A queued model. The queue calls `run`; cancelling that pauses, and everything received is kept."""

    def __init__(self, pull_id: str, name: ModelName, scheme: Scheme, context: Context, blobs: Blobs) -> None:
        """`scheme` is http or https; whether http is allowed was decided before."""
        self.id = pull_id
        self.name = name
        self.base_url = name.base_url(scheme)
        self.registry = host_of(httpx.URL(self.base_url))
        self.state = PullState.QUEUED
        self.error: PullError | None = None
        self.manifest: Manifest | None = None
        self.cached: set[str] = set()
        """Digests that were here already."""
        self.downloads: list[BlobDownload] = []
        """What has to come, small ones first."""
        self.counted = False
        """Whether what is on disk of its blobs is known; until then there is no progress to show."""
        self.connections = 1
        self.seconds = 0.0
        """Time spent running before the current run."""
        self.rev = 0
        """Raised whenever something about it changes outside of the blobs."""
        self._context = context
        self._blobs = blobs
        self._auth = context.keyring.at(self.base_url, name.repository)
        self._sources: dict[str, Source] = {}
        self._changed = asyncio.Event()
        self._fatal: PullError | None = None
        self._waiting: Waiting | None = None
        self._until: float | None = None
        self._resolver: Resolver | None = None
        self._park = Park(context.tuning)
        self._started: float | None = None
        self._last_trouble = ""
        self._hosts: set[str] = set()
        """Hosts that were in trouble."""

    # -- what the queue does ------------------------------------------------------------------------

    async def run(self) -> None:
        """Pull until it is done or failed; errors end up in `error`. Cancel to pause."""
        self.error = self._fatal = None
        self._started = self._context.clock()
        try:
            await self._pull()
            self._set(PullState.DONE)
        except PullError as error:
            self._end_badly(error)
        except OSError as error:
            self._end_badly(storage_error(error, "cannot go on"))
        except Exception as error:
            # A defect of ours, logged by the queue: nobody shall wait for a pull that is not there any more.
            self._end_badly(
                PullError(
                    f"a defect of pulltui: {type(error).__name__}: {safe(str(error))}",
                    "The log says more. What came is kept: pull again.",
                )
            )
            raise
        finally:
            self.seconds = self.elapsed()
            self._started = None
            self._wait_for(None)

    def elapsed(self) -> float:
        """Return the seconds spent running."""
        now = self._context.clock()
        return self.seconds + (now - self._started if self._started is not None else 0.0)

    def retry_now(self) -> None:
        """Skip every countdown, refill every budget."""
        if self._resolver is not None:
            self._resolver.retry_now()
        self._park.reset()
        for blob in self.downloads:
            blob.forgive()
        self.kick()

    def pause(self) -> None:
        """Say that it is paused (after its run was cancelled)."""
        self.error = None
        self._set(PullState.PAUSED)

    def requeue(self) -> None:
        """Say that it waits for its turn."""
        self.error = None
        self._set(PullState.QUEUED)

    # -- what connections use -----------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether its connections have nothing left to do, ever."""
        return self._fatal is not None or all(blob.verified for blob in self.downloads)

    def source(self, blob: BlobDownload) -> Source:
        """Return where this pull gets a blob from."""
        source = self._sources.get(blob.digest)
        if source is None:
            url = f"{self.base_url}/v2/{self.name.repository}/blobs/{blob.digest}"
            source = Source(
                self._context.requester,
                httpx.URL(url),
                blob.digest,
                blob.size,
                self._context.settings.retry.max_retries,
                auth=self._auth,
            )
            self._sources[blob.digest] = source
        return source

    def source_host(self, digest: str) -> str:
        """Return the host that a blob's bytes come from, the registry until that is known."""
        source = self._sources.get(digest)
        return source.host if source is not None else self.registry

    def fail(self, error: PullError) -> None:
        """Something happened that trying again does not change."""
        if self._fatal is None:
            self._fatal = error
        self.kick()

    def host_trouble(self, setback: HostSetback) -> None:
        """A host made a connection wait; said once for each new trouble."""
        self._hosts.add(setback.host)
        if setback.why != self._last_trouble:
            self._last_trouble = setback.why
            held = self._context.gates.gate(setback.host).waiting
            self._emit(EventKind.WAITING, why=setback.why, wait=held.seconds if held else None)
        self.kick()

    def kick(self) -> None:
        """Something changed: whoever waits should look again."""
        event, self._changed = self._changed, asyncio.Event()
        event.set()

    async def wait_for_work(self) -> None:
        """Wait until there may be a run to take."""
        waits = [wait for blob in self.downloads if (wait := blob.next_wait()) is not None]
        await self._wait_change(min(waits, default=None))

    # -- what the screen shows ----------------------------------------------------------------------

    @property
    def waiting(self) -> Waiting | None:
        """Why nothing moves, with the seconds left: its own reason, or that of a host in trouble."""
        if self._waiting is not None:
            left = None if self._until is None else max(0.0, self._until - self._context.clock())
            return Waiting(self._waiting.why, left, self._waiting.kind)
        if self.state not in (PullState.RESOLVING, PullState.DOWNLOADING):
            return None
        sources = (source.host for source in self._sources.values())
        for host in dict.fromkeys([self.registry, *sources, *self._hosts]):
            if (waiting := self._context.gates.gate(host).waiting) is not None:
                return waiting
        return None

    # -- how it goes --------------------------------------------------------------------------------

    async def _pull(self) -> None:
        self._set(PullState.RESOLVING)
        self.manifest = manifest = await self._resolve()
        while True:
            try:
                await self._fetch_all(manifest)
                break
            except NoSpaceError as error:
                await self._wait_for_space(manifest, error)
        self._set(PullState.COMMITTING)
        await asyncio.to_thread(self._context.store.commit, self.name, manifest.raw, manifest.blobs)
        for layer in manifest.blobs:
            if not self._blobs.fetching(layer.digest):
                await asyncio.to_thread(self._context.store.sweep, layer.digest)
        again = sum(blob.fetched_again for blob in self.downloads)
        size = sum(layer.size for layer in manifest.blobs)
        self._emit(EventKind.DONE, size=size, seconds=self.elapsed(), fetched_again=again)

    async def _resolve(self) -> Manifest:
        self._resolver = Resolver(
            self.name, self.base_url, self._context, self._resolving_setback, self._auth
        )
        try:
            return await self._resolver.resolve()
        finally:
            self._resolver = None
            self._wait_for(None)

    def _resolving_setback(self, setback: Setback, failures: int, wait: float) -> None:
        if isinstance(setback, HostSetback):
            self.host_trouble(setback)
        elif isinstance(setback, PartSetback):
            kind = EventKind.STALLED if isinstance(setback, StallSetback) else EventKind.RETRY
            most = self._context.settings.retry.max_retries
            self._emit(kind, why=setback.why, attempt=failures, attempts=most, wait=wait)
            self._wait_for(f"retry {failures} of {most}: {setback.why}", wait, "retries")

    async def _fetch_all(self, manifest: Manifest) -> None:
        """Have all blobs verified, wherever they stand now."""
        await self._look_what_is_here(manifest)
        workers: list[asyncio.Task[None]] = []
        try:
            for blob in self.downloads:
                await blob.acquire(self.id, self.kick)
            self._count(manifest)
            self._set(PullState.DOWNLOADING)
            await self._check_space(manifest)
            settings = self._context.settings.transfer
            wanted = AUTO_CONNECTIONS if settings.connections == "auto" else settings.connections
            self.connections = max(1, min(wanted, self._context.slots.most(self.registry)))
            workers = [
                asyncio.create_task(Connection(self, self._context).work()) for _ in range(self.connections)
            ]
            await self._supervise(workers)
        finally:
            await see_through(self._let_go(workers))

    async def _let_go(self, workers: list[asyncio.Task[None]]) -> None:
        """Stop the connections and make everything received durable. Raises PullError if that failed."""
        for worker in workers:
            worker.cancel()
        if workers:
            await asyncio.wait(workers)
        for blob in self.downloads:
            await blob.release(self.id)
        for blob in self.downloads:
            if blob.unsaved is not None:
                raise blob.unsaved

    async def _look_what_is_here(self, manifest: Manifest) -> None:
        store = self._context.store
        layers = sorted(manifest.blobs, key=lambda layer: layer.size)
        downloads = []
        for layer in layers:
            if layer.size == 0:
                await asyncio.to_thread(store.make_empty, layer.digest)
            if await asyncio.to_thread(store.has, layer):
                if layer.digest not in {blob.digest for blob in self.downloads if blob.verified}:
                    self.cached.add(layer.digest)
                continue
            downloads.append(self._blobs.blob(layer))
        known = {blob.digest: blob for blob in self.downloads}
        self.downloads = [*(blob for blob in known.values() if blob.verified), *downloads]
        self.rev += 1

    def _count(self, manifest: Manifest) -> None:
        """What is on disk is known: from here on there is progress to show."""
        if not self.counted:
            self.counted = True
            cached = sum(layer.size for layer in manifest.blobs if layer.digest in self.cached)
            self._emit(EventKind.RESOLVED, blobs=len(manifest.blobs), size=manifest.size, cached=cached)

    async def _supervise(self, workers: list[asyncio.Task[None]]) -> None:
        """Wait until every blob is verified; meanwhile wake up what has run out of retries."""
        while True:
            for worker in workers:
                if worker.done() and (error := worker.exception()) is not None:
                    raise error
            if self._fatal is not None:
                raise self._fatal
            for blob in self.downloads:
                if blob.error is not None:
                    raise blob.error
            if all(blob.verified for blob in self.downloads):
                return
            if all(blob.verified or blob.all_written for blob in self.downloads):
                self._set(PullState.VERIFYING)
            elif self.state is not PullState.WAITING:
                self._set(PullState.DOWNLOADING)
            await self._watch_parked()

    async def _watch_parked(self) -> None:
        """Wait for a change; if only parked parts are left, wait with a countdown and try them again."""
        left = [blob for blob in self.downloads if not blob.verified and not blob.all_written]
        if not left or not all(blob.stuck() for blob in left):
            await self._wait_change(None)
            return
        written = sum(blob.written for blob in left)
        pause = self._park.next_pause(written)
        why = next((part.why for blob in left for part in blob.delayed if part.parked), "no progress")
        self._set(PullState.WAITING)
        self._wait_for(f"all parts have used up their retries: {why}", pause, "retries")
        self._emit(EventKind.WAITING, why=f"out of retries: {why}", wait=pause)
        deadline = self._context.clock() + pause
        while all(blob.stuck() for blob in left) and (rest := deadline - self._context.clock()) > 0:
            await self._wait_change(rest)
        self._wait_for(None)
        self._set(PullState.DOWNLOADING)
        for blob in left:
            blob.forgive()

    async def _check_space(self, manifest: Manifest) -> None:
        if (problem := await self._space_problem(manifest)) is not None:
            raise problem

    async def _space_problem(self, manifest: Manifest) -> NoSpaceError | None:
        """Return what is wrong with the room on the disk; nothing if nobody wants to know."""
        storage = self._context.settings.storage
        if not storage.check_space:
            return None
        space = Space(self._context.store, manifest.blobs, self._blobs.promised(self), storage.keep_free)
        return await asyncio.to_thread(space.problem)

    async def _wait_for_space(self, manifest: Manifest, error: NoSpaceError) -> None:
        """Wait, with the figures, until what is missing fits; nothing that came is touched."""
        self.error = error
        self._set(PullState.WAITING)
        self._emit(EventKind.WAITING, why=str(error), error_kind=error.kind)
        self._fatal = None
        while True:
            self._wait_for(str(error), None, error.kind)
            await self._wait_change(self._context.tuning.space_check)
            problem = await self._space_problem(manifest)
            if problem is None:
                break
            self.error = error = problem
        self.error = None
        self._wait_for(None)

    async def _wait_change(self, seconds: float | None) -> None:
        event = self._changed
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation
                await event.wait()

    def _wait_for(self, why: str | None, seconds: float | None = None, kind: str = "") -> None:
        self._waiting = None if why is None else Waiting(why, kind=kind)
        self._until = None if seconds is None else self._context.clock() + seconds
        self.rev += 1

    def _end_badly(self, error: PullError) -> None:
        self.error = error
        self._set(PullState.FAILED)
        self._emit(EventKind.FAILED, why=str(error), hint=error.hint, error_kind=error.kind)

    def _set(self, state: PullState) -> None:
        if state is not self.state:
            self.state = state
            self.rev += 1

    def _emit(self, kind: EventKind, **fields: object) -> None:
        self._context.log.emit(kind, pull=self.id, name=self.name.short, **fields)
