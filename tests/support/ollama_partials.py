"""Ollama's unfinished blobs: made and read as server/download.go of github.com/ollama/ollama has it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pulltui.demo import Blob

PARTS = 16
OLD = 3600.0
"""Seconds that nobody touched what `begin` makes."""


@dataclass(frozen=True)
class Part:
    """One of Ollama's: it asks for the bytes [offset + completed, offset + size)."""

    n: int
    offset: int
    size: int
    completed: int


@dataclass(frozen=True)
class Begun:
    """What Ollama's `Prepare` makes of the files: it goes on with them if there is a single record."""

    total: int
    parts: list[Part]

    @property
    def missing(self) -> list[tuple[int, int]]:
        """The ranges that it asks for."""
        return [
            (part.offset + part.completed, part.offset + part.size)
            for part in self.parts
            if part.completed < part.size
        ]


def file_name(digest: str) -> str:
    return digest.replace(":", "-")


def prepare(blobs: Path, digest: str) -> Begun:
    """`blobDownload.Prepare`: every record that the glob finds, the total is their sum."""
    parts = []
    for path in sorted(blobs.glob(f"{file_name(digest)}-partial-*")):
        record = json.loads(path.read_bytes())
        assert set(record) == {"N", "Offset", "Size", "Completed"}
        parts.append(Part(record["N"], record["Offset"], record["Size"], record["Completed"]))
    return Begun(sum(part.size for part in parts), sorted(parts, key=lambda part: part.n))


def finish(blobs: Path, digest: str, source: Blob) -> Path:
    """`blobDownload.run`: size the file, fetch what is missing, delete the records by number, rename."""
    begun = prepare(blobs, digest)
    name = file_name(digest)
    data = blobs / f"{name}-partial"
    with data.open("r+b") as file:
        file.truncate(begun.total)
        for start, stop in begun.missing:
            file.seek(start)
            file.write(source.read(start, stop - start))
    for n in range(len(begun.parts)):
        (blobs / f"{name}-partial-{n}").unlink()
    return data.rename(blobs / name)


def begin(
    blobs: Path, blob: Blob, completed: Sequence[float], *, age: float = OLD, parts: int | None = None
) -> Begun:
    """Leave what Ollama leaves of a blob: of each part the first so many (a fraction) are there."""
    blobs.mkdir(parents=True, exist_ok=True)
    count = parts or len(completed)
    size = -(-blob.size // count)
    name = file_name(blob.digest)
    data = blobs / f"{name}-partial"
    begun = []
    with data.open("wb") as file:
        file.truncate(blob.size)
        for n, share in enumerate(completed):
            offset = n * size
            length = min(size, blob.size - offset)
            done = int(length * share)
            file.seek(offset)
            file.write(blob.read(offset, done))
            record = {"N": n, "Offset": offset, "Size": length, "Completed": done}
            (blobs / f"{name}-partial-{n}").write_text(json.dumps(record, separators=(",", ":")) + "\n")
            begun.append(Part(n, offset, length, done))
    make_old(blobs, blob.digest, age)
    return Begun(blob.size, begun)


def make_old(blobs: Path, digest: str, age: float = OLD) -> None:
    """Nobody changed any of it for so many seconds."""
    for path in files(blobs, digest):
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))


def files(blobs: Path, digest: str) -> list[Path]:
    """Everything there is of an unfinished blob."""
    return sorted(blobs.glob(f"{file_name(digest)}-partial*"))
