"""What is on disk of the blobs of a pull that was killed: what is claimed, and what is right.

Ranges are half-open pairs of offsets in a blob.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pulltui.demo.intervals import Interval, intersection, total, union
from pulltui.engine.claims import Claims
from pulltui.engine.partstate import LiveRecord, PartRecord

_STEP = 1 << 20


@dataclass
class Disk:
    """The state of a models directory at one moment; `right` and `claimed` are by digest."""

    right: dict[str, list[Interval]] = field(default_factory=dict)
    """Bytes that are the blob's own: of each part as many from its start as are."""
    claimed: dict[str, list[Interval]] = field(default_factory=dict)
    """Bytes that a state file, or a finished file's name, says are there."""
    claims: int = 0
    """How many claims there were."""

    @property
    def false_claims(self) -> list[str]:
        """The claims that the file does not bear out, in words."""
        return [
            f"{digest[7:19]}: {claimed} claimed, right are {self.right[digest]}"
            for digest, claimed in self.claimed.items()
            if intersection(claimed, self.right[digest]) != union(claimed)
        ]

    @property
    def claimed_bytes(self) -> int:
        """Bytes claimed of all blobs."""
        return sum(total(union(claimed)) for claimed in self.claimed.values())


def examine(models: Path, truth: dict[str, Path]) -> Disk:
    """Look at every blob's files and compare them with the true ones.

    Raises ValueError for a state file that is damaged: a kill must not do that.
    """
    disk = Disk()
    for digest, true in truth.items():
        name = digest.replace(":", "-")
        work = models / ".pulltui"
        finished = [path for path in (models / "blobs" / name, work / name) if path.exists()]
        if finished:
            claimed = [(0, true.stat().st_size)]
            parts = claimed
            disk.claims += 1
        else:
            claimed, parts = _claims(work / f"{name}-partial", digest, true.stat().st_size, disk)
        data = finished[0] if finished else work / f"{name}-partial"
        disk.claimed[digest] = claimed
        disk.right[digest] = [_right(data, true, part) for part in parts]
    return disk


def _claims(partial: Path, digest: str, size: int, disk: Disk) -> tuple[list[Interval], list[Interval]]:
    """Return what both state files claim, and the parts."""
    durable, live = partial.with_name(f"{partial.name}.json"), partial.with_name(f"{partial.name}.live")
    claims = Claims.read(durable, live, digest, size)
    if (durable.exists() and claims.durable is None) or (live.exists() and claims.live is None):
        raise ValueError(f"a state file of {partial} is damaged")
    if claims.durable is None:
        # Written first of all, so there can be no byte without it.
        if claims.live is not None or (partial.exists() and partial.stat().st_blocks):
            raise ValueError(f"{partial} has bytes but no durable state")
        return [], []
    records: list[PartRecord | LiveRecord] = [*claims.durable.parts, *(claims.live or [])]
    disk.claims += len(records)
    claimed = [(record.offset, record.offset + record.completed) for record in records]
    # A part may have been split since the durable state: then the live one has more of them.
    starts = sorted({record.offset for record in records})
    return claimed, list(zip(starts, [*starts[1:], size], strict=True))


def _right(data: Path, true: Path, part: Interval) -> Interval:
    """Return the longest piece from the part's start where both files are equal."""
    start, stop = part
    with data.open("rb") as ours, true.open("rb") as theirs:
        ours.seek(start)
        theirs.seek(start)
        position = start
        while position < stop:
            want = min(_STEP, stop - position)
            mine, good = ours.read(want), theirs.read(want)
            if mine != good:
                same = next(
                    (n for n, (a, b) in enumerate(zip(mine, good, strict=False)) if a != b), len(mine)
                )
                return (start, position + same)
            position += want
    return (start, stop)
