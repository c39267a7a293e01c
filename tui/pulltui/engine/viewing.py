"""Makes the frozen view of everything, about ten times a second; what did not change is not made again."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from itertools import accumulate

from msgspec.structs import replace

from pulltui.engine import standing
from pulltui.engine.attempt import Attempt
from pulltui.engine.blob import BlobDownload
from pulltui.engine.context import Context
from pulltui.engine.manifest import Layer
from pulltui.engine.meter import Meter, time_left
from pulltui.engine.parts import Part
from pulltui.engine.pull import Pull
from pulltui.engine.queue import Queue, held
from pulltui.engine.run import Run
from pulltui.engine.sums import Sums
from pulltui.engine.takeover import too_quiet
from pulltui.engine.turns import turn
from pulltui.engine.views import (
    BlobState,
    BlobView,
    EngineView,
    PartialView,
    PartMap,
    PartState,
    PartView,
    PullState,
    PullView,
)
from pulltui.engine.watchdog import Silence

_MOVING = frozenset(
    {
        PullState.RESOLVING,
        PullState.DOWNLOADING,
        PullState.VERIFYING,
        PullState.COMMITTING,
        PullState.WAITING,
    }
)
_PAUSED = {PullState.PAUSED: BlobState.PAUSED}
"""What is said of blobs that nobody has begun since the start."""
_UNRESOLVED = frozenset({PullState.QUEUED, PullState.RESOLVING, PullState.WAITING})
_WORST_FIRST = (
    PartState.FAILED,
    PartState.STALLED,
    PartState.WAITING,
    PartState.QUIET,
    PartState.RECEIVING,
)


class Viewer:
    """Looks at the queue and says what there is to see. Belongs to the engine's loop."""

    def __init__(self, context: Context, queue: Queue, transport: str) -> None:
        self._context = context
        self._queue = queue
        self._transport = transport
        self._rev = 0
        self._sums = Sums()
        self._kept: dict[str, tuple[object, PullView]] = {}
        self._layouts: dict[str, tuple[list[Part], bytes, bytes]] = {}
        self._hashing: dict[str, Meter] = {}
        """Blobs that are being verified: how fast they are hashed."""
        self.watched: frozenset[str] = frozenset()
        self.free: int | None = None
        """Bytes free on the disk, looked up elsewhere now and then."""
        self.adoptable: tuple[PartialView, ...] = ()
        """What Ollama has begun, looked up elsewhere."""

    def view(self, *, suspended: bool = False) -> EngineView:
        """Return the view of this moment."""
        self._queue.schedule()  # a pull may have begun to wait: nobody says so
        self._rev += 1
        now = self._context.clock()
        self._sample_hashing(now)
        writer = self._context.writer
        writer.disk.look(writer.finished, writer.backlog)
        blobs = {blob.digest: self._sampled(blob, now) for blob in self._queue.downloads() if blob.is_open}
        if len(self._kept) > len(self._queue.pulls):
            self._kept = {key: kept for key, kept in self._kept.items() if key in self._queue.pulls}
        pulls = tuple([self._pull(pull, blobs, now) for pull in self._queue.pulls.values()])
        moving = {blob.digest: blob for pull in pulls if pull.state in _MOVING for blob in pull.blobs}
        total = self._sums.of(tuple([pull for pull in pulls if pull.state not in _MOVING]), moving.values())
        rate = sum(rate for _, rate in blobs.values())
        return EngineView(
            rev=self._rev,
            now=now,
            pulls=pulls,
            rate=rate,
            size=total.size,
            done=total.done,
            unresolved=sum(pull.state in _UNRESOLVED and not pull.size for pull in pulls),
            eta=_eta(total.left, moving.values(), rate),
            connections=sum(len(_connected(blob)) for blob in self._queue.downloads()),
            backlog=writer.backlog,
            models_dir=str(self._context.store.root),
            transport=self._transport,
            free=self.free,
            undo=self._queue.undoable,
            adoptable=self.adoptable,
            limit=self._context.limits.rate,
            limit_why=self._context.limits.why,
            capped=self._context.throttle.capped,
            disk=writer.disk.why,
            suspended=suspended,
        )

    def _sampled(self, blob: BlobDownload, now: float) -> tuple[int, float]:
        """Return what is written of an open blob and how fast it grows."""
        written = blob.written
        blob.meter.sample(now, written)
        # Once all is here nothing comes any more, whatever came a moment ago.
        return written, 0.0 if blob.all_written else blob.meter.rate(now, written)

    def _sample_hashing(self, now: float) -> None:
        """Measure what is being verified, from the moment on when nothing else goes on with it."""
        verifying = [blob for blob in self._queue.downloads() if blob.state is BlobState.VERIFYING]
        window = self._context.tuning.rate_window
        self._hashing = {blob.digest: self._hashing.get(blob.digest) or Meter(window) for blob in verifying}
        for blob in verifying:
            self._hashing[blob.digest].sample(now, blob.hashed)

    def _blob_eta(self, blob: BlobDownload, done: int, rate: float, now: float) -> float | None:
        """Return the seconds until the bytes are here, or hashed if they are."""
        meter = self._hashing.get(blob.digest)
        if meter is not None:
            return time_left(blob.size - blob.hashed, meter.rate(now, blob.hashed))
        return time_left(blob.size - done, rate)

    def _pull(self, pull: Pull, blobs: dict[str, tuple[int, float]], now: float) -> PullView:
        moving = pull.state in _MOVING
        looked_at = self.watched.intersection([blob.digest for blob in pull.downloads])
        if not moving:  # another pull may be fetching the same blobs; that is not this one's speed
            ours = [blob.digest for blob in pull.downloads if blob.is_open and blob.digest in blobs]
            blobs = {digest: (blobs[digest][0], 0.0) for digest in ours}
        key = (pull.state, pull.rev, looked_at, None if moving else blobs)
        kept = self._kept.get(pull.id)
        if not moving and kept is not None and kept[0] == key:
            return kept[1]
        layers = pull.manifest.blobs if pull.manifest is not None and pull.counted else ()
        downloads = {blob.digest: blob for blob in pull.downloads}
        views = tuple(
            self._blob(pull, layer, downloads.get(layer.digest), blobs.get(layer.digest), now)
            for layer in layers
        )
        size = sum(view.size for view in views)
        done = sum(view.done for view in views)
        rate = sum(view.rate for view in views)
        error = pull.error
        waiting = pull.waiting if moving else None
        if waiting is None and pull.state is PullState.DOWNLOADING:
            waiting = turn(pull, self._context.slots, self._queue.pulls)
        view = PullView(
            id=pull.id,
            name=pull.name.short,
            host=pull.registry,
            state=PullState.WAITING if moving and held(pull) else pull.state,
            size=size,
            done=done,
            cached=sum(layer.size for layer in layers if layer.digest in pull.cached),
            rate=rate,
            eta=_eta(size - done, views, rate) if moving else None,
            connections=sum(view.connections for view in views),
            connections_why=pull.crew.why if pull.crew is not None else "",
            blobs=views,
            waiting=waiting,
            error=str(error) if error else "",
            hint=error.hint if error else "",
            kind=error.kind if error else waiting.kind if waiting else "",
            exit_code=error.exit_code if error else 0,
            seconds=pull.elapsed(),
            insecure=pull.base_url.startswith("http:"),
            limit=pull.limit,
            capped=moving and self._capped(pull),
            disk=self._context.writer.disk.why if moving and any(view.disk for view in views) else "",
        )
        if not moving:
            self._kept[pull.id] = (key, view)
        return view

    def _capped(self, pull: Pull) -> bool:
        """Return whether a cap holds a pull back: its bytes, or all its connections."""
        throttle = self._context.throttle
        return throttle.holds(pull.id) or (throttle.capped and self._context.slots.starved(pull.id))

    def _blob(
        self,
        pull: Pull,
        layer: Layer,
        blob: BlobDownload | None,
        measured: tuple[int, float] | None,
        now: float,
    ) -> BlobView:
        here = blob is None and (layer.digest in pull.cached or pull.state is PullState.DONE)
        if blob is None:
            return BlobView(
                digest=layer.digest,
                kind=layer.kind,
                media_type=layer.media_type,
                size=layer.size,
                done=layer.size if here else min(layer.size, pull.peeked.get(layer.digest, 0)),
                hashed=layer.size if here else 0,
                state=BlobState.CACHED if here else _PAUSED.get(pull.state, BlobState.QUEUED),
            )
        known = blob.verified or blob.table is not None
        there = blob.written if known else min(layer.size, pull.peeked.get(blob.digest, 0))
        done, rate = measured or (there, 0.0)
        watched = blob.digest in self.watched
        connected = _connected(blob)
        silences = [attempt.silence for attempt in connected if not attempt.over]
        fresh = [run for run in blob.runs if _connects(run)]
        state = BlobState.PAUSED if pull.state is PullState.PAUSED and not blob.verified else blob.state
        table = blob.table
        put_away = len(blob.sizes) if table is None and blob.verified else 0
        parts = self._map(blob) if watched and (table is not None or put_away) else None
        if parts is not None:  # the writer goes on meanwhile: what is shown must add up all the same
            done = sum(memoryview(parts.done).cast("Q"))
        view = BlobView(
            digest=layer.digest,
            kind=layer.kind,
            media_type=layer.media_type,
            size=layer.size,
            done=done,
            hashed=blob.hashed,
            rate=rate,
            eta=self._blob_eta(blob, done, rate, now),
            state=state,
            connections=len(connected),
            connecting=len(fresh),
            reconnecting=sum(run.part.failures > 0 for run in fresh),
            waiting=sum(run.attempt is not None and run.attempt.waits for run in blob.runs),
            parts=len(table) if table is not None else put_away,
            parts_done=sum(part.done for part in table) if table is not None else put_away,
            quiet=silences.count(Silence.QUIET),
            stalled=sum(part.state is PartState.STALLED for part in blob.delayed),
            retrying=sum(part.state in (PartState.WAITING, PartState.FAILED) for part in blob.delayed),
            retries=blob.retries,
            stalls=blob.stalls,
            received=blob.received,
            takeovers=blob.takeovers,
            fetched_again=blob.fetched_again,
            source=pull.source_host(layer.digest),
            single_stream=blob.single_stream,
            disk=any(self._behind(run) for run in blob.runs),
            note=blob.note,
            active=self._active(pull, blob, now) if watched else (),
            map=parts,
        )
        return replace(view, eta=None) if _stands((view,)) else view

    def _behind(self, run: Run) -> bool:
        """Return whether a run waits for the disk."""
        return run.attempt is not None and run.attempt.behind and self._context.writer.disk.holds

    def _active(self, pull: Pull, blob: BlobDownload, now: float) -> tuple[PartView, ...]:
        """Return the parts that hold a connection or wait for one, worst first."""
        moving = not blob.single_stream and any(_moves(run) for each in pull.downloads for run in each.runs)
        first_byte = pull.crew.pace.usual.first_byte if pull.crew is not None else 0.0
        views = [self._receiving(run, now, first_byte if moving else None) for run in blob.runs]
        idle = pull.crew is not None and pull.crew.idle > 0
        views += [self._delayed(part, now, idle) for part in blob.delayed]
        order = {state: rank for rank, state in enumerate(_WORST_FIRST)}
        return tuple(sorted(views, key=lambda view: (order.get(view.state, len(order)), view.n)))

    def _receiving(self, run: Run, now: float, first_byte: float | None = None) -> PartView:
        """`first_byte`: the usual seconds to the first one, None if others would not take it over."""
        part, attempt = run.part, run.attempt
        run.meter.sample(now, run.received)
        state, silent, wait, why = PartState.RECEIVING, 0.0, 0.0, part.why if part.failures else ""
        if attempt is not None:
            silent = attempt.silent()
            if self._behind(run):
                silent, why = 0.0, "held by the disk"
            elif attempt.silence in (Silence.QUIET, Silence.STALLED, Silence.TRICKLE):
                state = PartState.QUIET
            if attempt.capped:
                why = why or "held by the cap"
            if attempt.waits:
                state, (wait, why) = PartState.WAITING, _why_it_waits(attempt)
        return PartView(
            n=part.n,
            offset=part.offset,
            size=part.size,
            done=part.mark.written,
            state=state,
            rate=run.meter.rate(now, run.received) if state is PartState.RECEIVING else 0.0,
            silent=silent if silent >= self._context.tuning.quiet_after else 0.0,
            stall_after=self._context.settings.retry.stall_timeout,
            takeover=self._takeover(run, first_byte) if state is PartState.QUIET else 0.0,
            begun=run.received > 0 or state is PartState.WAITING,
            attempt=part.failures,
            attempts=self._context.settings.retry.max_retries,
            wait=wait,
            why=why,
        )

    def _takeover(self, run: Run, first_byte: float | None) -> float:
        """Return the silence at which another connection goes on for a run, 0 if none would."""
        if first_byte is None:
            return 0.0
        busy, begun = self._context.tuning.takeover_after, run.received > 0
        after = too_quiet(busy, standing.first_byte(run, first_byte), begun=begun, moves=standing.moves(run))
        return after if after < self._context.settings.retry.stall_timeout else 0.0

    def _delayed(self, part: Part, now: float, idle: bool) -> PartView:
        return PartView(
            n=part.n,
            offset=part.offset,
            size=part.size,
            done=part.mark.written,
            state=part.state,
            attempt=part.failures,
            attempts=self._context.settings.retry.max_retries,
            wait=max(0.0, (part.soon if idle else part.not_before) - now),
            why=part.why,
        )

    def _map(self, blob: BlobDownload) -> PartMap:
        table = blob.table
        if table is None:
            return _whole(blob.sizes)
        kept = self._layouts.get(blob.digest)
        if kept is None or kept[0] is not table.parts:  # another blob's object, or one was split
            offsets = array("Q", [part.offset for part in table]).tobytes()
            sizes = array("Q", [part.size for part in table]).tobytes()
            kept = self._layouts[blob.digest] = (table.parts, offsets, sizes)
        states = bytearray(PartState.DONE if part.done else part.state for part in table)
        for run in blob.runs:
            if run.attempt is not None and not run.part.done:
                view = self._receiving(run, self._context.clock())
                states[run.part.n] = PartState.HELD if _connects(run) else view.state
        done = array("Q", [part.mark.written for part in table]).tobytes()
        return PartMap(offsets=kept[1], sizes=kept[2], done=done, states=bytes(states))

    def watch(self, digests: Collection[str]) -> None:
        """Say which blobs somebody looks at."""
        self.watched = frozenset(digests)
        self._layouts = {digest: kept for digest, kept in self._layouts.items() if digest in self.watched}


