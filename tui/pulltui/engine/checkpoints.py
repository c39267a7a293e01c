"""When what was written of blobs is made durable: often enough for a power cut, seldom enough for the disk.

A state is replaced as a whole, and that of 100 GB in 6,250 parts has half a megabyte. So a blob has to be
worth it: more than a hundred times as much of it as its state has is new. There is no limit in time. What is
not worth it adds up to less than a power cut may cost, that promise comes first, and kills are no matter of
this: the live state sees to them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from pulltui.engine.blob import BlobDownload
from pulltui.engine.context import Context
from pulltui.engine.partial import Dirt

WORTH = 110
"""So many times the size of its state a blob has to grow before that is written again: 1 %, and some room."""
LOOKS = 4
"""Looks in the time in which `checkpoint_bytes` are written."""


def due(dirt: Sequence[Dirt], *, late: bool, soon: int, most: int) -> list[bool]:
    """Return which of the blobs are to be made durable now.

    `late`: it is time to. `soon`: bytes over all of them at which it is time in any case. `most`: bytes at
    which it is time for those with most of them, worth it or not, until less than `soon` is left.
    """
    total = left = sum(each.written for each in dirt)
    chosen = [(late or total >= soon) and each.written >= WORTH * each.state for each in dirt]
    if total >= most:
        for n in sorted(range(len(dirt)), key=lambda n: dirt[n].written, reverse=True):
            chosen[n] = chosen[n] or left >= soon
            left -= dirt[n].written if chosen[n] else 0
    return chosen


class Checkpoints:
    """Looks after all blobs. Belongs to the engine's loop; `run` is to run in it."""

    def __init__(
        self, context: Context, downloads: Callable[[], Collection[BlobDownload]], look: asyncio.Event
    ) -> None:
        """`look` is set whenever the writer has written `1 / LOOKS` of `checkpoint_bytes`."""
        self._context = context
        self._downloads = downloads
        self._look = look
        self._last = context.clock()
        """When it was time to last."""
        self._ending = False
        """What is written of some blobs becomes durable with their end, which nobody tells of here."""

    async def run(self) -> None:
        """Go on for ever."""
        tuning = self._context.tuning
        while True:
            left = self._last + tuning.checkpoint_seconds - self._context.clock()
            with suppress(TimeoutError):
                async with asyncio.timeout(tuning.look if self._ending else max(0.0, left)):
                    await self._look.wait()
            self._look.clear()
            await self._go_round()

    async def _go_round(self) -> None:
        tuning, writer, now = self._context.tuning, self._context.writer, self._context.clock()
        finished = writer.finished
        dirty = [blob for blob in self._downloads() if blob.dirt.written]
        blobs = [blob for blob in dirty if not blob.ending]
        dirt = [blob.dirt for blob in blobs]
        late = now - self._last >= tuning.checkpoint_seconds
        left = ending = sum(blob.dirt.written for blob in dirty if blob.ending)
        # Three quarters: what comes while they are synced must not pass the limit, or the sockets wait. A
        # quarter in any case: an end may take minutes, and states must not be written all the time.
        most = max(tuning.unsynced_limit * 3 // 4 - left, tuning.unsynced_limit // 4)
        chosen = due(dirt, late=late, soon=min(tuning.checkpoint_bytes, most), most=most)
        if late or any(chosen):
            self._last = now
        for blob, (written, _), now_due in zip(blobs, dirt, chosen, strict=True):
            if not now_due:
                left += written
                continue
            with writer.disk.syncing():
                if not await blob.checkpoint():
                    left += written
                    ending += written
        self._ending = ending > 0
        writer.cover(finished - left)
