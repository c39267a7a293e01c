"""One pull: from its name to a committed model, with everything that can come between."""

from __future__ import annotations

import asyncio

import httpx

from pulltui.engine.blob import BlobDownload
from pulltui.engine.blobs import Blobs, look_what_is_here
from pulltui.engine.change import Change
from pulltui.engine.clean import safe
from pulltui.engine.context import Context
from pulltui.engine.crew import Crew
from pulltui.engine.errors import ChangedError, NoSpaceError, PullError, StorageError, storage_error
from pulltui.engine.manifest import Manifest, moved_tag
from pulltui.engine.names import ModelName, Scheme
from pulltui.engine.outages import Outages
from pulltui.engine.park import Park
from pulltui.engine.peek import Found
from pulltui.engine.request import host_of
from pulltui.engine.resolver import Resolver
from pulltui.engine.setbacks import HostSetback, PartSetback, QuietHours, Setback, StallSetback
from pulltui.engine.shielded import being_cancelled, see_through
from pulltui.engine.source import Source
from pulltui.engine.sources import Sources
from pulltui.engine.views import EventKind, PullState, Waiting

_MOST_INTERFERENCE = 20
"""Times that another program may take something away from a run of a pull."""
_LONGEST_CHECK = 30
"""A disk that has room by its figures, and takes nothing, is tried after at most so many `space_check`."""


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
        self.crew: Crew | None = None
        """Its connections, while it fetches."""
        self.seconds = 0.0
        """Time spent running before the current run."""
        self.limit: float | None = None
        """Its own cap, bytes a second."""
        self.rev = 0
        """Raised whenever something about it changes outside of the blobs."""
        self.asleep = False
        """Shown as paused, and not paused: it was unfinished when the engine started, and nobody woke it."""
        self.peeked: dict[str, int] = {}
        """Bytes on disk of blobs that were not opened yet, by digest."""
        self._context = context
        self._blobs = blobs
        self._auth = context.keyring.at(self.base_url, name.repository)
        self._sources = Sources(context, f"{self.base_url}/v2/{name.repository}", self.registry, self._auth)
        self.change = Change()
        """Told when connections or the pull itself may go on."""
        self._fatal: PullError | None = None
        self._waiting: Waiting | None = None
        self._until: float | None = None
        self._resolver: Resolver | None = None
        self._park = Park(context.tuning)
        self._started: float | None = None
        self._interfered = 0
        """How often another program took something away in this run."""
        self._told = False
        """Whether it was said what its manifest holds."""
        self._outages = Outages(context.gates)

    # -- what the queue does ------------------------------------------------------------------------

    async def run(self) -> None:
        """Pull until it is done or failed; errors end up in `error`. Cancel to pause."""
        self.error = self._fatal = None
        self._interfered = 0
        self._outages.forget()
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
        if self.crew is not None:
            self.crew.retry_now()
        for blob in self.downloads:
            blob.forgive()
            self.source(blob).retry_now()
        self.kick()

    def pause(self) -> None:
        """Say that it is paused (after its run was cancelled)."""
        self.error, self.asleep = None, False
        self._set(PullState.PAUSED)

    def requeue(self) -> None:
        """Say that it waits for its turn."""
        self.error, self.asleep = None, False
        self._set(PullState.QUEUED)

    def found(self, found: Found) -> None:
        """Take note of what is on disk of its blobs; not while it runs, which looks for itself."""
        self.peeked, self.counted = found.done, True
        self.cached |= found.whole - {blob.digest for blob in self.downloads if blob.verified}
        self.rev += 1

    # -- what connections use -----------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether its connections have nothing left to do, ever."""
        return self._fatal is not None or all(blob.verified for blob in self.downloads)

    def source(self, blob: BlobDownload) -> Source:
        """Return where this pull gets a blob from."""
        return self._sources.of(blob.digest, blob.size)

    def source_host(self, digest: str) -> str:
        """Return the host that a blob's bytes come from, the registry until that is known."""
        return self._sources.host(digest)

    def fail(self, error: PullError) -> None:
        """Something happened that trying again does not change."""
        if self._fatal is None:
            self._fatal = error
        self.kick()

    def host_trouble(self, setback: HostSetback, rest: float | None = None) -> None:
        """A host made a connection wait, `rest` seconds if it is that one's affair; said once an outage."""
        if self._outages.note(setback, self._received):
            held = self._context.gates.gate(setback.host).waiting
            self._emit(EventKind.WAITING, why=setback.why, wait=held.seconds if held else rest)
        self.kick()

    def kick(self) -> None:
        """Something changed: whoever waits should look again."""
        self.change.tell()

    async def wait_for_work(self) -> None:
        """Wait until there may be a run to take."""
        waits = [wait for blob in self.downloads if (wait := blob.next_wait()) is not None]
        await self.change.wait(min(waits + self._sources.rests(), default=None), resting=True)

    # -- what the screen shows ----------------------------------------------------------------------

    @property
    def waiting(self) -> Waiting | None:
        """Why nothing moves, with the seconds left: its own reason, or that of a host in trouble."""
        if self._waiting is not None:
            left = None if self._until is None else max(0.0, self._until - self._context.clock())
            return Waiting(self._waiting.why, left, self._waiting.kind)
        if self.state not in (PullState.RESOLVING, PullState.DOWNLOADING):
            return None
        fetching = self.state is PullState.DOWNLOADING
        asked = self._sources.asked(self.downloads) if fetching else [self.registry]
        for host in dict.fromkeys([*asked, *self._outages.hosts(self._received)]):
            if (waiting := self._context.gates.gate(host).waiting) is not None:
                return waiting
        return self.crew.resting if self.crew is not None else None

    @property
    def _received(self) -> int:
        return self.crew.received if self.crew is not None else 0

    # -- how it goes --------------------------------------------------------------------------------

    async def _pull(self) -> None:
        await self._wait_for_hours()
        self._set(PullState.RESOLVING)
        manifest = await self._resolve()
        if self.manifest is not None and self.manifest.digest != manifest.digest:
            self._emit(EventKind.NOTE, why=moved_tag(self.manifest, manifest, self.peeked))
        self.manifest = manifest
        self._blobs.changed()
        store = self._context.store
        while True:
            try:
                await self._wait_for_hours()
                await self._fetch_all(manifest)
                self._set(PullState.COMMITTING)
                await asyncio.to_thread(store.commit, self.name, manifest.raw, manifest.blobs)
                break
            except QuietHours:
                continue
            except (NoSpaceError, ChangedError) as error:
                if being_cancelled():  # saving it did not work out; what came is in the file all the same
                    self._emit(EventKind.NOTE, why=str(error), error_kind=error.kind)
                    raise asyncio.CancelledError from error
                if isinstance(error, NoSpaceError):
                    await self._wait_for_space(manifest, error)
                else:
                    self._look_again(error)
        for layer in manifest.blobs:
            if not self._blobs.fetching(layer.digest):
                await asyncio.to_thread(store.sweep, layer.digest)
        again = sum(blob.fetched_again for blob in self.downloads)
        size = sum(layer.size for layer in manifest.blobs)
        self._emit(EventKind.DONE, size=size, seconds=self.elapsed(), fetched_again=again)

    def _look_again(self, error: ChangedError) -> None:
        """Another program interfered: tell, and go on with what is there now; StorageError in the end."""
        self._interfered += 1
        if self._interfered > _MOST_INTERFERENCE:
            raise StorageError(
                f"another program keeps changing the models directory: {error}",
                "Find out which one, then pull again; what is left is kept.",
            )
        self._emit(EventKind.NOTE, why=str(error))

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
            self.host_trouble(setback, wait)
            if self._context.gates.gate(setback.host).waiting is None:
                self._wait_for(setback.why, wait, "busy")
        elif isinstance(setback, PartSetback):
            kind = EventKind.STALLED if isinstance(setback, StallSetback) else EventKind.RETRY
            most = self._context.settings.retry.max_retries
            self._emit(kind, why=setback.why, attempt=failures, attempts=most, wait=wait)
            self._wait_for(f"retry {failures} of {most}: {setback.why}", wait, "retries")
        else:
            self._emit(EventKind.WAITING, why=setback.why)

    async def _fetch_all(self, manifest: Manifest) -> None:
        """Have all blobs verified, wherever they stand now."""
        store = self._context.store
        # Shown until they are opened again, or others in their place.
        self.peeked |= {blob.digest: blob.written for blob in self.downloads if blob.table is not None}
        self.downloads, self.cached = await look_what_is_here(store, self._blobs, manifest, self.downloads)
        self.rev += 1
        crew = Crew(self, self._context)
        self._outages.over()  # the crew counts what it receives from 0
        try:
            for blob in self.downloads:
                await blob.acquire(self.id, self.kick)
            self._count(manifest)
            self._set(PullState.DOWNLOADING)
            if (problem := await self._blobs.room.enter(self.id, manifest.blobs)) is not None:
                raise problem
            self.crew = crew
            crew.start()
            await self._supervise(crew)
        finally:
            self.crew = None
            self._blobs.room.leave(self.id)
            await see_through(self._let_go(crew))

    async def _let_go(self, crew: Crew) -> None:
        """Stop the connections and make everything received durable. Raises PullError if that failed."""
        await crew.stop()
        await asyncio.gather(*(blob.release(self.id) for blob in self.downloads))
        for blob in self.downloads:
            if blob.unsaved is not None:
                raise blob.unsaved

    def _count(self, manifest: Manifest) -> None:
        """What is on disk is known: from here on there is progress to show."""
        self.counted = True
        if not self._told:
            self._told = True
            cached = sum(layer.size for layer in manifest.blobs if layer.digest in self.cached)
            here = cached + sum(blob.written for blob in self.downloads)
            counted = {"blobs": len(manifest.blobs), "size": manifest.size, "cached": cached, "here": here}
            self._emit(EventKind.RESOLVED, **counted)

    async def _supervise(self, crew: Crew) -> None:
        """Wait until every blob is verified; meanwhile wake up what has run out of retries."""
        while True:
            crew.check()
            if self._fatal is not None:
                raise self._fatal
            for blob in self.downloads:
                if blob.error is not None:
                    raise blob.error
            if all(blob.verified for blob in self.downloads):
                return
            if all(blob.verified or blob.all_written for blob in self.downloads):
                self._set(PullState.VERIFYING)
            elif self._context.limits.quiet is not None:
                raise QuietHours("nothing is fetched now")
            elif self.state is not PullState.WAITING:
                self._set(PullState.DOWNLOADING)
            await self._watch_parked()

    async def _watch_parked(self) -> None:
        """Wait for a change; if only parked parts are left, wait with a countdown and try them again."""
        left = [blob for blob in self.downloads if not blob.verified and not blob.all_written]
        if not left or not all(blob.stuck() for blob in left):
            await self.change.wait(None)
            return
        written = sum(blob.written for blob in left)
        pause = self._park.next_pause(written)
        why = next((part.why for blob in left for part in blob.delayed if part.parked), "no progress")
        self._set(PullState.WAITING)
        self._wait_for(f"all parts have used up their retries: {why}", pause, "retries")
        self._emit(EventKind.WAITING, why=f"out of retries: {why}", wait=pause)
        deadline = self._context.clock() + pause
        while all(blob.stuck() for blob in left) and (rest := deadline - self._context.clock()) > 0:
            await self.change.wait(rest)
        self._wait_for(None)
        self._set(PullState.DOWNLOADING)
        for blob in left:
            blob.forgive()

    async def _wait_for_hours(self) -> None:
        """Wait while the schedule has everything paused. No connection is open; what came is durable."""
        said = ""
        while (quiet := self._context.limits.quiet) is not None:
            self._set(PullState.WAITING)
            self._wait_for(quiet.why, quiet.seconds, quiet.kind)
            if quiet.why != said:
                said = quiet.why
                self._emit(EventKind.WAITING, why=said, wait=quiet.seconds, error_kind=quiet.kind)
            await self.change.wait(None)
        self._wait_for(None)

    async def _wait_for_space(self, manifest: Manifest, error: NoSpaceError) -> None:
        """Wait, with the figures, until what is missing fits; nothing that came is touched."""
        self.error = error
        self._set(PullState.WAITING)
        self._emit(EventKind.WAITING, why=str(error), error_kind=error.kind)
        self._fatal = None
        room, pause = self._blobs.room, self._context.tuning.space_check
        while True:
            self._wait_for(str(error), None, error.kind)
            await self.change.wait(pause)
            verdict = await room.try_again(self.id, manifest.blobs)
            if verdict is True:
                break
            if verdict is False:
                pause = min(2 * pause, _LONGEST_CHECK * self._context.tuning.space_check)
            else:
                self.error = error = verdict
        self.error = None
        self._wait_for(None)

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
