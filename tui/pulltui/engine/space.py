"""Room on the disk for what is coming."""

from __future__ import annotations

from collections.abc import Sequence

from pulltui_config.units import format_size

from pulltui.engine.errors import NoSpaceError
from pulltui.engine.manifest import Layer
from pulltui.engine.store import Store


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
