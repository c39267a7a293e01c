"""The two records of what is on disk of an unfinished blob; `claims` says what can be believed of them.

Durable state (`...-partial.json`), replaced atomically after the data was synced:

    {"Version": 1, "Digest": "sha256:<hex>", "Total": bytes, "Inode": of the partial,
     "Parts": [{"N": 0, "Offset": 0, "Size": bytes, "Completed": bytes, "Crc32": of those bytes}, ...]}

`Crc32` is null where nobody knows it. Whatever it claims has survived a power cut.

Live state (`...-partial.live`), a shared memory map that the writer updates after each write, for
processes that are killed: a header, then one record a part, little endian, and room for more records:

    header  8s magic, I version, I number of parts, Q total, 32s digest        (56 bytes, padded to 64)
    record  Q offset, Q size, Q completed, I crc, I zero                       (32 bytes)

A part that is split gets the record of its back half appended, then counted, then its own is cut. So the
records are in no order, and one may still reach over the last one: it ends where that one begins.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pulltui.engine.errors import StorageError
from pulltui.engine.parts import MOST_PARTS, Mark, Part, PartTable

VERSION = 1
_MAGIC = b"pulltui\0"
_HEADER = struct.Struct("<8sIIQ32s")
_HEADER_SIZE = 64
_RECORD = struct.Struct("<QQQII")
_CLAIM = struct.Struct("<QI")
_CLAIM_AT = 16
_NOT_THERE = frozenset({errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EISDIR})
_COUNT = struct.Struct("<I")
_COUNT_AT = 12
_SIZE = struct.Struct("<Q")
_SIZE_AT = 8
_SPLITS = (16, 64_000, 1024)
"""Records for parts whose back is taken over: at least, one for so many bytes, at most. Each opening has as
many again."""
_CUTS = 2_000_000
"""Parts that are cut for runs, which is no need, get a record for so many bytes,
and only while they are fewer than are laid out at most."""
_MOST_PARTS = 1_000_000
"""More parts than any blob has; a larger number is damage."""
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What decoding raises for bytes that are cut, or not ours."""


class PartRecord(msgspec.Struct, rename="pascal", frozen=True):
    """One part in the durable state."""

    n: int
    offset: int
    size: int
    completed: int
    crc32: int | None = None


class _Versioned(msgspec.Struct, rename="pascal", frozen=True):
    version: int


class DurableState(msgspec.Struct, rename="pascal", frozen=True):
    """The durable state of one blob, as it stands in the file."""

    version: int
    digest: str
    total: int
    inode: int
    parts: list[PartRecord]

    def sound(self, digest: str) -> bool:
        """Return whether this is a sound state of that blob: gapless parts, claims within them."""
        if self.version != VERSION or self.digest != digest:
            return False
        offset = 0
        for n, part in enumerate(self.parts):
            if part.n != n or part.offset != offset or part.size <= 0:
                return False
            if not 0 <= part.completed <= part.size or not 0 <= (part.crc32 or 0) < 1 << 32:
                return False
            offset += part.size
        return offset == self.total


def snapshot(digest: str, inode: int, table: PartTable) -> DurableState:
    """Return the state as the counters stand now; to be made before the data is synced."""
    records = []
    for n, (part, end) in enumerate(_joined(table)):
        written, crc = part.mark
        records.append(PartRecord(n, part.offset, end - part.offset, written, crc))
    return DurableState(VERSION, digest, table.total, inode, records)


def _joined(table: PartTable) -> list[tuple[Part, int]]:
    """Return the parts with their ends, from one list of them: another thread may be splitting one."""
    parts = table.parts
    ends = [part.offset for part in parts[1:]]
    return list(zip(parts, [*ends, table.total], strict=True))


def write_durable(path: Path, state: DurableState) -> int:
    """Replace the state file, durably; return its size. Raises OSError."""
    size = write_state(path, state, synced=True)
    sync_directory(path.parent)
    return size


def write_state(path: Path, state: DurableState, *, synced: bool) -> int:
    """Replace the state file and return its size, but leave syncing the directory, or all, to the caller.

    Raises OSError.
    """
    data = msgspec.json.encode(state)
    _replace(path, data, 0o644, synced=synced)
    return len(data)


def replace_durably(path: Path, data: bytes, mode: int) -> None:
    """Replace a file: write beside it, sync, rename, sync the directory. Raises OSError."""
    _replace(path, data, mode, synced=True)
    sync_directory(path.parent)


