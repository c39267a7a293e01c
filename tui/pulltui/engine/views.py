"""What the engine shows: one frozen view, published about ten times a second.

A view is plain data: it can be kept, compared, pickled or sent over a socket. Text in it is clean.
Bytes are integers, rates bytes a second, times seconds; durations are counted from the view's `now`.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec


class PullState(StrEnum):
    """Where a pull stands (README: states)."""

    QUEUED = "queued"
    RESOLVING = "resolving"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    COMMITTING = "committing"
    DONE = "done"
    PAUSED = "paused"
    WAITING = "waiting"
    FAILED = "failed"


class BlobState(StrEnum):
    """Where a blob stands."""

    QUEUED = "queued"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    REPAIRING = "repairing"
    PAUSED = "paused"
    VERIFIED = "verified"
    CACHED = "cached"
    FAILED = "failed"


class PartState(IntEnum):
    """Where a part stands; one byte each in `PartMap.states`."""

    TODO = 0
    PARTIAL = 1
    """Some of it is written, and nobody is fetching the rest just now."""
    DONE = 2
    HELD = 3
    """In a connection's run, behind the part that is being received."""
    RECEIVING = 4
    WAITING = 5
    """Waits for a retry, or for its host."""
    QUIET = 6
    STALLED = 7
    FAILED = 8


class PartView(msgspec.Struct, frozen=True):
    """One part that holds a connection, or waits to have one again."""

    n: int
    offset: int
    size: int
    done: int
    """Bytes written."""
    state: PartState
    rate: float = 0.0
    silent: float = 0.0
    """Seconds since the last byte came off the socket; counted from `quiet_after` on."""
    stall_after: float = 0.0
    """The silence at which the connection is given up."""
    takeover: float = 0.0
    """The silence at which another connection goes on for it; 0 while none would."""
    begun: bool = True
    """Its connection has brought a byte, or there is none; else one is being made."""
    attempt: int = 0
    """Failures in a row without progress; 0 when all is well."""
    attempts: int = 0
    """`max_retries`."""
    wait: float = 0.0
    """Seconds until the next try."""
    why: str = ""
    """What went wrong last: '503', 'connection reset', 'stalled for 30 s'; 'held by the cap', 'held by the
    disk'."""


class PartMap(msgspec.Struct, frozen=True):
    """All parts of a blob, packed: only for blobs that somebody looks at.

    `offsets`, `sizes`, `done` are arrays of native unsigned 64-bit integers (`memoryview(x).cast("Q")`),
    `states` has one byte a part (PartState). Parts are in order, without gaps, and add up to the blob.
    """

    offsets: bytes
    sizes: bytes
    done: bytes
    states: bytes


class Waiting(msgspec.Struct, frozen=True):
    """Why something waits, in words, and for how long still (None: until something changes)."""

    why: str
    seconds: float | None = None
    kind: str = ""
    """A stable word: busy (the server asked for it), offline, retries, no-space, schedule, connections
    (others have them all)."""


class BlobView(msgspec.Struct, frozen=True):
    """One blob of a pull."""

    digest: str
    """`sha256:<64 hex>`."""
    kind: str
    """The layer's role: model, config, template, license, ..."""
    media_type: str
    size: int
    done: int = 0
    """Bytes written; never falls, except for the step back after a failed sync or a repair."""
    hashed: int = 0
    """Length of the prefix that is hashed."""
    rate: float = 0.0
    eta: float | None = None
    """Seconds until all bytes have come; while verifying, until they are hashed."""
    state: BlobState = BlobState.QUEUED
    connections: int = 0
    """Those in use; what waits at a gate has none."""
    parts: int = 0
    parts_done: int = 0
    quiet: int = 0
    stalled: int = 0
    retrying: int = 0
    """How many parts are quiet, stalled, waiting for a retry."""
    waiting: int = 0
    """How many more wait for their host, or for its answer to another one."""
    connecting: int = 0
    """Connections that have not brought a byte yet and are not quiet."""
    reconnecting: int = 0
    """Those among them that try again what has failed."""
    retries: int = 0
    stalls: int = 0
    takeovers: int = 0
    """How often another connection went on for one that was quiet, or far slower than its siblings."""
    received: int = 0
    """Bytes that came off sockets since this start."""
    fetched_again: int = 0
    """Bytes that came a second time: by repairs, or twice because their connection changed."""
    source: str = ""
    """Host that the bytes come from."""
    single_stream: bool = False
    """The server knows no ranges: one connection from the start."""
    disk: bool = False
    """The disk holds it back just now: what came of it has to be written or synced first."""
    note: str = ""
    """One clean sentence on what is going on when it is not plain downloading."""
    active: tuple[PartView, ...] = ()
    """Parts that hold a connection or wait for one, worst first; only for watched blobs."""
    map: PartMap | None = None
    """Only for watched blobs."""