def _whole(sizes: array[int]) -> PartMap:
    """Return the map of a blob that is here."""
    offsets, packed = array("Q", accumulate(sizes[:-1], initial=0)).tobytes(), sizes.tobytes()
    return PartMap(offsets=offsets, sizes=packed, done=packed, states=bytes([PartState.DONE]) * len(sizes))


def _connected(blob: BlobDownload) -> list[Attempt]:
    """Return the attempts that have a connection, or are about to make one."""
    attempts = (run.attempt for run in blob.runs)
    return [attempt for attempt in attempts if attempt is not None and not attempt.waits]


def _connects(run: Run) -> bool:
    """Return whether a run has a connection that has brought nothing yet, and nobody calls quiet."""
    attempt = run.attempt
    if attempt is None or run.received or attempt.waits or attempt.over:
        return False
    return attempt.silence is Silence.NONE


def _moves(run: Run) -> bool:
    """Return whether bytes of a run come just now."""
    attempt = run.attempt
    return attempt is not None and run.received > 0 and attempt.silence is Silence.NONE and not attempt.waits


def _why_it_waits(attempt: Attempt) -> tuple[float, str]:
    """Return for how many seconds still (0: until something changes), and why."""
    gate = attempt.gate
    if gate is not None and (waiting := gate.waiting) is not None:
        return waiting.seconds or 0.0, waiting.why
    crowded = gate.crowded if gate is not None else ""
    return 0.0, crowded or "another connection is asking for the address"


def _stands(blobs: Collection[BlobView]) -> bool:
    """Return whether something is being fetched and none of it moves: there is no telling for how long."""
    going = [blob for blob in blobs if blob.state is BlobState.DOWNLOADING]
    held = [blob.quiet + blob.stalled + blob.retrying + blob.waiting + blob.reconnecting for blob in going]
    moving = sum(blob.connections - blob.quiet - blob.reconnecting for blob in going)
    return bool(sum(held)) and moving == 0


def _eta(left: int, blobs: Collection[BlobView], rate: float) -> float | None:
    """Return the seconds until the `left` bytes have come at `rate`; after that, until these are hashed."""
    if left:
        return None if _stands(blobs) else time_left(left, rate)
    etas = [blob.eta for blob in blobs if blob.state is BlobState.VERIFYING]
    known = [eta for eta in etas if eta is not None]
    return max(known) if known and len(known) == len(etas) else None
