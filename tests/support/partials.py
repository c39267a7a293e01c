"""A partial of 1,000 bytes in parts of 300, and what must hold of it."""

from __future__ import annotations

import random
from zlib import crc32

import msgspec
from pulltui.engine.partial import Partial, PartialPaths
from pulltui.engine.partstate import DurableState

TOTAL = 1000
PART = 300
DATA = random.Random(2).randbytes(TOTAL)
DIGEST = "sha256:" + "12" * 32
NAME = "sha256-" + "12" * 32


def put(partial: Partial, n: int, count: int) -> None:
    """Write the next `count` bytes of part `n`, the right ones."""
    part = partial.table.parts[n]
    start = part.offset + part.mark.written
    chunk = memoryview(DATA)[start : min(start + count, part.end)]
    partial.write(part, chunk, crc32(chunk, part.mark.crc or 0))


def written(partial: Partial) -> list[int]:
    return [part.mark.written for part in partial.table]


def assert_sound(partial: Partial) -> None:
    """Whatever is claimed is in the file."""
    content = partial.paths.data.read_bytes()
    assert len(content) == TOTAL
    for part in partial.table:
        claimed = slice(part.offset, part.offset + part.mark.written)
        assert content[claimed] == DATA[claimed], f"part {part.n} claims what is not there"


def stored(paths: PartialPaths) -> DurableState:
    return msgspec.json.decode(paths.durable.read_bytes(), type=DurableState)
