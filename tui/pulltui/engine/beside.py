"""What other programs do to a blob that we fetch: they have some of it, finish it, or take our file away."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

from pulltui.engine.adopt import Adopter
from pulltui.engine.errors import ChangedError
from pulltui.engine.manifest import Layer
from pulltui.engine.partial import Partial
from pulltui.engine.store import Store

_CHUNK = 1 << 20


class Beside:
    """Looks after one blob in a models directory that is not ours alone. Belongs to the engine's loop."""

    def __init__(self, layer: Layer, store: Store, part_size: Callable[[int], int]) -> None:
        """`part_size` gives the size of our parts for a blob of so many bytes."""
        self._layer = layer
        self._store = store
        self._adopter = Adopter(store, part_size)
        self._told = ""
        self._refused: tuple[int, int] | None = None
        """Inode and time (ns) of a finished file that is not the blob."""
        self.hashing = False
        """Somebody finished it, it seems: that is being made sure of, and until then nothing is begun."""

    async def adopt(self) -> str:
        """Take over what Ollama has of it; return what to tell people, once: empty if there is nothing."""
        adoption = await asyncio.to_thread(self._adopter.adopt, self._layer.digest, self._layer.size)
        sentence = "" if adoption is None else adoption.sentence
        if sentence == self._told:
            return ""
        self._told = sentence
        return sentence

    async def look(self, partial: Partial, in_use: Callable[[], bool]) -> ChangedError | None:
        """Return what another program changed, None if it is all as it was.

        A file that has the blob's name and size is read to see whether it is the blob, for as long as
        `in_use` says that it matters: Ollama gives it the name before it has verified it.
        """
        digest = self._layer.digest[7:19]
        path = self._store.blob(self._layer.digest)
        ours, mark = await asyncio.to_thread(lambda: (partial.still_ours(), self._finished(path)))
        if not ours:
            return ChangedError(
                f"another program moved or deleted what was here of blob {digest}",
                "It is fetched again.",
            )
        if mark is None or mark == self._refused:
            return None
        self.hashing = True
        try:
            right = await asyncio.to_thread(self._is_the_blob, path, in_use)
        finally:
            self.hashing = False
        if right:
            return ChangedError(f"another program finished blob {digest}: its file is used", "Go on.")
        self._refused = mark
        return None

    def _finished(self, path: Path) -> tuple[int, int] | None:
        try:
            status = path.stat()
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns) if status.st_size == self._layer.size else None

    def _is_the_blob(self, path: Path, in_use: Callable[[], bool]) -> bool:
        state = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while in_use() and (chunk := file.read(_CHUNK)):
                    state.update(chunk)
        except OSError:
            return False  # gone again, or not for us
        return f"sha256:{state.hexdigest()}" == self._layer.digest
