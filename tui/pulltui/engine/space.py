"""Room on the disk for what is coming."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from pulltui_config.settings import Storage
from pulltui_config.units import format_size

from pulltui.engine.errors import NoSpaceError
from pulltui.engine.manifest import Layer
from pulltui.engine.store import Store

MIB = 1 << 20
_TRIED = (1 * MIB, 16 * MIB)
"""Least and most bytes that are written to see whether a disk that was full takes some again."""


class Space:
    """What a pull still needs on the disk, and whether it is there. Blocking calls."""

    def __init__(
        self, store: Store, layers: Sequence[Layer], promised: Sequence[Layer], keep_free: int
    ) -> None:
        """`layers` are the pull's own, `promised` those that other running pulls are going to write."""
        self._store = store
        self._layers = layers
        self._promised = promised
        self._keep_free = keep_free

    def needed(self) -> int:
        """Return the bytes that the pull still has to have allocated."""
        return self._needed(self._layers)

    def _needed(self, layers: Sequence[Layer]) -> int:
        """Return the bytes still to be allocated: sizes less the blocks that partials already have."""
        return sum(
            max(0, layer.size - self._store.occupied(layer.digest))
            for layer in layers
            if not self._store.has(layer)
        )

    def problem(self) -> NoSpaceError | None:
        """Return what to tell people if it does not fit, None if it does."""
        needed, promised = self._needed(self._layers), self._needed(self._promised)
        free = self._store.free()
        if needed == 0 or needed + promised + self._keep_free <= free:
            return None
        others = f", other pulls {format_size(promised)}" if promised else ""
        return NoSpaceError(
            f"not enough space in {self._store.root}: needs {format_size(needed)}{others}, "
            f"{format_size(free)} free; {format_size(self._keep_free)} stay free (storage.keep_free)",
            "Free some space, or choose another disk with --models-dir; nothing that came is lost.",
        )


class Room:
    """Who has been promised room on the disk. Belongs to the engine's loop; one a service."""

    def __init__(self, store: Store, storage: Callable[[], Storage]) -> None:
        """`storage` gives the settings of the moment."""
        self._store = store
        self._storage = storage
        self._promised: dict[str, Sequence[Layer]] = {}
        self._deciding = asyncio.Lock()

    async def enter(self, pull: str, layers: Sequence[Layer]) -> NoSpaceError | None:
        """Promise a pull the room for its blobs, until it leaves; return what is wrong if it does not fit.

        One at a time, so that no two are promised the same room. Raises OSError, StorageError.
        """
        async with self._deciding:
            problem = None
            if self._storage().check_space:
                problem = await asyncio.to_thread(self._space(pull, layers).problem)
            if problem is None:
                self._promised[pull] = layers
            else:
                self.leave(pull)
            return problem

    def needed(self, layers: Sequence[Layer]) -> tuple[int, NoSpaceError | None]:
        """Return the bytes that these blobs would still take, and what is wrong if they do not fit. Blocking.

        Nothing is promised. Raises OSError, StorageError.
        """
        space = self._space("", layers)
        return space.needed(), space.problem() if self._storage().check_space else None

    def leave(self, pull: str) -> None:
        """It writes no more, for now or for good."""
        self._promised.pop(pull, None)

    async def try_again(self, pull: str, layers: Sequence[Layer]) -> NoSpaceError | bool:
        """Look whether a pull that had no room has it now, and promise it then; else what is wrong.

        False: there is room by the figures, and nothing can be written.
        """
        if (problem := await self.enter(pull, layers)) is not None:
            return problem
        if await self.writable(pull, layers):
            return True
        self.leave(pull)
        return False

    async def writable(self, pull: str, layers: Sequence[Layer]) -> bool:
        """Return whether a disk that was full takes bytes again: a quota does not show in its figures."""
        async with self._deciding:
            needed = await asyncio.to_thread(self._space(pull, layers).needed)
            return await asyncio.to_thread(self._store.takes, max(_TRIED[0], min(needed, _TRIED[1])))

    def _space(self, pull: str, layers: Sequence[Layer]) -> Space:
        own = {layer.digest for layer in layers}
        others = {
            layer.digest: layer
            for other, theirs in self._promised.items()
            for layer in theirs
            if other != pull and layer.digest not in own
        }
        return Space(self._store, layers, list(others.values()), self._storage().keep_free)
