"""The unfinished blobs, ours and Ollama's, as the running engine tells of them and takes them over."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import msgspec

from pulltui.engine.adopt import Adopter
from pulltui.engine.context import Context
from pulltui.engine.errors import StorageError
from pulltui.engine.ollamapartial import digests
from pulltui.engine.queue import Queue
from pulltui.engine.unfinished import OLLAMA, Unfinished
from pulltui.engine.views import EventKind, PartialView, PullState


class Partials:
    """The unfinished blobs as the running engine tells of them. Belongs to the engine's loop."""

    def __init__(self, context: Context, queue: Queue) -> None:
        self._queue = queue
        self._context = context
        self._adopter = Adopter(context.store, context.part_size)
        self._unfinished = Unfinished(context.store, self._adopter)

    async def look(self) -> tuple[PartialView, ...]:
        """Return all of them. Raises StorageError."""
        return await asyncio.to_thread(self._unfinished.all, self._needed())

    async def adoptable(self) -> tuple[PartialView, ...]:
        """Return those of Ollama's that can be taken over; none if the directory cannot be looked through."""
        try:
            views = await self.look()
        except StorageError:
            return ()  # whoever needs to write there will tell
        return tuple(view for view in views if view.owner == OLLAMA and not view.why)

    async def still_there(self, views: tuple[PartialView, ...]) -> tuple[PartialView, ...]:
        """Return those of these that nobody took over, finished or deleted."""
        blobs = self._context.store.blobs
        try:
            left = set(await asyncio.to_thread(lambda: digests(blobs.iterdir())))
        except OSError:
            return ()
        return tuple(view for view in views if view.digest in left)

    async def adopt(self, wanted: Collection[str]) -> tuple[PartialView, ...]:
        """Take over Ollama's partials of these blobs; return all partials of these, as they are then.

        Raises StorageError.
        """
        why = {}
        for digest in wanted:
            adoption = await asyncio.to_thread(self._adopter.adopt, digest)
            why[digest] = adoption.why if adoption is not None else ""
            if adoption is not None and not adoption.why:
                self._context.log.emit(EventKind.NOTE, digest=digest, why=adoption.sentence)
        return tuple(
            msgspec.structs.replace(view, why=why[view.digest] or view.why) if view.owner == OLLAMA else view
            for view in await self.look()
            if view.digest in why
        )

    def _needed(self) -> dict[str, tuple[str, ...]]:
        """Return who in the queue needs what, as far as manifests are known."""
        needed: dict[str, tuple[str, ...]] = {}
        for pull in self._queue.pulls.values():
            if pull.manifest is not None and pull.state is not PullState.DONE:
                for layer in pull.manifest.blobs:
                    needed[layer.digest] = (*needed.get(layer.digest, ()), pull.name.short)
        return needed
