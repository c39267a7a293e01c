"""Keeps the queue on disk: changes are gathered, written beside the loop, and durable before anyone hears."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from pulltui.engine.errors import StorageError, UnsavedError
from pulltui.engine.history import Record
from pulltui.engine.log import EventLog
from pulltui.engine.manifest import Manifest
from pulltui.engine.pull import Pull
from pulltui.engine.queue import Queue
from pulltui.engine.queuefile import Entry, Kept
from pulltui.engine.shielded import see_through
from pulltui.engine.tuning import Tuning
from pulltui.engine.views import EventKind


class Files(Protocol):
    """Where the queue is kept (`queuefile.QueueFile`)."""

    def load(self) -> Kept:
        """Return what was saved. Raises StorageError."""

    def manifest(self, entry: Entry) -> Manifest | None:
        """Return the manifest kept for an entry."""

    def save(self, entries: Sequence[Entry], manifests: Mapping[str, bytes] | None = None) -> None:
        """Replace what is saved, durably. Raises OSError."""


class Past(Protocol):
    """Where what finished is kept (`history.History`)."""

    def append(self, records: Sequence[Record]) -> None:
        """Add to it, durably. Raises OSError."""


class Keeper:
    """Saves the queue whenever it changes. Belongs to the engine's loop; `run` is to run in it."""

    def __init__(
        self,
        queue: Queue,
        files: Files,
        past: Past,
        *,
        log: EventLog,
        tuning: Tuning,
        today: Callable[[], str],
    ) -> None:
        """`today` is the wall clock, ISO 8601."""
        self._queue = queue
        self._files = files
        self._past = past
        self._log = log
        self._tuning = tuning
        self._today = today
        self._rev = 0
        self._tried = 0
        """Up to which change a save was tried last, be it in vain."""
        self._wanted = asyncio.Event()
        self._through = asyncio.Event()
        """Replaced, and set, after each save."""
        self._saved: tuple[Entry, ...] = ()
        self._finished: list[Record] = []
        """What the history does not have yet."""
        self._problem: OSError | None = None
        """Why the queue was not saved when that was tried last."""
        self._told: tuple[str, int | None] | None = None
        """Of what it was told that it cannot be saved, the queue or the history, and the errno."""
        queue.on_change = self._changed

    async def restore(self, *, asleep: bool) -> None:
        """Queue what was kept; see `Queue.restore`. Raises StorageError if it cannot be read."""
        kept, manifests = await asyncio.to_thread(self._load)
        self._saved = kept.entries
        if kept.damage:
            self._log.emit(EventKind.NOTE, why=kept.damage, error_kind=StorageError.kind)
        self._queue.restore(zip(kept.entries, manifests, strict=True), asleep=asleep)

    def _load(self) -> tuple[Kept, list[Manifest | None]]:
        kept = self._files.load()
        return kept, [self._files.manifest(entry) for entry in kept.entries]

    async def run(self) -> None:
        """Save what changes, a few times a second at most."""
        while True:
            await self._wanted.wait()
            await self._save()
            if self._told is None:
                await asyncio.sleep(self._tuning.queue_pause)
            else:
                await asyncio.sleep(self._tuning.queue_retry)
                self._wanted.set()

    async def flush(self) -> None:
        """Return when all that has changed until now is durable.

        Raises UnsavedError if it cannot be written: the change is in force, and writing is tried again.
        """
        rev = self._rev
        while self._tried < rev:
            await self._through.wait()
        if self._problem is not None:
            raise UnsavedError(
                f"the queue cannot be saved: {self._problem.strerror or self._problem}",
                "What you asked for is done, but would be forgotten if pulltui ended now. It goes on trying.",
            )

    async def close(self) -> bool:
        """Save what is not saved yet, once `run` has ended; whether the queue is saved."""
        if self._tried < self._rev or self._told is not None:
            await self._save()
        return self._problem is None

    def _changed(self) -> None:
        self._rev += 1
        self._wanted.set()

    async def _save(self) -> None:
        """Save once. Whoever is cancelled meanwhile hears of it when that is through."""
        await see_through(self._save_now())

    async def _save_now(self) -> None:
        self._wanted.clear()
        rev = self._rev
        entries, manifests = self._queue.entries()
        self._finished += [_record(pull, self._today()) for pull in self._queue.take_finished()]
        untold = await _problem(self._past.append, self._finished) if self._finished else None
        if untold is None:
            self._finished = []
        self._problem = None
        if entries != self._saved:
            self._problem = await _problem(self._files.save, entries, manifests)
        if self._problem is None:
            self._saved = entries
        self._tell(*(("queue", self._problem) if self._problem is not None else ("history", untold)))
        self._tried = rev
        through, self._through = self._through, asyncio.Event()
        through.set()

    def _tell(self, what: str, problem: OSError | None) -> None:
        """Say once that saving fails, and once that it works again."""
        before, self._told = self._told, None if problem is None else (what, problem.errno)
        if problem is not None and before != self._told:
            why = f"the {what} cannot be saved ({problem.strerror or problem}): it goes on trying"
            self._log.emit(EventKind.NOTE, why=why, error_kind=StorageError.kind)
        elif problem is None and before is not None:
            self._log.emit(EventKind.NOTE, why=f"the {before[0]} is saved again")


async def _problem(work: Callable[..., None], *arguments: object) -> OSError | None:
    """Do it in a thread; return what the disk said, if it refused."""
    try:
        await asyncio.to_thread(work, *arguments)
    except OSError as error:
        return error
    return None


def _record(pull: Pull, when: str) -> Record:
    manifest = pull.manifest
    fetched = sum(blob.received for blob in pull.downloads)
    return Record(
        name=pull.name.short,
        digest=manifest.digest if manifest is not None else "",
        size=manifest.size if manifest is not None else 0,
        seconds=round(pull.seconds, 3),
        when=when,
        rate=round(fetched / pull.seconds, 1) if pull.seconds > 0 else 0.0,
        fetched_again=sum(blob.fetched_again for blob in pull.downloads),
    )
