"""What commands work on that need no engine: the queue's files and the models directory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final

import typer

from pulltui.arguments import absolute
from pulltui.engine.adopt import Adopter
from pulltui.engine.errors import LockedError
from pulltui.engine.history import History, Record
from pulltui.engine.parts import part_size_for
from pulltui.engine.queuefile import Entry, Kept, QueueFile
from pulltui.engine.store import Store
from pulltui.engine.unfinished import Unfinished
from pulltui.engine.views import PartialView
from pulltui.refusals import read_settings

HELD: Final = 4
"""Exit code when another process holds the models directory."""


class Desk:
    """The settings, and the queue and the models directory that they lead to."""

    def __init__(self, models_dir: str | None) -> None:
        """`models_dir` as on the command line; exits with 2 if the settings cannot be used."""
        self.start = read_settings({"storage.models_dir": absolute(models_dir)}, strict=True)
        state = self.start.locations.models_state(self.start.models)
        self.queue, self._history = QueueFile(state), History(state)
        self.store = Store(self.start.models)

    @contextmanager
    def held_alone(self) -> Iterator[None]:
        """Be the directory's one holder. Raises LockedError, StorageError."""
        if not self.store.root.exists():
            yield  # nothing is made where there is nothing
            return
        try:
            self.store.open(datetime.now(UTC).astimezone().isoformat(timespec="seconds"))
        except LockedError as error:
            error.hint = "Nothing was changed: do it there, or quit that one first."
            raise
        try:
            yield
        finally:
            self.store.close()

    def read(self) -> Kept:
        """Return what the queue's file says, and tell what is damaged of it; changes nothing.

        Raises StorageError.
        """
        kept = self.queue.read()
        if kept.damage:
            typer.echo(f"pulltui: the queue in {self.queue.file} is damaged: {kept.damage}", err=True)
        return kept

    def load(self) -> Kept:
        """Return what the queue's file says, as the directory's holder; a damaged one is set aside, and told.

        Raises StorageError.
        """
        kept = self.queue.load()
        if kept.damage:
            typer.echo(f"pulltui: {kept.damage}", err=True)
        return kept

    def finished(self) -> list[Record]:
        """Return what is done, the oldest first; nothing if that cannot be read."""
        with suppress(OSError):
            return self._history.read()
        return []

    def unknown(self, kept: Kept) -> str:
        """Return why nobody knows all that the queue needs, a clean sentence; empty if it is known.

        What a pull needs whose manifest never came is of no account: it has begun nothing.
        """
        if kept.damage:
            return "the queue is damaged, so what is missing in it may need that"
        lost = [each.model.short for each in kept.entries if each.manifest and not self.queue.manifest(each)]
        return f"the manifest of {lost[0]} is lost, so that may need it" if lost else ""

    @property
    def adopter(self) -> Adopter:
        """Takes over what Ollama began."""
        transfer = self.start.settings.transfer
        return Adopter(self.store, lambda size: part_size_for(transfer.layout, size, transfer.part_size))

    def unfinished(self, entries: Sequence[Entry]) -> tuple[PartialView, ...]:
        """Return what there is, and who of these entries needs it. Raises StorageError."""
        needed: dict[str, tuple[str, ...]] = {}
        for entry in entries:
            manifest = self.queue.manifest(entry)
            for layer in manifest.blobs if manifest else ():
                needed[layer.digest] = (*needed.get(layer.digest, ()), entry.model.short)
        return Unfinished(self.store, self.adopter).all(needed)
