"""The unfinished file of a blob together with its part state: opened, written, made durable, finished."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pulltui.engine.claims import Claims
from pulltui.engine.errors import MovedError, StorageError
from pulltui.engine.parts import Mark, Part, PartTable, lay_out
from pulltui.engine.partstate import (
    DurableState,
    LiveState,
    snapshot,
    sync_directory,
    write_durable,
    write_state,
)


class Dirt(NamedTuple):
    """What of one blob is written and not durable, and the size of its state, in bytes."""

    written: int
    state: int


class PartialPaths:
    """Where the unfinished file of a blob and its states are."""

    def __init__(self, directory: Path, name: str) -> None:
        """`name` is the blob's file name, `sha256-<hex>`."""
        self.data = directory / f"{name}-partial"
        self.durable = directory / f"{name}-partial.json"
        self.live = directory / f"{name}-partial.live"

    def remove(self) -> None:
        """Delete all three; what is not there is no error."""
        for path in (self.live, self.data, self.durable):
            path.unlink(missing_ok=True)


class Partial:
    """An open partial. Blocking calls: not for the event loop.

    `wake` is set after every write; the hasher waits for it.
    """

    def __init__(self, paths: PartialPaths, digest: str, total: int, part_size: int) -> None:
        """Open or create the partial of a blob of `total` > 0 bytes.

        Raises StorageError if something that is not ours is in its place, OSError if the disk refuses.
        """
        self.paths = paths
        self.digest = digest
        self.wake = threading.Event()
        self.error: OSError | None = None
        """The first write that failed; nothing is written after it."""
        self.sync_error: OSError | None = None
        """The first sync that failed; `step_back` is due."""
        self._count = 0
        """Bytes written since it was opened; only the writer thread adds to it."""
        self._covered = 0
        """How many of them the durable state covers."""
        self.state_size = 0
        """Bytes of the durable state."""
        self._dropped = 0
        """Length of the prefix that is out of the page cache."""
        self._closed = False
        self._sync_lock = threading.RLock()
        self.fd = _open_regular(paths.data)
        self.inode = os.fstat(self.fd).st_ino
        try:
            claims = Claims.read(paths.durable, paths.live, digest, total)
            self.table = claims.prove(self.fd) if claims else PartTable(lay_out(total, part_size))
            # Only then the file may grow: old claims would be believed of a file of full length.
            self._begin(claims)
            self.durable = {part.offset: part.mark for part in self.table}
            """What a power cut leaves of the part that begins at an offset."""
            os.ftruncate(self.fd, total)
            self.live = LiveState(paths.live, digest, self.table)
        except BaseException:  # nobody has the object yet who could close it
            os.close(self.fd)
            raise

    def _begin(self, claims: Claims) -> None:
        """Have a durable state that says what the table says, with as few syncs as that takes.

        One that is there is taken to be there for good: see `Store.open`.
        """
        state = snapshot(self.digest, self.inode, self.table)
        if not claims:  # nothing that a power cut could take, and no old claim that it could bring back
            os.ftruncate(self.fd, 0)
            self.state_size = write_state(self.paths.durable, state, synced=False)
        elif claims.durable == state and os.fstat(self.fd).st_size >= state.total:
            self.state_size = self.paths.durable.stat().st_size
        else:
            self._sync_found()
            self.state_size = write_durable(self.paths.durable, state)

    def _sync_found(self) -> None:
        """Sync what was found beyond the durable state. If that fails, only what this claims is left."""
        try:
            os.fdatasync(self.fd)
        except OSError:
            # Reading would bear out the live state the next time too, and the sync would seem to work then.
            with suppress(OSError):
                self.paths.live.unlink()
            raise

    def write(self, part: Part, data: memoryview, crc: int | None) -> None:
        """Append to what is written of a part; only the writer thread calls this.

        `crc` is the checksum of the part's written bytes including `data`. Raises OSError.
        """
        position = part.offset + part.mark.written
        left = data
        while left:
            count = os.pwrite(self.fd, left, position)
            position += count
            left = left[count:]
        part.mark = Mark(position - part.offset, crc)
        self.live.store(part.slot, part.mark)
        self._count += len(data)
        self.wake.set()

    @property
    def dirt(self) -> Dirt:
        """What is written and not durable."""
        return Dirt(self._count - self._covered, self.state_size)

    def checkpoint(self, hashed: int = 0) -> None:
        """Make what is written durable: counters first, then the data, then the state.

        What is hashed (a prefix) and durable leaves the page cache: nobody reads it again soon.
        Raises OSError: MovedError if the file is gone. If it is `sync_error`, everything since the last
        durable state counts as not written (`step_back`); otherwise the data is safe and only the record of
        it is old.
        Does nothing once closed.
        """
        with self._sync_lock:
            if not self._closed:
                self._save(write_durable)
                self._drop_cache(hashed)

    def _save(self, write: Callable[[Path, DurableState], int]) -> None:
        if not self.still_ours():
            raise MovedError(errno.ENOENT, "another program moved or deleted the file")
        count = self._count
        state = snapshot(self.digest, self.inode, self.table)
        self._sync()
        self.state_size = write(self.paths.durable, state)
        self.durable = {part.offset: Mark(part.completed, part.crc32) for part in state.parts}
        self._covered = count

    def _sync(self) -> None:
        """Sync the data. Once that failed it is not tried again: the second time it would seem to work."""
        if self.sync_error is not None:
            raise self.sync_error
        try:
            os.fdatasync(self.fd)
        except OSError as error:
            self.sync_error = error
            self.error = self.error or error
            # At once: a kill may come before anybody steps back, and reading would bear out the rest.
            self.live.fall_back((part.slot, self._durable(part)) for part in self.table)
            raise

    def split(self, part: Part, at: int) -> Part | None:
        """Cut a part at the byte `at` (see `PartTable.split`), in the live state too; return the back part.

        None if there is no room for more parts. The durable state follows with the next checkpoint.
        """
        if not self.live.splittable:
            return None
        back = self.table.split(part, at)
        self.live.split(part, back)
        return back

    @property
    def cuttable(self) -> bool:
        """Whether parts may still be cut for runs; that ends before those that must be have no room."""
        return self.live.cuttable

    def reset(self, part: Part) -> None:
        """Count nothing of a part as written, in the live state too: it is fetched again."""
        self.table.reset(part)
        self.live.store(part.slot, part.mark)

    def step_back(self) -> int:
        """Count as written only what is durable; return the bytes that this takes back.

        After a failed sync the kernel may have dropped the data although reading it still works. Nothing is
        written from the failure on; call this when the writer is through with what it had.
        """
        before = self.table.written()
        self.table.step_back(self._durable)
        return before - self.table.written()

    def _durable(self, part: Part) -> Mark:
        return self.durable.get(part.offset, Mark(0, 0))

    def _drop_cache(self, hashed: int) -> None:
        start, stop = self._dropped, 0
        for part in self.table:
            mark = self.durable.get(part.offset)
            if mark is None or mark.written < part.size:
                break
            stop = part.end
        stop = min(hashed, stop)
        if stop > start and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self.fd, start, stop - start, os.POSIX_FADV_DONTNEED)
            self._dropped = stop

    def still_ours(self) -> bool:
        """Return whether the path still leads to the open file: others may have moved or deleted it."""
        try:
            status = self.paths.data.lstat()
        except OSError:
            return False
        return status.st_ino == self.inode

    def close(self) -> None:
        """Close the file and the live state; both stay on disk."""
        with self._sync_lock:
            if not self._closed:
                self._closed = True
                self.live.close()
                os.close(self.fd)

    def finish(self, target: Path, sums: Path) -> None:
        """Turn the complete, verified partial into `target`, its part state into `sums`; close it.

        In an order that a kill at any point leaves something that is either found complete or resumed.
        `target` is in the same directory: one sync is for both names. Raises OSError.
        """
        with self._sync_lock:
            self._save(partial(write_state, synced=True))
            sums.parent.mkdir(exist_ok=True)
            self.paths.data.replace(target)
            sync_directory(target.parent)
            self.paths.durable.replace(sums)
            with suppress(FileNotFoundError):
                self.paths.live.unlink()
            self.close()


def _open_regular(path: Path) -> int:
    """Open for reading and writing, made if missing; never through a link, a FIFO or a second name."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    except OSError as error:
        raise StorageError(
            f"cannot open {path}: {error.strerror}", "Move what is there away, or correct its permissions."
        ) from error
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(fd)
        raise StorageError(f"{path} is not a plain file of its own", "Move it away and pull again.")
    return fd
