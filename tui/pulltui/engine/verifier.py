"""From the last byte to a verified blob: the hasher's word, a repair if it has to be, and the finish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from pulltui.engine.errors import PullError, storage_error
from pulltui.engine.hasher import Hasher
from pulltui.engine.partial import Partial
from pulltui.engine.repair import Repair, Step


class Verifier:
    """Follows one open partial until it is verified. Its methods and callbacks belong to the loop."""

    def __init__(
        self,
        partial: Partial,
        *,
        target: Path,
        sums: Path,
        on_verified: Callable[[], None],
        on_failed: Callable[[PullError], None],
        on_repair: Callable[[str, Step], None],
    ) -> None:
        """`target` is where the verified file goes, `sums` where its part checksums go.

        `on_repair(got, step)` is called when parts are to be fetched again (they are reset already).
        """
        self._partial = partial
        self._target = target
        self._sums = sums
        self._on_verified = on_verified
        self._on_failed = on_failed
        self._on_repair = on_repair
        self._repair: Repair | None = None
        self._step: Step | None = None
        self._got = ""
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._hasher = Hasher(partial, self._from_thread)
        self._hasher.start()

    @property
    def hashed(self) -> int:
        """Length of the prefix that is hashed."""
        return self._hasher.hashed

    @property
    def repairing(self) -> bool:
        """Whether the first digest was wrong."""
        return self._repair is not None

    @property
    def finishing(self) -> bool:
        """Whether the partial is being turned into the blob, or mended, at this moment."""
        return self._task is not None and not self._task.done()

    def all_written(self) -> None:
        """Every part is written: outside a repair the hasher knows by itself."""
        if self._step is not None and not self.finishing:
            self._step = None
            self._task = asyncio.create_task(self._after_repair())

    async def stop(self) -> None:
        """End the thread; what is being finished is finished first."""
        while True:
            await asyncio.to_thread(self._hasher.stop)
            # The hasher's last word reached the loop before its end did: it may have begun something.
            if self._task is None or self._task.done():
                return
            await asyncio.wait({self._task})

    def _from_thread(self, result: str | OSError) -> None:
        self._loop.call_soon_threadsafe(self._hashed, result)

    def _hashed(self, result: str | OSError) -> None:
        if isinstance(result, OSError):
            self._on_failed(storage_error(result, f"cannot read {self._partial.paths.data.name} back"))
        elif result == self._partial.digest:
            self._task = asyncio.create_task(self._finish())
        else:
            self._got = result
            self._task = asyncio.create_task(self._mend())

    async def _finish(self) -> None:
        await asyncio.to_thread(self._hasher.stop)
        try:
            await asyncio.to_thread(self._partial.finish, self._target, self._sums)
        except OSError as error:
            self._on_failed(storage_error(error, f"cannot finish {self._target.name}"))
        except PullError as error:
            self._on_failed(error)
        else:
            self._on_verified()

    async def _mend(self) -> None:
        """Reset the parts that may be wrong, so that they are fetched again."""
        await asyncio.to_thread(self._hasher.stop)
        self._repair = self._repair or Repair(self._partial)
        try:
            self._step = await asyncio.to_thread(self._repair.next_step, self._got)
        except OSError as error:
            self._on_failed(storage_error(error, f"cannot read {self._partial.paths.data.name} back"))
        except PullError as error:
            self._on_failed(error)
        else:
            self._hasher.rewind(self._step.rehash_from)
            self._on_repair(self._got, self._step)

    async def _after_repair(self) -> None:
        """The parts are here again: hash if that can change anything, else try the next ones."""
        if self._repair is not None and self._repair.came_differently():
            self._hasher.start()
        else:
            await self._mend()
