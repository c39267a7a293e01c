"""One blob on its way: its partial, its runs, its hasher, and who still wants it."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable
from typing import Any

from pulltui.engine.beside import Beside
from pulltui.engine.context import Context
from pulltui.engine.delayed import Delayed
from pulltui.engine.errors import MovedError, PullError, storage_error
from pulltui.engine.manifest import Layer
from pulltui.engine.meter import Meter
from pulltui.engine.partial import Dirt, Partial
from pulltui.engine.parts import Part, PartTable
from pulltui.engine.repair import Step
from pulltui.engine.run import Run
from pulltui.engine.setbacks import NoRanges, PartSetback, StallSetback
from pulltui.engine.shielded import see_through
from pulltui.engine.source import Source
from pulltui.engine.verifier import Verifier
from pulltui.engine.views import BlobState, EventKind, PartState

_CLEAN = Dirt(0, 0)
_PIECE = 4_000_000
"""Parts are split for runs of at least so much: else, with a connection for each, nothing is hashed soon."""


class BlobDownload:
    """A digest that somebody wants and that is not here yet. One object, however many pulls want it."""

    def __init__(self, layer: Layer, context: Context) -> None:
        self.layer = layer
        self.digest = layer.digest
        self.size = layer.size
        self.wanted_by: set[str] = set()
        """Ids of the running pulls that want it."""
        self.verified = False
        self.error: PullError | None = None
        self.unsaved: PullError | None = None
        """Why its last closing did not make everything durable."""
        self.runs: set[Run] = set()
        self.delayed = Delayed()
        self.single_stream = False
        self.received = 0
        """Bytes off sockets, those that were thrown away again included."""
        self.retries = self.stalls = self.takeovers = self.fetched_again = 0
        self.note = ""
        self.meter = Meter(context.tuning.rate_window)
        self.table: PartTable | None = None
        """Kept after closing, for the screen; of what is verified and nobody's any more only `sizes` is."""
        self.sizes = array("Q")
        self.freshness = 0
        """Raised when runs must go to URLs resolved after now (`Source.freshen`)."""
        self.listeners: dict[str, Callable[[], None]] = {}
        """Told when something changes, by pull id."""
        self._context = context
        self._partial: Partial | None = None
        self._closing: Partial | None = None  # while what it has is made durable for the last time
        self._lock = asyncio.Lock()
        self._verifier: Verifier | None = None
        self._beside = Beside(layer, context.store, context.part_size)

    # -- being wanted -------------------------------------------------------------------------------

    async def acquire(self, pull: str, listener: Callable[[], None]) -> None:
        """A running pull wants it. What is on disk already is opened, so that progress shows at once."""
        self.wanted_by.add(pull)
        self.listeners[pull] = listener
        self.error = self.unsaved = None
        if told := await self._beside.adopt():
            self._emit(EventKind.NOTE, why=told)
        if self._context.store.partial(self.digest).data.exists():
            await self.open()

    async def release(self, pull: str) -> None:
        """That pull does not want it any more, or not now; the last one closes it durably."""
        self.wanted_by.discard(pull)
        self.listeners.pop(pull, None)
        async with self._lock:
            if not self.wanted_by:
                await self._close()
                if self.verified and self.table is not None:  # forty times as large, for all of a long queue
                    self.sizes, self.table = array("Q", [part.size for part in self.table]), None

    async def discard(self) -> None:
        """Delete what is on disk of it, unless a pull wants it meanwhile. Raises OSError."""
        store = self._context.store
        async with self._lock:
            if not self.wanted_by:
                await asyncio.to_thread(store.partial(self.digest).remove)
                await asyncio.to_thread(store.staged(self.digest).unlink, missing_ok=True)
                self.table, self.sizes = None, array("Q")

    @property
    def is_open(self) -> bool:
        """Whether runs can be taken."""
        return self._partial is not None

    async def open(self) -> None:
        """Open or make the partial, prove what it holds, start hashing. Failures end up in `error`.

        A cancellation is raised only when that is through: two must not be at work on one partial.
        """
        await see_through(self._open())

    async def _open(self) -> None:
        async with self._lock:
            if self._partial is not None or self.verified or self.error is not None or not self.wanted_by:
                return
            store, part_size = self._context.store, self._context.part_size(self.size)
            try:
                self._partial = await asyncio.to_thread(
                    lambda: Partial(store.begin(self.digest), self.digest, self.size, part_size)
                )
            except OSError as error:
                self.fail(storage_error(error, f"cannot open the partial of blob {self.digest[7:19]}"))
                return
            except PullError as error:
                self.fail(error)
                return
            self.table = self._partial.table
            self.delayed.clear()
            self._verifier = Verifier(
                self._partial,
                target=store.staged(self.digest),
                sums=store.sums_of(self.digest),
                on_verified=self._verified,
                on_failed=self.fail,
                on_repair=self._repair,
            )

    async def _close(self) -> None:
        if self._verifier is not None:
            await self._verifier.stop()
        partial, self._partial, self._verifier = self._partial, None, None
        if partial is None:
            return
        self._closing = partial
        try:
            await asyncio.to_thread(partial.checkpoint)
        except OSError as error:
            self._not_durable(partial, error)
            if not isinstance(error, MovedError):  # else there is nothing left to save
                self.unsaved = self.error
        finally:
            self._closing = None
        partial.close()
        self.meter.clear()

    # -- runs ---------------------------------------------------------------------------------------

    def take(self, source: Source, want: int, *, idle: bool = False) -> Run | None:
        """Return the next run of about `want` bytes, None if there is none; `idle` as for `take_run`."""
        partial = self._partial
        if self.table is None or partial is None or self.error is not None or self.verified:
            return None
        if self._undecided:
            return None
        now = self._context.clock()
        if self.single_stream:
            if self.runs or self.delayed.next_wait(now, together=True) or self.delayed.parked:
                return None
            parts = self.table.parts if any(self.table.unfinished()) else []
        else:
            parts = self.table.take_run(want, now, idle=idle)
        if not parts:
            return None
        run, piece = self._begin(parts, source), max(want, _PIECE)
        if 2 * (run.end - run.start) > 3 * piece:
            self.shorten(run, run.start + piece)
        return run

    @property
    def _undecided(self) -> bool:
        """Whether it is being found out if anything has to come, and which parts; told when that is over."""
        return self._beside.hashing or self.ending

    @property
    def ending(self) -> bool:
        """Whether it is being closed or turned into the blob, both make it durable, or read to be mended."""
        return self._closing is not None or (self._verifier is not None and self._verifier.finishing)

    def split(self, run: Run, at: int, source: Source) -> Run | None:
        """Have another connection fetch what lies behind about the byte `at` of a run; None if it cannot."""
        partial = self._partial
        parts = run.cut(at, partial.split) if partial is not None and self._splittable else []
        return self._begin(parts, source) if parts else None

    def shorten(self, run: Run, at: int) -> None:
        """Leave what lies behind about the byte `at` of a run to whoever comes next, if it can be cut."""
        if self._partial is not None and self._splittable and self._partial.cuttable:
            run.leave(at, self._partial.split)

    @property
    def _splittable(self) -> bool:
        if self._verifier is None or self.single_stream:
            return False
        return not (self.ending or self._verifier.repairing)

    def _begin(self, parts: list[Part], source: Source) -> Run:
        run = Run(parts, source, self._context.tuning.rate_window, whole=self.single_stream)
        self.runs.add(run)
        self.delayed.difference_update(parts)
        source.freshen(self.freshness)
        return run

    @property
    def written(self) -> int:
        """Bytes in the file."""
        if self.verified:
            return self.size
        return self.table.written() if self.table is not None else 0

    @property
    def all_written(self) -> bool:
        """Whether every byte is in the file."""
        return self.verified or (self.table is not None and not any(self.table.unfinished()))

    def feed(self, run: Run, chunk: memoryview) -> None:
        """Bytes of a run came off its socket."""
        self.received += len(chunk)
        partial = self._partial
        if partial is not None:
            submit, refill = self._context.writer.submit, self._context.tuning.budget_refill
            self.fetched_again += run.feed(chunk, lambda part, piece: submit(partial, part, piece), refill)

    def whole(self, run: Run) -> None:
        """A run was answered with the whole blob. Raises NoRanges or PartSetback if that cannot be used."""
        assert self.table is not None
        if run.start == 0 and run.end == self.size:
            return
        if run.source.ranges:
            raise PartSetback("the server sent the whole blob instead of a range")
        if not self.single_stream:
            self.single_stream = True
            self._emit(EventKind.NOTE, why="the server knows no ranges: one connection, from the first byte")
        others = self.runs - {run}
        if run.start != 0 or any(other.received for other in others):
            raise NoRanges("the server knows no ranges")
        for other in others:  # they have nothing yet, and would ask for nothing better
            if other.attempt is not None:
                other.attempt.abort(NoRanges("the server knows no ranges"))
        run.widen(self.table.parts)
        self.delayed.clear()

    def give_back(self, run: Run) -> None:
        """A connection is through with a run; everything it received is written."""
        run.let_go()
        self.runs.discard(run)
        if self._partial is not None and self._partial.error is not None and self.error is None:
            self.fail(storage_error(self._partial.error, f"cannot write blob {self.digest[7:19]}"))
        elif self._verifier is not None and self.all_written:
            self._verifier.all_written()
        self._notify()

    def setback(self, run: Run, setback: PartSetback) -> None:
        """A run broke off for its part's own reasons: count it, and say when it is tried again."""
        settings, tuning = self._context.settings.retry, self._context.tuning
        # What is sent again from the first byte may break where all is written: what is missing pays for it.
        part = next(self.table.unfinished(), run.part) if self.table is not None and run.whole else run.part
        if part.done:  # it broke off behind all that was missing
            return
        kind = EventKind.STALLED if isinstance(setback, StallSetback) else EventKind.RETRY
        self.stalls += kind is EventKind.STALLED
        if part.failures % 2 and (kind is EventKind.STALLED or part.failures > 2):
            run.source.refresh(run.generation or run.source.generation)  # it may lead somewhere better
        self.retries += 1
        gained = run.progressed(tuning.gain) and kind is EventKind.RETRY
        if gained:
            part.failures = 0
        base = tuning.resolve_base if setback.resolving or gained else tuning.backoff_base
        run.source.failing += 1
        now, uniform = self._context.clock(), self._context.uniform
        row = part.failures + 1 if run.whole else run.source.failing  # a whole one is sent anew: no haste
        wait = self.delayed.put(part, setback.why, now, settings, base=base, in_a_row=row, uniform=uniform)
        part.state = PartState.STALLED if kind is EventKind.STALLED else PartState.WAITING
        if wait is None:
            part.state = PartState.FAILED
        most = settings.max_retries
        self._emit(kind, part=part.n, attempt=part.failures, attempts=most, wait=wait, why=setback.why)

    def forgive(self) -> None:
        """Try every delayed part again, now, with fresh budgets."""
        self.delayed.forgive()
        self._notify()

    def next_wait(self) -> float | None:
        """Return the seconds until a connection with nothing else to do may try a delayed part, if ever."""
        if self._undecided or (self.single_stream and self.runs):
            return None
        # One stream begins when the last of them may.
        return self.delayed.next_wait(self._context.clock(), together=self.single_stream)

    def stuck(self) -> bool:
        """Return whether only parked parts are left: nothing goes on by itself."""
        if self.runs or self.verified or self.table is None or not self.delayed.parked:
            return False
        return self.single_stream or all(part.parked for part in self.table.unfinished())

    async def look_beside(self) -> None:
        """Notice what other programs did to it since the last look."""
        partial = self._partial
        if partial is None or self._settled(partial):
            return
        changed = await self._beside.look(partial, lambda: self._partial is partial)
        if changed is not None and not self._settled(partial):
            self.fail(changed)
        self._notify()

    def _settled(self, partial: Partial) -> bool:
        """Return whether that partial is not, or not for long, what is being written."""
        return self._partial is not partial or self.ending or self.error is not None

    def forget(self) -> None:
        """What was verified has vanished: it has to come again."""
        self.verified, self.table, self.sizes = False, None, array("Q")
        self.delayed.clear()

    # -- hashing and the end ------------------------------------------------------------------------

    @property
    def state(self) -> BlobState:
        """Where it stands."""
        if self.verified:
            return BlobState.VERIFIED
        if self.error is not None:
            return BlobState.FAILED
        if self._partial is None or self._verifier is None:
            return BlobState.QUEUED
        if self._verifier.repairing:
            return BlobState.REPAIRING
        return BlobState.VERIFYING if self.all_written else BlobState.DOWNLOADING

    @property
    def hashed(self) -> int:
        """Length of the prefix that is hashed."""
        if self.verified:
            return self.size
        return self._verifier.hashed if self._verifier is not None else 0

    def _verified(self) -> None:
        self._partial = self._verifier = None
        self.delayed.clear()
        self.verified = True
        self.note = ""
        self._emit(EventKind.VERIFIED, size=self.size)
        self._notify()

    def _repair(self, got: str, step: Step) -> None:
        """The bytes are not the blob: some parts are fetched again."""
        self.fetched_again += step.bytes
        self.note = step.note
        self.freshness += step.fresh_url
        self._emit(EventKind.NOTE, why=f"the digest came out as {got[7:19]}, {step.note}")
        self._notify()

    def fail(self, error: PullError) -> None:
        """It cannot go on; every pull that wants it hears of it."""
        if self.error is None:
            self.error = error
        self._notify()

    # -- durability ---------------------------------------------------------------------------------

    @property
    def dirt(self) -> Dirt:
        """What of it is written and not durable."""
        return partial.dirt if (partial := self._partial or self._closing) else _CLEAN

    async def checkpoint(self) -> bool:
        """Make what is written durable; False if it is `ending`: that is no time for it."""
        partial = self._partial
        if partial is None or self.ending:
            return not self.ending
        try:
            await asyncio.to_thread(partial.checkpoint, self.hashed)
        except OSError as error:
            await self._context.writer.drain()
            if self._partial is partial:
                self._not_durable(partial, error)
        return True

    def _not_durable(self, partial: Partial, error: OSError) -> None:
        """A checkpoint failed. If it was the sync, what came since the last one counts as not written."""
        if partial.sync_error is not None and (lost := partial.step_back()):
            why = f"the disk failed to sync ({error.strerror}): {lost} bytes count as not written"
            self._emit(EventKind.NOTE, why=why)
        self.fail(storage_error(error, f"cannot sync blob {self.digest[7:19]}"))

    def _emit(self, kind: EventKind, **fields: Any) -> None:
        """Tell every pull that wants it."""
        for pull in sorted(self.wanted_by) or [""]:
            self._context.log.emit(kind, pull=pull, digest=self.digest, **fields)

    def _notify(self) -> None:
        for listener in list(self.listeners.values()):
            listener()
