"""A large blob that was begun and killed before, as it lies on the disk: its partial with both states."""

from __future__ import annotations

import os
from pathlib import Path

from pulltui.engine.crc import crc32
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.partial import PartialPaths
from pulltui.engine.parts import Mark, PartTable, lay_out
from pulltui.engine.partstate import LiveState, snapshot, write_durable

AHEAD = 8
"""Parts of which the live state says more than the durable one, and how much that is together."""
AHEAD_BYTES = 64_000_000


def begun(models: Path, digest: str, size: int, part_size: int) -> int:
    """Leave a blob of `size` bytes half fetched in a models directory; return its number of parts.

    The first half of the parts is durable; of the next `AHEAD` only the live state knows, as after a kill.
    All bytes that are there are zeros (the file is sparse), and their checksums are right.
    """
    directory = models / ".pulltui"
    directory.mkdir(parents=True)
    paths = PartialPaths(directory, blob_file_name(digest))
    with paths.data.open("wb") as file:
        os.truncate(file.fileno(), size)
        inode = os.fstat(file.fileno()).st_ino
    table = PartTable(lay_out(size, part_size))
    half, whole = len(table) // 2, crc32(bytes(part_size))
    for part in table.parts[:half]:
        part.mark = Mark(part.size, whole)
    write_durable(paths.durable, snapshot(digest, inode, table))
    some = min(AHEAD_BYTES // AHEAD, part_size)
    for part in table.parts[half : half + AHEAD]:
        part.mark = Mark(some, crc32(bytes(some)))
    LiveState(paths.live, digest, table).close()
    return len(table)
