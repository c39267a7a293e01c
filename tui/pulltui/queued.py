"""What the files say of a queued pull: how far it is, in words; and deleting what came of one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from pulltui_config import format_rate, format_size

from pulltui.engine.clean import safe
from pulltui.engine.errors import storage_error
from pulltui.engine.history import Record
from pulltui.engine.manifest import Manifest
from pulltui.engine.peek import peek
from pulltui.engine.queuefile import Entry, QueueFile
from pulltui.engine.store import Store

_FINISHED = 5
"""So many of those that are done are told."""


class Queued(msgspec.Struct, frozen=True):
    """One pull of the queue, as its files have it. Sizes in bytes."""

    name: str
    state: str
    """queued, paused or failed."""
    done: int
    total: int | None
    """None as long as nobody knows: its manifest never came."""
    limit: int | None
    """Its own cap, bytes a second."""
    why: str
    hint: str


def look(entry: Entry, queue: QueueFile, store: Store) -> Queued:
    """Return what there is to know of an entry: the kept manifest's blobs, and what is here of each."""
    manifest = queue.manifest(entry)
    failure = entry.failure
    return Queued(
        name=entry.model.short,
        state="failed" if failure else "paused" if entry.paused else "queued",
        done=sum(peek(store, manifest.blobs).done.values()) if manifest else 0,
        total=manifest.size if manifest else entry.size or None,
        limit=None if entry.limit is None else int(entry.limit),
        why=safe(failure.why, 2000) if failure else "",
        hint=safe(failure.hint, 2000) if failure else "",
    )


def finished(records: Sequence[Record]) -> list[str]:
    """Return the lines that tell what finished last, the newest first."""
    newest = list(reversed(records))[:_FINISHED]
    rows = [(safe(record.name, 300), format_size(record.size), record.when[:16]) for record in newest]
    width = max((len(name) for name, _, _ in rows), default=0)
    return [f"done {when.replace('T', ' ')}  {name:<{width}}  {size}" for name, size, when in rows]


def table(pulls: Sequence[Queued], *, held: bool = False) -> list[str]:
    """Return the lines that show them, in order; reasons of failures are below their pulls.

    `held`: another process works on them, and may have begun with what is queued here.
    """
    rows = [_row(n, pull, held) for n, pull in enumerate(pulls, 1)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row, pull in zip(rows, pulls, strict=True):
        cells = [
            f"{row[0]:>{widths[0]}}",
            *(f"{cell:<{w}}" for cell, w in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append("  ".join(cells).rstrip())
        lines += [f"{'':>{widths[0]}}  {text}" for text in (pull.why, pull.hint) if text]
    return lines


def _row(number: int, pull: Queued, held: bool) -> tuple[str, ...]:
    percent, amount = "", "size not known yet"
    if pull.total is not None:
        percent = f"{pull.done * 100 // pull.total if pull.total else 100}%"
        amount = f"{format_size(pull.done)} of {format_size(pull.total)}"
    cap = "" if pull.limit is None else f"at most {format_rate(pull.limit)}"
    state = "queued or active" if held and pull.state == "queued" else pull.state
    return str(number), pull.name, state, percent, amount, cap


def discard(store: Store, gone: Sequence[Manifest | None], left: Sequence[Manifest | None]) -> str:
    """Delete what is unfinished of `gone` and not needed by `left`; return what was done, in words.

    Raises PullError if the disk refuses.
    """
    needed = {layer.digest for manifest in left if manifest for layer in manifest.blobs}
    deleted = 0
    for digest in {layer.digest for manifest in gone if manifest for layer in manifest.blobs} - needed:
        staged = store.staged(digest)
        try:
            deleted += store.occupied(digest) + (staged.stat().st_size if staged.exists() else 0)
            store.partial(digest).remove()
            staged.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, f"cannot delete what came of blob {digest[7:19]}") from error
    return f"deleted {format_size(deleted)}" if deleted else "nothing of it was on disk"