def _replace(path: Path, data: bytes, mode: int, *, synced: bool) -> None:
    temporary = path.with_name(path.name + ".new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        if synced:
            os.fsync(fd)
    finally:
        os.close(fd)
    temporary.replace(path)


def sync_directory(path: Path) -> None:
    """Make renames in a directory survive a power cut. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_durable(path: Path, digest: str) -> DurableState | None:
    """Return the durable state of that blob, or None if there is none that makes sense.

    Raises StorageError if a newer pulltui wrote it, OSError if it is there and cannot be read: that is not
    the same as nothing.
    """
    data = _read(path)
    try:
        # By itself: what else a newer one says may well not be what it says here.
        version = msgspec.json.decode(data, type=_Versioned).version
    except _UNREADABLE:
        return None
    _check_version(path, version)
    try:
        state = msgspec.json.decode(data, type=DurableState)
    except _UNREADABLE:
        return None
    return state if state.sound(digest) else None


def _check_version(path: Path, version: int) -> None:
    """Raise StorageError if a newer pulltui wrote the file: as missing, it would be written over."""
    if version > VERSION:
        raise StorageError(
            f"{path} was written by a newer pulltui", "Use that one, or delete the file to begin again."
        )


class LiveState:
    """The live state, open for the writer."""

    def __init__(self, path: Path, digest: str, table: PartTable) -> None:
        """Replace the file with one that says what the table says. Raises OSError."""
        self._map: mmap.mmap | None = None
        self._fallen = False
        """What is written does not count any more."""
        self._count = len(table)
        self._cuttable, self._room = _room(table.total, len(table))
        size = _HEADER_SIZE + _RECORD.size * self._room
        image = bytearray(size)
        _HEADER.pack_into(image, 0, _MAGIC, VERSION, len(table), table.total, _digest_bytes(digest))
        for part in table:
            part.slot = part.n
            written, crc = part.mark
            _RECORD.pack_into(image, _record_at(part.slot), part.offset, part.size, written, crc or 0, 0)
        # Written out in full before it is mapped: a store into a hole of a full disk kills the process.
        temporary = path.with_name(path.name + ".new")
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
        try:
            data = memoryview(image)
            while data:
                data = data[os.write(fd, data) :]
            temporary.replace(path)
            self._map = mmap.mmap(fd, size)
        finally:
            os.close(fd)

    def store(self, slot: int, mark: Mark) -> None:
        """Record what is written of the part with that slot."""
        if self._map is not None and not self._fallen:
            _CLAIM.pack_into(self._map, _record_at(slot) + _CLAIM_AT, mark.written, mark.crc or 0)

    def fall_back(self, marks: Iterable[tuple[int, Mark]]) -> None:
        """Record these, by slot, and nothing any more after that."""
        self._fallen = True
        for slot, mark in marks:
            if self._map is not None:
                _CLAIM.pack_into(self._map, _record_at(slot) + _CLAIM_AT, mark.written, mark.crc or 0)

    @property
    def splittable(self) -> bool:
        """Whether there is room for one part more."""
        return self._map is not None and self._count < self._room

    @property
    def cuttable(self) -> bool:
        """Whether there is room for one more that is not needed badly: the last ones are for takeovers."""
        return self._map is not None and self._count < self._cuttable

    def split(self, front: Part, back: Part) -> None:
        """Record that `back` was cut off `front`, in an order that a kill cannot harm."""
        assert self._map is not None
        assert back.slot == self._count
        written, crc = back.mark
        _RECORD.pack_into(self._map, _record_at(back.slot), back.offset, back.size, written, crc or 0, 0)
        self._count += 1
        _COUNT.pack_into(self._map, _COUNT_AT, self._count)
        _SIZE.pack_into(self._map, _record_at(front.slot) + _SIZE_AT, front.size)

    def close(self) -> None:
        """Unmap; the file stays."""
        if self._map is not None:
            self._map.close()
            self._map = None


def _room(total: int, count: int) -> tuple[int, int]:
    """Return for how many parts there is room with a blob of `count` by now: by cuts for runs, and in all."""
    least, each, most = _SPLITS
    cuttable = max(count, min(count + total // _CUTS, MOST_PARTS))
    return cuttable, cuttable + min(least + total // each, most)


def _record_at(slot: int) -> int:
    return _HEADER_SIZE + slot * _RECORD.size


class LiveRecord(msgspec.Struct, frozen=True):
    """One part in the live state."""

    offset: int
    size: int
    completed: int
    crc: int


def read_live(path: Path, digest: str) -> list[LiveRecord] | None:
    """Return the live state of that blob, or None if there is none that makes sense.

    Raises StorageError if a newer pulltui wrote it, OSError if it is there and cannot be read.
    """
    try:
        data = _read(path)
        magic, version, count, total, said_digest = _HEADER.unpack_from(data)
    except struct.error:
        return None
    if magic == _MAGIC:
        _check_version(path, version)
    known = magic == _MAGIC and version == VERSION and said_digest == _digest_bytes(digest)
    if not known or not 0 < count <= _MOST_PARTS:
        return None
    if len(data) < _HEADER_SIZE + count * _RECORD.size:
        return None
    found = [_RECORD.unpack_from(data, _record_at(slot)) for slot in range(count)]
    newest = found[-1]
    records, expected = [], 0
    for offset, size, completed, crc, _ in sorted(found):
        if 0 < newest[0] - offset < size and offset + size == newest[0] + newest[1]:
            size = newest[0] - offset  # noqa: PLW2901 - killed in the middle of a split
        if offset != expected or size == 0:
            return None
        expected += size
        records.append(LiveRecord(offset, size, min(completed, size), crc))
    return records if expected == total else None


def said(durable: Path, live: Path, digest: str) -> tuple[int, int] | None:
    """Return the size of the blob and the bytes of it that its records claim, unproven; None without any.

    Raises OSError, and StorageError if a newer pulltui wrote them.
    """
    state, records = read_durable(durable, digest), read_live(live, digest)
    claimed = [sum(part.completed for part in state.parts)] if state is not None else []
    if records is not None:
        claimed.append(sum(record.completed for record in records))
    if state is not None:
        return state.total, max(claimed)
    if records is not None:
        return records[-1].offset + records[-1].size, max(claimed)
    return None


def _read(path: Path) -> bytes:
    """Return a plain file's bytes; none if it is missing or something else is there. Raises OSError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in _NOT_THERE:
            return b""
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return b""
    with os.fdopen(fd, "rb") as file:
        return file.read()


def _digest_bytes(digest: str) -> bytes:
    return bytes.fromhex(digest.removeprefix("sha256:"))
