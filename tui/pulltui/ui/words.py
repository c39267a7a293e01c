"""States, waits and troubles in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pulltui_config.units import format_duration

from pulltui.engine.views import BlobState, BlobView, PartState, PullState, PullView, Waiting

PULL_ROLE = {
    PullState.DOWNLOADING: "active",
    PullState.RESOLVING: "active",
    PullState.VERIFYING: "hash",
    PullState.COMMITTING: "hash",
    PullState.DONE: "done",
    PullState.WAITING: "wait",
    PullState.FAILED: "bad",
}
"""How the glyph and the word of a pull are shown; dim where nothing is said."""
BLOB_ROLE = {
    BlobState.DOWNLOADING: "active",
    BlobState.VERIFYING: "hash",
    BlobState.REPAIRING: "wait",
    BlobState.VERIFIED: "done",
    BlobState.CACHED: "done",
    BlobState.FAILED: "bad",
}
PART_ROLE = {
    PartState.TODO: "todo",
    PartState.PARTIAL: "partial",
    PartState.DONE: "done",
    PartState.HELD: "held",
    PartState.RECEIVING: "active",
    PartState.WAITING: "wait",
    PartState.QUIET: "quiet",
    PartState.STALLED: "bad",
    PartState.FAILED: "bad",
}


BY_DISK = "held by the disk"
"""What the engine says of a part that waits for the disk (`PartView.why`), and we of all else that does."""
CAPPED = "held by the cap"
"""The same of our own cap."""


def span_of(seconds: float) -> str:
    """Return whole seconds, rounded up, as in "7 s", and longer times as in "1m47s"."""
    whole = math.ceil(max(0.0, seconds))
    return f"{whole} s" if whole < 60 else format_duration(whole)


def waiting_words(waiting: Waiting | None) -> str:
    """Return "registry busy (503), next try in 7 s", "waiting 7 s: 1 of 1 pulls run"."""
    if waiting is None:
        return "waiting"
    if waiting.kind in _TRIED:
        return _next_try(waiting.why or _KINDS[waiting.kind], waiting.seconds)
    time = "" if waiting.seconds is None else f" {span_of(waiting.seconds)}"
    return f"waiting{time}: {waiting.why}" if waiting.why else f"waiting{time}"


def _next_try(why: str, seconds: float | None) -> str:
    return why if seconds is None else f"{why}, next try in {span_of(seconds)}"


_TRIED = ("busy", "offline", "retries")
"""`Waiting.kind` of what is tried again when the time is over."""
_KINDS = {
    "busy": "server busy",
    "offline": "no answer",
    "retries": "retries used up",
    "no-space": "no space",
    "schedule": "schedule",
    "connections": "its turn comes",
}
"""`Waiting.kind` in a word or two."""


def waiting_briefly(waiting: Waiting | None, room: int) -> str:
    """Return the same for about `room` cells: "server busy, next try in 7 s", "server busy, 7 s"."""
    whole = waiting_words(waiting)
    if waiting is None or waiting.kind not in _KINDS or len(whole) <= room:
        return whole
    kind = _KINDS[waiting.kind]
    if waiting.seconds is None:
        return kind
    brief = f"waiting {span_of(waiting.seconds)}: {kind}"
    if waiting.kind in _TRIED:
        brief = _next_try(kind, waiting.seconds)
    return brief if len(brief) <= room else f"{kind}, {span_of(waiting.seconds)}"


def counted(number: int, noun: str) -> str:
    """Return "1 part", "2 parts"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def trouble(blobs: Sequence[BlobView], room: int) -> str:
    """Return "1 stalled, 2 quiet", or "1 stalled +2" if there is no `room` for that; "" if there is none."""
    counts = (
        (sum(blob.stalled for blob in blobs), "stalled"),
        (sum(blob.retrying for blob in blobs), "retrying"),
        (sum(blob.waiting for blob in blobs), "waiting"),
        (sum(blob.reconnecting for blob in blobs), "reconnecting"),
        (sum(blob.quiet for blob in blobs), "quiet"),
    )
    found = [f"{number} {word}" for number, word in counts if number]
    whole = ", ".join(found)
    if len(whole) <= room or len(found) < 2:
        return whole
    first = next(number for number, _ in counts if number)
    return f"{found[0]} +{sum(number for number, _ in counts) - first}"


def shown_state(pull: PullView) -> PullState:
    """Return the state to show: a pull that is kept waiting and gets nothing is waiting.

    Under a cap it may be without a connection for a moment, and get its share all the same.
    """
    return PullState.WAITING if pull.waiting is not None and not pull.rate else pull.state


def disk_words(room: int) -> str:
    """Return that the disk holds something back, for about `room` cells."""
    return BY_DISK if len(BY_DISK) <= room else "disk is slow"


def pull_words(pull: PullView, room: int) -> tuple[str, str]:
    """Return what a pull is doing, for about `room` cells, and the role to say it in."""
    state = shown_state(pull)
    role = PULL_ROLE.get(state, "dim")
    if state is PullState.WAITING:
        return waiting_briefly(pull.waiting, room), role
    if pull.state is PullState.FAILED:
        return (f"failed: {pull.error}" if pull.error else "failed"), role
    if pull.state is PullState.DONE and pull.seconds > 0:
        return (f"done in {span_of(pull.seconds)}" if pull.seconds >= 1 else "done at once"), role
    if pull.state is PullState.DOWNLOADING:
        going = [blob for blob in pull.blobs if blob.state is BlobState.DOWNLOADING]
        if words := trouble(going, room):
            return words, "bad" if any(blob.stalled for blob in going) else "wait"
        if pull.disk:
            return disk_words(room), "held"
        if pull.capped and pull.waiting is not None:
            return CAPPED if len(CAPPED) <= room else "capped", "held"
    return pull.state.value, role


def blob_words(blob: BlobView, room: int) -> tuple[str, str]:
    """Return what a blob is doing, for about `room` cells, and the role to say it in."""
    role = BLOB_ROLE.get(blob.state, "dim")
    if blob.state is BlobState.DOWNLOADING:
        if words := trouble([blob], room):
            return words, "bad" if blob.stalled else "wait"
        if blob.disk:
            return disk_words(room), "held"
        if blob.connecting and blob.connecting == blob.connections and not blob.rate:
            return "connecting", role
        if blob.single_stream:
            return "1 stream", role
        if blob.connections:
            words = counted(blob.connections, "connection")
            return words if len(words) <= room else counted(blob.connections, "conn"), role
        if not blob.rate:  # else it is between two connections, as under a cap
            return "waiting", "wait"
    return blob.state.value, role


def failure_words(name: str, error: str) -> str:
    """Return what failed: the error, after the name if the error does not say it itself."""
    return error if name in error else f"{name}: {error or 'failed'}"
