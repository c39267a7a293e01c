"""The writer: one thread that puts received bytes into their files, so that no disk blocks the loop.

Chunks wait in a bounded queue; when it is full the sockets wait, and the stall clocks stand still. They go on
one by one, first come first served, so that the queue stays near its bound however many there are; at half of
it they all do.

What waits is lost with a kill, and takes memory. A swift disk has it written in a moment: there more would
bridge nothing, and the bound is lower.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

from pulltui.engine.crc import crc32
from pulltui.engine.disk import Disk
from pulltui.engine.partial import Partial
from pulltui.engine.parts import Part
from pulltui.engine.ring import Ring
from pulltui.engine.shielded import see_through

_COPY_BEYOND = 2 << 20
"""Backlog beyond which chunks are copied: a chunk keeps all of its transport's read buffer alive, which is
several times as large. What little waits while the disk keeps up is not worth a copy."""

_SWIFT = 200_000_000
"""Bytes a second that a swift disk takes, at least."""
_SPAN = 0.1
"""Over so many seconds it is measured."""

_Item = tuple[Partial, Part, memoryview, int | None] | asyncio.Future[None] | None
"""The number is what the ring wants back."""


class Writer:
    """Writes chunks in the order they are submitted. All methods are for the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        backlog: int,
        swift_backlog: int,
        unsynced: int,
        checkpoint_bytes: int,
        on_checkpoint: Callable[[], None],
        on_error: Callable[[Partial, OSError], None],
    ) -> None:
        """Readers wait at `backlog` unwritten bytes, and at `unsynced` bytes that no durable state covers;
        at `swift_backlog` already while 200 MB or more are written a second.

        `on_checkpoint` is called (in the loop) whenever `checkpoint_bytes` were written since the last call,
        `on_error` (in the loop) when a file cannot be written; what comes for it afterwards is dropped.
        """
        self._loop = loop
        self._limit = backlog
        self._swift_limit = min(backlog, swift_backlog)
        self._swift = True
        """As far as anybody knows."""
        self._measured = (loop.time(), 0)
        """When the last measuring of its speed began, and how much was written by then."""
        self._timer: asyncio.TimerHandle | None = None
        """Set while readers wait at the lower bound: the disk may be stuck by now."""
        self._unsynced = unsynced
        self._checkpoint_bytes = checkpoint_bytes
        self._on_checkpoint = on_checkpoint
        self._on_error = on_error
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._submitted = 0
        self._finished = 0
        self._covered = 0
        self._full = False
        self._ring = Ring(backlog)
        self._waiters: deque[asyncio.Future[None]] = deque()
        """Readers that wait for room."""
        self.disk = Disk(loop.time)
        """What is noticed of it."""
        self._thread = threading.Thread(target=self._main, name="pulltui-writer", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """Bytes submitted and not yet written."""
        return self._submitted - self._finished

    @property
    def finished(self) -> int:
        """Bytes that went through since the start."""
        return self._finished

    def submit(self, partial: Partial, part: Part, chunk: memoryview) -> None:
        """Queue a chunk that follows what was submitted for this part before; never blocks."""
        if not self.backlog:  # that nothing was to be written says nothing about the disk
            self._measured = self._loop.time(), self._finished
        copied = self._ring.copy(chunk) if self.backlog > _COPY_BEYOND else None
        kept, end = copied or (chunk, None)
        self._submitted += len(chunk)
        self._queue.put((partial, part, kept, end))
        self._measure()
        if self._crowded():
            self._full = True
            self.disk.wait()
            self._reconsider()  # the thread may have caught up before it could see the flag
            if self._swift and self._timer is None:
                self._timer = self._loop.call_later(_SPAN, self._look_again)

    def cover(self, finished: int) -> None:
        """Say that everything up to `finished` (a value that the property had) is durable."""
        self._covered = max(self._covered, finished)
        self._reconsider()

    @property
    def full(self) -> bool:
        """Whether readers have to wait."""
        return self._full

    async def room(self) -> None:
        """Wait until there is room for one chunk more."""
        if self._full:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter

    async def drain(self) -> None:
        """Wait until everything submitted so far is written (or has failed).

        A cancellation is raised only after that: parts must not change hands while they are written.
        """
        done: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(done)

        async def written() -> None:
            await done

        await see_through(written())

    def stop(self) -> None:
        """Write what is queued, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    @property
    def _bound(self) -> int:
        return self._swift_limit if self._swift else self._limit

    def _measure(self) -> None:
        now, (began, finished) = self._loop.time(), self._measured
        if now - began >= _SPAN and now > began:
            self._swift = (self._finished - finished) / (now - began) >= _SWIFT
            self._measured = now, self._finished

    def _look_again(self) -> None:
        """Readers wait, so nobody else would notice that the disk is not swift any more."""
        self._timer = None
        self._measure()
        self._reconsider()
        if self._full and self._swift:
            self._timer = self._loop.call_later(_SPAN, self._look_again)

    def _crowded(self) -> bool:
        return self.backlog >= self._bound or self._submitted - self._covered >= self._unsynced

    def _reconsider(self) -> None:
        """Let one reader go on, or all. What is queued still leads here again when it is written."""
        if not self._full or self._crowded():
            return
        if self.backlog > self._bound // 2:
            while self._waiters and self._waiters[0].done():  # cancelled
                self._waiters.popleft()
            if self._waiters:
                _settle(self._waiters.popleft())
            return
        self._full = False
        self.disk.go_on()
        while self._waiters:
            _settle(self._waiters.popleft())

    def _main(self) -> None:
        since_checkpoint = 0
        while (item := self._queue.get()) is not None:
            if isinstance(item, asyncio.Future):
                self._loop.call_soon_threadsafe(_settle, item)
                continue
            partial, part, chunk, end = item
            self._write(partial, part, chunk)
            if end is not None:
                self._ring.give_back(end)
            self._finished += len(chunk)
            since_checkpoint += len(chunk)
            if since_checkpoint >= self._checkpoint_bytes:
                since_checkpoint = 0
                self._loop.call_soon_threadsafe(self._on_checkpoint)
            if self._full and not self._crowded():
                self._loop.call_soon_threadsafe(self._reconsider)

    def _write(self, partial: Partial, part: Part, chunk: memoryview) -> None:
        if partial.error is not None:
            return
        crc = part.mark.crc
        try:
            partial.write(part, chunk, None if crc is None else crc32(chunk, crc))
        except OSError as error:
            partial.error = error
            self._loop.call_soon_threadsafe(self._on_error, partial, error)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
