"""Giving Ollama what we have of a blob, in its own format, so that it can finish what we began."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from pulltui.engine.adopt import FRESH
from pulltui.engine.errors import StorageError
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.ollamapartial import Record, numbered, records_of
from pulltui.engine.partial import Partial
from pulltui.engine.parts import part_size_for
from pulltui.engine.partstate import said, sync_directory
from pulltui.engine.store import Store


class Handed(msgspec.Struct, frozen=True):
    """What Ollama has now of a blob."""

    done: int
    """Bytes that are there."""
    size: int
    """Bytes of the whole blob."""
    parts: int
    """How many parts its records divide it into; 0 if the blob is complete."""


def hand_back(store: Store, digest: str) -> Handed | None:
    """Turn our partial of a blob, or our verified copy, into Ollama's; None if we have neither.

    Only what our own records prove is handed over, and nothing of it is left out. Until it is through, a
    kill leaves something that `Adopter` takes back. Raises StorageError, OSError; our partial stays then.
    """
    with store.beginning:
        store.tidy(digest)
        staged = store.staged(digest)
        if staged.exists():
            os.utime(staged)
            staged.replace(store.blob(digest))
            sync_directory(store.blobs)
            size = store.blob(digest).stat().st_size
            return Handed(size, size, 0)
        if not store.partial(digest).data.exists():
            return None
        theirs = store.blobs / store.partial(digest).data.name
        if theirs.exists():
            raise StorageError(
                f"Ollama has begun blob {digest[7:19]} itself: {theirs}",
                "Let it go on, or stop it and delete that file and its records; ours is kept.",
            )
        return _hand_back(store, digest)


def _hand_back(store: Store, digest: str) -> Handed:
    paths, name = store.partial(digest), blob_file_name(digest)
    total, stretches = _proven(store, digest)
    records = records_of(stretches, total, part_size_for("sixteenths", total, 0))
    for old in (*numbered(store.work, name).values(), *numbered(store.blobs, name).values()):
        old.unlink()  # Ollama adds up whatever it finds
    # Ollama's pruning at start spares what is younger than an hour; and to us, who take it back if nobody has
    # gone on with it, it is not fresh.
    age = store.wall() - 2 * FRESH
    for record in records:
        path = store.work / f"{name}-partial-{record.n}"
        _write(path, record)
        os.utime(path, (age, age))
    os.utime(paths.data, (age, age))
    # Ollama must find either no record (it begins anew then) or all: the time in between is kept short.
    paths.data.replace(store.blobs / paths.data.name)
    for record in records:
        file = f"{name}-partial-{record.n}"
        (store.work / file).replace(store.blobs / file)
    sync_directory(store.blobs)
    paths.remove()
    sync_directory(store.work)
    return Handed(sum(record.completed for record in records), total, len(records))


def _proven(store: Store, digest: str) -> tuple[int, list[tuple[int, int]]]:
    """Return the blob's size and which stretches [start, stop) of it our records prove, made durable."""
    paths = store.partial(digest)
    claimed = said(paths.durable, paths.live, digest)
    if claimed is None:
        raise StorageError(
            f"nothing says what is in {paths.data}",
            "Pull it, or delete it with `pulltui partials --clean`.",
        )
    total = claimed[0]
    partial = Partial(paths, digest, total, total)
    try:
        return total, [(part.offset, part.offset + part.mark.written) for part in partial.table]
    finally:
        partial.close()


def _write(path: Path, record: Record) -> None:
    with path.open("wb") as file:
        file.write(record.encode())
        file.flush()
        os.fsync(file.fileno())
