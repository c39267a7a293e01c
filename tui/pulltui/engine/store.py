"""The models directory: one holder, where things are, what is there already, and the commit of a pull.

Ollama's layout: `blobs/sha256-<hex>` and `manifests/<host>/<namespace>/<model>/<tag>`, the manifest's raw
bytes. What is unfinished lives in `.pulltui/`, on the same filesystem and out of reach of Ollama's
pruning (README: how it resumes).
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from pulltui.engine.errors import ChangedError, LockedError, StorageError, storage_error
from pulltui.engine.manifest import Layer, blob_file_name
from pulltui.engine.names import ModelName
from pulltui.engine.partial import PartialPaths
from pulltui.engine.partstate import sync_directory


class Store:
    """One models directory. Blocking calls: not for the event loop."""

    def __init__(self, root: Path, wall: Callable[[], float] = time.time) -> None:
        """`wall` gives unix seconds, to compare the times of files with."""
        self.root = root
        self.wall = wall
        self.blobs = root / "blobs"
        self.manifests = root / "manifests"
        self.work = root / ".pulltui"
        self.sums = self.work / "sums"
        self._lock: int | None = None
        self._committing = threading.Lock()
        self.beginning = threading.Lock()
        """Whoever begins a blob holds it, be it anew or from what Ollama has of it."""

    def open(self, started: str) -> None:
        """Make the directories and become their one holder; `started` is the wall clock time, for people.

        Raises LockedError if another process is, StorageError if the directory cannot be used.
        """
        try:
            for directory in (self.blobs, self.manifests, self.work, self.sums):
                directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.work / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise StorageError(
                f"cannot use the models directory {self.root}: {error.strerror}",
                "Choose another with --models-dir or storage.models_dir, or correct its permissions.",
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held = self._lock
            self._lock = None
            raise self._locked(held) from error
        self._keep_states()
        holder = {"Pid": os.getpid(), "Host": socket.gethostname(), "Since": started}
        _say(self._lock, msgspec.json.encode(holder))

    def _keep_states(self) -> None:
        """Make the states that are there stay there: a killed process may not have. Raises StorageError."""
        try:
            sync_directory(self.work)
        except OSError as error:
            self.close()
            raise StorageError(
                f"cannot sync {self.work}: {error.strerror}", "What is there is kept; look after the disk."
            ) from error

    def close(self) -> None:
        """Stop being the holder."""
        if self._lock is not None:
            held, self._lock = self._lock, None
            _say(held, b"")
            with suppress(OSError):  # a disk far away tells of earlier writes here; it is closed all the same
                os.close(held)

    def holder(self) -> LockedError | None:
        """Return what to say of the process that holds the directory, None if none does; makes nothing."""
        try:
            lock = os.open(self.work / "lock", os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return None
        # Trying the lock could be in the way of one that starts just now; usually the file says enough.
        if os.pread(lock, 1, 0):
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return self._locked(lock)
        os.close(lock)
        return None

    def _locked(self, fd: int) -> LockedError:
        holder: Any = None
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            holder = msgspec.json.decode(os.pread(fd, 4096, 0))
        os.close(fd)
        who = "another process"
        if isinstance(holder, dict):
            who = f"process {holder.get('Pid')} on {holder.get('Host')}, since {holder.get('Since')}"
        return LockedError(
            f"the models directory {self.root} is in use by {who}",
            "If it is the app, `a` adds a name there. Or quit it first, or pull elsewhere with --models-dir.",
        )

    def blob(self, digest: str) -> Path:
        """Return where a finished blob is."""
        return self.blobs / blob_file_name(digest)

    def staged(self, digest: str) -> Path:
        """Return where a verified blob waits for the rest of its pull."""
        return self.work / blob_file_name(digest)

    def partial(self, digest: str) -> PartialPaths:
        """Return where the unfinished blob is."""
        return PartialPaths(self.work, blob_file_name(digest))

    def sums_of(self, digest: str) -> Path:
        """Return where the part checksums of a verified blob are."""
        return self.sums / blob_file_name(digest)

    def manifest(self, name: ModelName) -> Path:
        """Return where a model's manifest is; names that differ in case only are one model to Ollama.

        So what is there already keeps its letters, as Ollama's pull has it (getExistingName).
        """
        path = self.manifests
        for part in name.path_parts:
            path = path / _as_it_is(path, part)
        return path

    def has(self, layer: Layer) -> bool:
        """Return whether the blob is here: committed or staged, with the size the manifest says.

        Raises StorageError for one of another size: nothing verified is given up because a manifest
        says so.
        """
        with self._committing:  # a file on its way from here to there must not be missed
            return self._has(layer)

    def _has(self, layer: Layer) -> bool:
        for path in (self.blob(layer.digest), self.staged(layer.digest)):
            size = _size(path)
            if size == layer.size:
                return True
            if size is not None:
                raise StorageError(
                    f"{path} has {size} bytes, the manifest says {layer.size}",
                    "Either the manifest is wrong or the file is damaged. Delete it and pull again, unless "
                    "another model uses it.",
                )
        return False

    def keep(self, digest: str) -> None:
        """Make a blob that is here look new: when Ollama starts, it deletes what is older than an hour."""
        for path in (self.blob(digest), self.staged(digest)):
            with suppress(FileNotFoundError, PermissionError):  # another user's: not ours to change
                os.utime(path)

    def begin(self, digest: str) -> PartialPaths:
        """Return where the unfinished blob is, its file made: nobody takes over Ollama's from now on."""
        self.tidy(digest)
        paths = self.partial(digest)
        with self.beginning:
            _open_new(paths.data)
        return paths

    def make_empty(self, digest: str) -> None:
        """Stage the zero-byte blob."""
        self.staged(digest).touch()

    def tidy(self, digest: str) -> None:
        """Finish what a kill between two renames left of a verified blob."""
        paths = self.partial(digest)
        verified = _size(self.staged(digest)) is not None or _size(self.blob(digest)) is not None
        if verified and not paths.data.exists():
            if paths.durable.exists():
                paths.durable.replace(self.sums_of(digest))
            paths.live.unlink(missing_ok=True)

    def sweep(self, digest: str) -> None:
        """Delete the partial of a blob that is committed: another program may have finished it first."""
        if _size(self.blob(digest)) is not None:
            self.partial(digest).remove()

    def commit(self, name: ModelName, raw: bytes, layers: tuple[Layer, ...]) -> None:
        """Move the verified blobs into place together, then write the manifest, raw and atomically.

        Safe to repeat after a kill at any point, and for several pulls that share blobs. Raises NoSpaceError,
        StorageError, and ChangedError if a blob is not there any more.
        """
        with self._committing:
            try:
                self._commit(name, raw, layers)
            except OSError as error:
                raise storage_error(error, f"cannot put {name.short} in its place") from error

    def _commit(self, name: ModelName, raw: bytes, layers: tuple[Layer, ...]) -> None:
        for layer in layers:
            staged, blob = self.staged(layer.digest), self.blob(layer.digest)
            if _size(staged) == layer.size:
                # Ours is verified. One that another program put there meanwhile need not be.
                os.utime(staged)
                staged.replace(blob)
            elif _size(blob) == layer.size:
                self.keep(layer.digest)
            else:
                raise ChangedError(
                    f"blob {layer.digest[7:19]} disappeared before the pull was complete",
                    "Another program removed it. Pull again: everything else is still here.",
                )
        sync_directory(self.blobs)
        self._write_manifest(self.manifest(name), raw)
        for layer in layers:
            self.tidy(layer.digest)

    def _write_manifest(self, path: Path, raw: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not beside its target: there any file name is a tag, and a model that Ollama would list.
        temporary = self.work / "manifest.new"
        with temporary.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        directory = path.parent
        while directory != self.root:
            sync_directory(directory)
            directory = directory.parent

    def free(self) -> int:
        """Return the bytes that may still be written here. Raises OSError."""
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize

    def takes(self, size: int) -> bool:
        """Try to write `size` bytes here, and delete them again; return whether that went well."""
        path, zeros = self.work / "room", memoryview(bytes(1 << 20))
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
            try:
                position = 0
                while position < size:
                    position += os.pwrite(fd, zeros[: size - position], position)
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError:
            return False
        finally:
            path.unlink(missing_ok=True)
        return True

    def occupied(self, digest: str) -> int:
        """Return the bytes on disk that the blob's partial already takes: blocks, since it is sparse."""
        try:
            return self.partial(digest).data.stat().st_blocks * 512
        except OSError:
            return 0


def _say(lock: int, text: bytes) -> None:
    """Have the lock's file say this, to people; the lock holds whether or not the disk takes it."""
    with suppress(OSError):
        os.ftruncate(lock, 0)
        os.ftruncate(lock, len(text))  # a hole takes no room, and that it is not empty says that it is held
        os.pwrite(lock, text, 0)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _as_it_is(directory: Path, name: str) -> str:
    """Return how `name` is written in a directory, if only upper and lower case differ; else as it is."""
    try:
        names = sorted(path.name for path in directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return name
    return name if name in names else next((each for each in names if each.lower() == name.lower()), name)


def _open_new(path: Path) -> None:
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644))
