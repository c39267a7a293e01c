"""What can be believed of the two records of an unfinished blob (`partstate`).

Nothing in the live state is taken on trust. On load the bytes between the durable claim and the live
one are read and must have the recorded checksum; so neither a torn store, nor a power cut that kept
the record and lost the data, nor a file that somebody replaced can make a claim true. That also makes
it a second copy of the layout: with the JSON gone or damaged, what its checksums prove is kept.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from pulltui.engine.crc import crc_of_file
from pulltui.engine.errors import StorageError
from pulltui.engine.parts import Mark, Part, PartTable
from pulltui.engine.partstate import DurableState, LiveRecord, PartRecord, read_durable, read_live


class Claims:
    """Everything the two records say about one blob."""

    def __init__(self, durable: DurableState | None, live: list[LiveRecord] | None) -> None:
        self.durable = durable
        self.live = live
        self._live_at = {record.offset: record for record in live or ()}

    @classmethod
    def read(cls, durable: Path, live: Path, digest: str, total: int) -> Self:
        """Read both files; whatever is damaged counts as missing.

        Raises OSError if one is there and cannot be read, and StorageError if what is there was begun for
        another size than `total`: one of two manifests is wrong, and nobody here knows which.
        """
        state, records = read_durable(durable, digest), read_live(live, digest)
        sizes = {state.total} if state is not None else set()
        if state is None and records is not None:
            sizes = {records[-1].offset + records[-1].size}
        if sizes and total not in sizes:
            begun = any(part.completed for part in (state.parts if state is not None else records or ()))
            if begun:
                raise StorageError(
                    f"{durable.name.removesuffix('.json')} was begun as a blob of {sizes.pop()} bytes, "
                    f"this manifest says {total}",
                    "One of the registries is wrong. What came is kept; to begin anew, delete that file.",
                )
            return cls(None, None)
        if records is not None and records[-1].offset + records[-1].size != total:
            records = None
        return cls(state, records)

    def __bool__(self) -> bool:
        return self.durable is not None or self.live is not None

    def prove(self, fd: int) -> PartTable:
        """Return the parts with what the file bears out. Reads the file where a claim needs proof.

        A durable claim is believed if the file is the very one it was made for (inode) and not shorter
        than the blob; everything else must have the recorded checksum. Raises OSError.
        """
        status = os.fstat(fd)
        durable = self.durable
        trusted = durable is not None and status.st_ino == durable.inode and status.st_size >= durable.total
        recorded = {part.offset: part for part in durable.parts} if durable is not None else {}
        parts = []
        for n, (offset, size) in enumerate(self._layout()):
            record = recorded.get(offset)
            if record is not None and record.completed > size:
                record = None  # made for another layout
            base = Mark(0, 0)
            if trusted and record is not None:
                base = Mark(record.completed, record.crc32)
            claims = self._claims(offset, size, record)
            parts.append(Part(n, offset, size, _extend(fd, offset, base, claims)))
        return PartTable(parts)

    def _layout(self) -> list[tuple[int, int]]:
        """Return the layout of the live state, where parts are split first, else of the durable one."""
        if self._refined():
            return [(record.offset, record.size) for record in self.live or ()]
        return [(part.offset, part.size) for part in (self.durable.parts if self.durable else ())]

    def _refined(self) -> bool:
        """Return whether the live state has every cut that the durable one has, and room for its claims."""
        if self.live is None or self.durable is None:
            return self.live is not None
        sizes = {record.offset: record.size for record in self.live}
        return all(part.completed <= sizes.get(part.offset, -1) for part in self.durable.parts)

    def _claims(self, offset: int, size: int, record: PartRecord | None) -> list[Mark]:
        """Return what is claimed of a part, the smaller claim first."""
        claims = []
        if record is not None:
            claims.append(Mark(record.completed, record.crc32))
        live = self._live_at.get(offset)
        if live is not None and live.size == size:
            claims.append(Mark(live.completed, live.crc))
        return sorted(claims, key=lambda claim: claim.written)


def _extend(fd: int, offset: int, base: Mark, claims: list[Mark]) -> Mark:
    """Return the largest claim that the bytes behind `base` prove, or `base`."""
    proven, reached = base, base
    for claim in claims:
        if claim.written < reached.written or claim.crc is None or reached.crc is None:
            continue
        crc = crc_of_file(fd, offset + reached.written, offset + claim.written, reached.crc)
        if crc is None:
            break
        reached = Mark(claim.written, crc)
        if crc == claim.crc:
            proven = reached
    return proven
