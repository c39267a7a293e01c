"""Taking over what Ollama has begun, without fetching a byte of it twice.

Our durable state comes first, then the file is renamed, then Ollama's records go: a kill in between leaves
what Ollama can go on with, or what we can. What it fetched has no checksum: if the digest does not come out
in the end, that is fetched again first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
from pulltui_config.units import format_size

from pulltui.engine.errors import PullError
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.ollamapartial import OllamaPartial, Record, numbered, read
from pulltui.engine.openfiles import PROC, users_of
from pulltui.engine.partstate import (
    VERSION,
    DurableState,
    PartRecord,
    read_durable,
    sync_directory,
    write_durable,
)
from pulltui.engine.store import Store

FRESH = 60.0
"""Seconds for which something that changed counts as being worked on."""


class Adoption(msgspec.Struct, frozen=True):
    """What came of it."""

    bytes: int = 0
    """How much was taken over."""
    why: str = ""
    """Why nothing was, a clean sentence; empty if it was."""
    unseen: str = ""
    """What could not be made sure of, a clean sentence."""

    @property
    def sentence(self) -> str:
        """What people are told."""
        if self.why:
            return f"what Ollama has of it cannot be taken over: {self.why}"
        doubt = f"; {self.unseen}" if self.unseen else ""
        return f"took over {format_size(self.bytes)} that Ollama had fetched{doubt}"


class Adopter:
    """Judges and takes Ollama's partials of one models directory. Blocking calls: not for the event loop."""

    def __init__(self, store: Store, part_size: Callable[[int], int], proc: Path = PROC) -> None:
        """`part_size` gives the size of our parts for a blob of so many bytes."""
        self._store = store
        self._part_size = part_size
        self._proc = proc

    def look(self, digest: str) -> tuple[OllamaPartial, Adoption] | None:
        """Return Ollama's partial of a blob and what adopting it would do; None if there is none.

        Raises OSError.
        """
        found = self._read(digest)
        if found is None:
            return None
        theirs, ours = found
        return theirs, self._judge(theirs, ours, None)

    def adopt(self, digest: str, size: int | None = None) -> Adoption | None:
        """Take over Ollama's partial of a blob; None if there is none, or we have begun the blob ourselves.

        `size` is what the manifest says, None if nobody knows. What the disk refuses is a `why`, too.
        """
        try:
            with self._store.beginning:
                return self._adopt(digest, size)
        except OSError as error:
            return Adoption(why=f"the disk refuses ({error.strerror or error})")
        except PullError as error:
            return Adoption(why=str(error))

    def _adopt(self, digest: str, size: int | None) -> Adoption | None:
        if self._store.partial(digest).data.exists():
            self._sweep(digest)
            return None
        found = self._read(digest)
        if found is None:
            return None
        theirs, ours = found
        verdict = self._judge(theirs, ours, size)
        if not verdict.why:
            self._take(theirs, ours)
        return verdict

    def _read(self, digest: str) -> tuple[OllamaPartial, DurableState | None] | None:
        """Return what is there of Ollama's, and our own state of the very same file where that says more.

        It does when handing back was broken off: the file is moved, and its records are not all there yet.
        """
        theirs = read(self._store.blobs, digest)
        if theirs is None or not theirs.problem:
            return (theirs, None) if theirs is not None else None
        try:
            state = read_durable(self._store.partial(digest).durable, digest)
        except PullError:
            state = None  # a newer pulltui's
        if state is None or state.inode != theirs.inode or theirs.length != state.total:
            return theirs, None
        records = tuple(Record(part.n, part.offset, part.size, part.completed) for part in state.parts)
        return msgspec.structs.replace(theirs, records=records, problem=""), state

    def _judge(self, theirs: OllamaPartial, ours: DurableState | None, size: int | None) -> Adoption:
        """Return what adopting would do, or why it may not be done."""
        if theirs.problem:
            return Adoption(why=theirs.problem)
        for path in (self._store.blob(theirs.digest), self._store.staged(theirs.digest)):
            if path.exists():
                return Adoption(why="the whole blob is here already")
        if self._store.partial(theirs.digest).data.exists():
            return Adoption(why="pulltui has begun this blob itself")
        if size is not None and theirs.total != size:
            return Adoption(why=f"it is of {theirs.total} bytes, the manifest says {size}")
        if not os.access(theirs.data, os.R_OK | os.W_OK) or not os.access(self._store.blobs, os.W_OK):
            return Adoption(why="it belongs to another user, and we may not write it")
        users = users_of(theirs.data, "ollama", self._proc)
        if users.processes:
            return Adoption(why=f"{users.processes[0]} has it open")
        age = self._store.wall() - theirs.changed
        if ours is None and age < FRESH:
            return Adoption(why=f"it changed {max(0, age):.0f} s ago: Ollama may be fetching it")
        unseen = ""
        if users.blind:
            unseen = "this system does not tell whether Ollama has it open"
        elif users.hidden:
            unseen = f"whether {users.hidden[0]} has it open could not be seen"
        return Adoption(bytes=theirs.done, unseen=unseen)

    def _take(self, theirs: OllamaPartial, ours: DurableState | None) -> None:
        paths = self._store.partial(theirs.digest)
        state = ours or DurableState(
            VERSION, theirs.digest, theirs.total, theirs.inode, self._lay_out(theirs.records)
        )
        fd = os.open(theirs.data, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)
        if ours is None:
            paths.live.unlink(missing_ok=True)
            write_durable(paths.durable, state)
        theirs.data.replace(paths.data)
        sync_directory(self._store.work)
        sync_directory(self._store.blobs)
        for file in (*theirs.files, *numbered(self._store.work, blob_file_name(theirs.digest)).values()):
            file.unlink(missing_ok=True)

    def _lay_out(self, records: tuple[Record, ...]) -> list[PartRecord]:
        """Return our parts: what is there apart from what is not, so that only that is in doubt later."""
        step = self._part_size(sum(record.size for record in records))
        parts: list[PartRecord] = []

        def lay(start: int, end: int, *, done: bool) -> None:
            for offset in range(start, end, step):
                size = min(step, end - offset)
                parts.append(PartRecord(len(parts), offset, size, size if done else 0, None if done else 0))

        for record in records:
            middle, end = record.offset + record.completed, record.offset + record.size
            lay(record.offset, middle, done=True)
            lay(middle, end, done=False)
        return parts

    def _sweep(self, digest: str) -> None:
        """Delete records that a broken-off adoption or hand-back left without their file."""
        name = blob_file_name(digest)
        if (self._store.blobs / f"{name}-partial").exists():
            return  # Ollama has a file of its own
        for path in numbered(self._store.work, name).values():
            path.unlink(missing_ok=True)
        for path in numbered(self._store.blobs, name).values():
            with suppress(FileNotFoundError):
                if self._store.wall() - path.stat().st_mtime >= FRESH:  # else Ollama is about to begin
                    path.unlink()
