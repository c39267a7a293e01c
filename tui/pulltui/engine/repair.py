"""All bytes are here and they are not the blob: find the parts to fetch again.

First what can be told from the disk: parts whose bytes differ from their checksum, and parts that never
had one. If every part is as it came, the damage is on the wire or at the server: then all parts are
fetched once more, some at a time through a fresh URL, and hashed again as soon as one came differently.
One pass; then it is the server's blob that is not what the manifest says.
"""

from __future__ import annotations

import msgspec

from pulltui.engine.crc import crc_of_file
from pulltui.engine.errors import DigestError
from pulltui.engine.partial import Partial
from pulltui.engine.parts import Part

_AT_A_TIME = 8
"""Parts fetched again together: enough to keep the connections busy."""


class Step(msgspec.Struct, frozen=True):
    """What to do next: the parts are reset already."""

    parts: tuple[int, ...]
    bytes: int
    """How much is fetched again."""
    rehash_from: int
    """Offset of the first byte that changes."""
    fresh_url: bool
    note: str


class Repair:
    """One attempt to mend one blob. Blocking calls: not for the event loop."""

    def __init__(self, partial: Partial) -> None:
        self._partial = partial
        self._looked_at_disk = False
        self._next = 0
        """First part of the pass that was not fetched again yet."""
        self._before: dict[int, int | None] = {}
        """Checksums of the parts being fetched again, as they were."""

    def next_step(self, got: str) -> Step:
        """Return what to fetch again after the digest came out as `got`; resets those parts.

        Raises DigestError when the pass is over (nothing counts as written then), OSError from the disk.
        """
        if not self._looked_at_disk:
            self._looked_at_disk = True
            if damaged := [part for part in self._partial.table if not self._intact(part)]:
                return self._again(damaged, fresh=False, note=f"repairing {len(damaged)} damaged parts")
        table = self._partial.table
        if self._next >= len(table):
            self._give_up(got)
        batch = table.parts[self._next : self._next + _AT_A_TIME]
        self._next += len(batch)
        note = f"repairing: fetching parts again, {self._next} of {len(table)}"
        return self._again(batch, fresh=True, note=note)

    def came_differently(self) -> bool:
        """Return whether a part of the last step is not what it was: only then hashing again can help."""
        parts = self._partial.table.parts
        return any(parts[n].mark.crc != crc for n, crc in self._before.items())

    def _again(self, parts: list[Part], *, fresh: bool, note: str) -> Step:
        # What the disk damaged comes as it came the first time, and still changes what is there.
        self._before = {part.n: part.mark.crc if fresh else None for part in parts}
        for part in parts:
            self._partial.reset(part)
        return Step(
            tuple(part.n for part in parts),
            sum(part.size for part in parts),
            parts[0].offset,
            fresh,
            note,
        )

    def _intact(self, part: Part) -> bool:
        """Return whether the disk still holds what the part's checksum was made of."""
        if part.mark.crc is None:
            return False
        crc = crc_of_file(self._partial.fd, part.offset, part.offset + part.mark.written)
        return crc == part.mark.crc

    def _give_up(self, got: str) -> None:
        for part in self._partial.table:
            self._partial.reset(part)
        self._partial.checkpoint()
        raise DigestError(
            f"blob {self._partial.digest} came as {got}, twice",
            "The registry's copy, or something on the way, is damaged. Try again later, or elsewhere.",
        )
