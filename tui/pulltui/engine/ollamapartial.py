"""Ollama's unfinished blobs, as they are on disk, and the form of their records.

Ollama (server/download.go) keeps `blobs/sha256-<hex>-partial`, sized to the blob at once, and a record of
each part, `blobs/sha256-<hex>-partial-<N>`: {"N":0,"Offset":0,"Size":bytes,"Completed":bytes}, of which the
first `Completed` bytes are there. It adds the records up, whatever they say: so they must be all there,
follow each other without gaps, and be numbered from 0.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

_NUMBER = re.compile(r"-partial-(0|[1-9][0-9]{0,5})")
_DATA = re.compile(r"sha256-([0-9a-f]{64})-partial")


class Record(msgspec.Struct, rename="pascal", frozen=True):
    """One part."""

    n: int
    offset: int
    size: int
    completed: int

    def encode(self) -> bytes:
        """Return the file's bytes, as Ollama writes them."""
        return msgspec.json.encode(self) + b"\n"


class OllamaPartial(msgspec.Struct, frozen=True):
    """One unfinished blob of Ollama's."""

    digest: str
    data: Path
    files: tuple[Path, ...]
    """Its records."""
    records: tuple[Record, ...]
    """In order; empty if there is a `problem`."""
    length: int
    """Of the file, in bytes."""
    inode: int
    changed: float
    """When the file or a record last changed, unix seconds."""
    problem: str = ""
    """Why the records say nothing that can be used; empty if they do."""

    @property
    def total(self) -> int:
        """Bytes of the whole blob: Ollama makes the file as long at once."""
        return self.length

    @property
    def done(self) -> int:
        """Bytes that are there."""
        return sum(record.completed for record in self.records)


def numbered(directory: Path, name: str) -> dict[int, Path]:
    """Return the records of the blob with file name `name` in a directory, by number. Raises OSError."""
    found = {}
    for path in directory.iterdir():
        if path.name.startswith(name) and (match := _NUMBER.fullmatch(path.name, len(name))):
            found[int(match[1])] = path
    return found


def digests(paths: Iterable[Path]) -> list[str]:
    """Return the digests of those of these files (all that are in `blobs/`) that are unfinished blobs."""
    matches = (_DATA.fullmatch(path.name) for path in paths)
    return sorted(f"sha256:{match[1]}" for match in matches if match)


def read(blobs: Path, digest: str) -> OllamaPartial | None:
    """Return what is in `blobs` of an unfinished blob; None if its file is not there. Raises OSError."""
    name = digest.replace(":", "-")
    data = blobs / f"{name}-partial"
    try:
        status = data.lstat()
    except FileNotFoundError:
        return None
    files = numbered(blobs, name)
    changed = max([status.st_mtime, *(path.stat().st_mtime for path in files.values())])
    records, problem = _records(files, status.st_size)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        records, problem = [], "it is not a plain file of its own"
    return OllamaPartial(
        digest=digest,
        data=data,
        files=tuple(files.values()),
        records=tuple(records),
        length=status.st_size,
        inode=status.st_ino,
        changed=changed,
        problem=problem,
    )


def _records(files: dict[int, Path], length: int) -> tuple[list[Record], str]:
    """Return the records, or none and what is wrong with them."""
    if not files:
        return [], "it has no record of its parts"
    records: list[Record] = []
    for n in range(max(files) + 1):
        if n not in files:
            return [], f"the record of part {n} is missing"
        try:
            record = msgspec.json.decode(files[n].read_bytes(), type=Record)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [], f"the record of part {n} is damaged"
        if record.n != n or record.size <= 0 or not 0 <= record.completed <= record.size:
            return [], f"the record of part {n} makes no sense"
        if record.offset != (records[-1].offset + records[-1].size if records else 0):
            return [], f"part {n} does not follow the one before it"
        records.append(record)
    if (total := records[-1].offset + records[-1].size) != length:
        return [], f"its records are of {total} bytes, the file is of {length}"
    return records, ""


def records_of(stretches: Sequence[tuple[int, int]], total: int, part_size: int) -> list[Record]:
    """Return records that say that these stretches [start, stop) of a blob of `total` bytes are there.

    In each part what is there must be at its beginning. So a part begins wherever a stretch does, and
    wherever it would begin by itself (`part_size`, bytes).
    """
    joined: list[list[int]] = []
    for start, stop in stretches:
        if start == stop:
            continue
        if joined and joined[-1][1] == start:
            joined[-1][1] = stop
        else:
            joined.append([start, stop])
    starts = sorted({start for start, _ in joined} | set(range(0, total, part_size)))
    records = []
    for n, (start, end) in enumerate(zip(starts, [*starts[1:], total], strict=True)):
        stop = max((stop for first, stop in joined if first <= start), default=start)
        records.append(Record(n, start, end - start, max(0, min(stop, end) - start)))
    return records
