"""What is unfinished in a models directory, ours and Ollama's: told, and thrown away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pulltui.engine.adopt import FRESH, Adopter
from pulltui.engine.errors import PullError, StorageError
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.ollamapartial import digests, numbered
from pulltui.engine.openfiles import users_of
from pulltui.engine.partstate import said
from pulltui.engine.store import Store
from pulltui.engine.views import PartialView

OURS = "pulltui"
OLLAMA = "ollama"
_OURS = re.compile(r"sha256-([0-9a-f]{64})(-partial)?")

Needed = Mapping[str, tuple[str, ...]]
"""Names of pulls by the digest that they need."""


class Unfinished:
    """The unfinished blobs of one models directory. Blocking calls: not for the event loop."""

    def __init__(self, store: Store, adopter: Adopter) -> None:
        self._store = store
        self._adopter = adopter

    def all(self, needed: Needed) -> tuple[PartialView, ...]:
        """Return all of them, ours first, what changed last before the others. Raises StorageError."""
        try:
            views = [*self._ours(needed), *self._ollamas(needed)]
        except OSError as error:
            raise StorageError(
                f"cannot look through {error.filename or self._store.root}: {error.strerror}",
                "Correct its permissions.",
            ) from error
        return tuple(sorted(views, key=lambda view: (view.owner != OURS, view.age)))

    def _ours(self, needed: Needed) -> list[PartialView]:
        views = []
        for path in _inside(self._store.work):
            match = _OURS.fullmatch(path.name)
            if match is None:
                continue
            digest = f"sha256:{match[1]}"
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue  # finished or removed this moment
            size = done = status.st_size
            why = ""
            if match[2]:
                paths = self._store.partial(digest)
                done = 0
                try:
                    size, done = said(paths.durable, paths.live, digest) or (size, 0)
                except PullError as error:
                    why = str(error)
            views.append(
                PartialView(
                    digest=digest,
                    size=size,
                    done=done,
                    age=self._age(status.st_mtime),
                    owner=OURS,
                    pulls=needed.get(digest, ()),
                    why=why,
                )
            )
        return views

    def _ollamas(self, needed: Needed) -> list[PartialView]:
        views = []
        for digest in digests(_inside(self._store.blobs)):
            if (found := self._adopter.look(digest)) is not None:
                theirs, verdict = found
                views.append(
                    PartialView(
                        digest=digest,
                        size=theirs.total,
                        done=theirs.done,
                        age=self._age(theirs.changed),
                        owner=OLLAMA,
                        pulls=needed.get(digest, ()),
                        why=verdict.why,
                    )
                )
        return views

    def _age(self, changed: float) -> float:
        return max(0.0, self._store.wall() - changed)

    def clean(self, view: PartialView) -> int:
        """Delete an unfinished blob; return how many bytes of the disk that frees.

        Raises StorageError if Ollama has it open, or may have, OSError.
        """
        store, name = self._store, blob_file_name(view.digest)
        with store.beginning:
            if view.owner == OURS:
                paths = store.partial(view.digest)
                files = [paths.live, paths.data, paths.durable, store.staged(view.digest)]
            else:
                files = [store.blobs / f"{name}-partial", *numbered(store.blobs, name).values()]
                self._check_unused(files[0], view)
            freed = 0
            for file in files:
                with suppress(FileNotFoundError):
                    freed += file.lstat().st_blocks * 512
                    file.unlink()
            return freed

    def _check_unused(self, data: Path, view: PartialView) -> None:
        """Raise StorageError if Ollama has its partial open, or may have as far as one can see."""
        if not data.exists():
            return
        users = users_of(data, OLLAMA)
        if users.processes:
            raise StorageError(
                f"{users.processes[0]} has {data} open", "Stop it first: it would go on writing."
            )
        if (users.hidden or users.blind) and view.age < FRESH:
            raise StorageError(
                f"{data} changed {view.age:.0f} s ago: Ollama may be fetching it",
                "Stop Ollama first, or wait a minute.",
            )


def _inside(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except FileNotFoundError:
        return []