class ModelInfo(msgspec.Struct, frozen=True):
    """What pulling a name would mean."""

    name: str
    size: int
    """Bytes of all distinct blobs."""
    blobs: int
    here: int
    """Bytes of it that are here already, in whole blobs and in partials."""
    needed: int
    """Bytes that it would still take on the disk."""
    free: int
    """Bytes free there."""
    why: str = ""
    """Why it does not fit just now, a clean sentence; empty if it does."""


class PartialView(msgspec.Struct, frozen=True):
    """One unfinished blob on disk."""

    digest: str
    size: int
    """Bytes of the whole blob."""
    done: int
    """Bytes that are there."""
    age: float
    """Seconds since it last changed, by the file's own time."""
    owner: str
    """`pulltui` or `ollama`."""
    pulls: tuple[str, ...] = ()
    """Names in the queue that need it."""
    why: str = ""
    """Why it cannot be adopted just now, a clean sentence; empty if it can, or is ours."""


class PullView(msgspec.Struct, frozen=True):
    """One pull and its blobs."""

    id: str
    name: str
    """The name as people write it, shortest form, clean."""
    host: str
    state: PullState
    size: int = 0
    """Bytes of all distinct blobs; 0 until the manifest is here."""
    done: int = 0
    cached: int = 0
    """Bytes of blobs that were here already."""
    rate: float = 0.0
    eta: float | None = None
    connections: int = 0
    connections_why: str = ""
    """Why there are so many, in words, while it fetches."""
    blobs: tuple[BlobView, ...] = ()
    waiting: Waiting | None = None
    error: str = ""
    """What failed, with the evidence."""
    hint: str = ""
    """What to do next."""
    kind: str = ""
    """Stable word for the error (errors.py), or for what it waits for (`Waiting.kind`)."""
    exit_code: int = 0
    seconds: float = 0.0
    """Time spent on it since this start, pauses excluded."""
    insecure: bool = False
    limit: float | None = None
    """Its own cap, bytes a second."""
    capped: bool = False
    """A cap, its own or that of everything, holds it back just now."""
    disk: str = ""
    """The disk holds it back just now: what it takes, in words; else empty."""


class EngineView(msgspec.Struct, frozen=True):
    """Everything there is to see at one moment."""

    rev: int = 0
    now: float = 0.0
    """The engine's monotonic clock."""
    pulls: tuple[PullView, ...] = ()
    """In queue order."""
    rate: float = 0.0
    size: int = 0
    done: int = 0
    """Sums over pulls that are not failed, blobs counted once."""
    unresolved: int = 0
    """Pulls in the queue, or being looked up, whose size is not known yet: `size` and `eta` are without
    them."""
    eta: float | None = None
    """Without paused and failed pulls; None when nobody can tell, or nothing is left to do."""
    connections: int = 0
    backlog: int = 0
    """Bytes received but not yet written."""
    models_dir: str = ""
    transport: str = ""
    """`fast` or `httpx`."""
    free: int | None = None
    """Bytes free where the models go."""
    limit: float | None = None
    """The cap in force for everything together, bytes a second; 0 while `limit_why` pauses everything."""
    limit_why: str = ""
    """Where that cap comes from: `settings`, `schedule` (with its hours), `set by hand`."""
    capped: bool = False
    """That cap holds us back just now."""
    disk: str = ""
    """The disk holds us back just now: what it takes, in words; else empty."""
    undo: str = ""
    """What `undo` would take back, in words; empty if there is nothing."""
    adoptable: tuple[PartialView, ...] = ()
    """Ollama's partials found at the start that can be adopted and nobody has decided about yet."""
    starting: bool = False
    """The engine is not up yet: what is in the queue is not known."""
    suspended: bool = False
    """The machine slept, or the process was stopped, until a moment ago; everything connects again."""


class EventKind(StrEnum):
    """What may not be missed, or is of interest to a log."""

    ADDED = "added"
    RESOLVED = "resolved"
    STALLED = "stalled"
    RETRY = "retry"
    WAITING = "waiting"
    CONNECTIONS = "connections"
    """Their number was found, or is bounded."""
    NOTE = "note"
    VERIFIED = "verified"
    PAUSED = "paused"
    RESUMED = "resumed"
    DONE = "done"
    FAILED = "failed"
    REMOVED = "removed"


class Event(msgspec.Struct, frozen=True):
    """One line of the event log. Fields that do not apply keep their defaults."""

    seq: int
    at: float
    """Seconds since the engine started."""
    kind: EventKind
    pull: str = ""
    """Id of the pull."""
    name: str = ""
    digest: str = ""
    part: int | None = None
    attempt: int = 0
    attempts: int = 0
    wait: float | None = None
    why: str = ""
    hint: str = ""
    error_kind: str = ""
    blobs: int = 0
    size: int = 0
    cached: int = 0
    here: int = 0
    seconds: float = 0.0
    fetched_again: int = 0
