"""The hasher: a thread that follows the written prefix of a blob, through the page cache.

So the digest is known moments after the last byte. After a resume it reads the prefix that is there
already, beside the download. At part boundaries it keeps a copy of its state: a repair goes on hashing
from the first part that changed.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable

from pulltui.engine.partial import Partial

_CHUNK = 1 << 20
_PAUSE = 0.01
"""Seconds between two looks. Every write wakes us, and most of them are not at the end of the prefix."""
_COPIES = 512
"""Copies of the state kept at most; with more parts only every second, third, ... boundary has one."""


class Hasher:
    """SHA-256 of one blob, from its first byte on."""

    def __init__(self, partial: Partial, on_end: Callable[[str | OSError], None]) -> None:
        """`on_end` is called in the hasher's thread with the digest, or with what the disk said."""
        self._partial = partial
        self._on_end = on_end
        self._total = partial.table.total
        self._every = len(partial.table) // _COPIES + 1
        self._copies: list[tuple[int, hashlib._Hash]] = [(0, hashlib.sha256())]
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.hashed = 0
        """Length of the prefix that is hashed."""

    def start(self) -> None:
        """Begin, or go on after `rewind`."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._main, name="pulltui-hasher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._stopping.set()
        self._partial.wake.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def rewind(self, offset: int) -> None:
        """Forget everything from `offset` on: bytes there change. Only while stopped."""
        while len(self._copies) > 1 and self._copies[-1][0] > offset:
            self._copies.pop()
        self.hashed = self._copies[-1][0]

    def _main(self) -> None:
        try:
            digest = self._follow()
        except OSError as error:
            self._on_end(error)
            return
        if digest is not None:
            self._on_end(digest)

    def _follow(self) -> str | None:
        """Hash what is written as it comes; return the digest at the end, None when stopped."""
        partial, wake = self._partial, self._partial.wake
        state = self._copies[-1][1].copy()
        view = memoryview(bytearray(_CHUNK))
        while not self._stopping.is_set():
            wake.clear()
            if self._stopping.is_set():  # said between the look and the clearing: nobody would wake us again
                return None
            limit = partial.table.written_prefix(self.hashed)
            if limit == self.hashed:
                if self.hashed == self._total:
                    return f"sha256:{state.hexdigest()}"
                wake.wait()
                self._stopping.wait(_PAUSE)
                continue
            while self.hashed < limit and not self._stopping.is_set():
                part = partial.table.at(self.hashed)
                want = min(_CHUNK, limit - self.hashed, part.end - self.hashed)
                count = os.preadv(partial.fd, [view[:want]], self.hashed)
                if count == 0:
                    raise OSError(5, "the file became shorter while it was read")
                state.update(view[:count])
                self.hashed += count
                if self.hashed == part.end and (part.n + 1) % self._every == 0:
                    self._copies.append((self.hashed, state.copy()))
        return None
