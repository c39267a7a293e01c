"""Parts of a blob: how it is laid out, what is written of each, and which run comes next.

No I/O here. The table belongs to the engine's loop; the writer thread only replaces a part's `mark`,
the hasher thread only reads.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pulltui.engine.views import PartState

MB = 1_000_000
MOST_PARTS = 7_500
"""More parts are not laid out: states that are written again and again would be large beside what comes."""
SIXTEENTHS = (100 * MB, 1000 * MB)
"""Bounds of a part in the layout that divides a blob by 16 (Ollama's)."""


class Mark(NamedTuple):
    """What is written of a part: its first `written` bytes, and their CRC-32 (None: never computed).

    One object, replaced as a whole, so that no thread ever sees one without the other.
    """

    written: int
    crc: int | None


class Part:
    """A byte range of a blob, with exactly one writer at a time."""

    __slots__ = (
        "failures",
        "gained",
        "mark",
        "moves",
        "n",
        "not_before",
        "offset",
        "owner",
        "parked",
        "received",
        "size",
        "slot",
        "soon",
        "state",
        "why",
    )

    def __init__(self, n: int, offset: int, size: int, mark: Mark = Mark(0, 0)) -> None:  # noqa: B008
        self.n = n
        """Its place among the parts, which changes when one before it is split."""
        self.slot = n
        """Its place in the live state, for good."""
        self.offset = offset
        self.size = size
        self.mark = mark
        self.received = mark.written
        """Bytes that came off the socket; ahead of `mark` by what the writer has not written yet."""
        self.state = PartState.TODO
        self.owner: object | None = None
        """The run that will write here."""
        self.failures = 0
        self.gained = 0
        """Bytes received since the last failure."""
        self.moves = 0
        """How often it was taken over since it last made progress."""
        self.not_before = 0.0
        """Time before which it is not tried again."""
        self.soon = 0.0
        """The same for a connection that has nothing else to do, or near the end."""
        self.parked = False
        """It used up its retries; tried again only after everything else is done or waits."""
        self.why = ""
        self.settle()

    @property
    def end(self) -> int:
        """Offset of the byte behind the part."""
        return self.offset + self.size

    @property
    def done(self) -> bool:
        """Whether all of it is written."""
        return self.mark.written == self.size

    def settle(self) -> None:
        """Set the state that follows from what is written, for a part that nobody is fetching."""
        self.received = self.mark.written
        if self.done:
            self.state = PartState.DONE
        elif self.parked:
            self.state = PartState.FAILED
        else:
            self.state = PartState.PARTIAL if self.mark.written else PartState.TODO

    def gain(self, count: int, refill: int) -> None:
        """Count received bytes; after `refill` of them earlier failures are forgotten."""
        self.received += count
        self.gained += count
        if self.gained >= refill:
            self.failures = self.moves = 0

    def move(self) -> None:
        """Count that another connection goes on with it."""
        self.moves += 1
        self.gained = 0

    def fail(self, why: str, max_retries: int) -> bool:
        """Count a failure; return False when the part has used up its retries (it is parked then)."""
        self.failures += 1
        self.gained = 0
        self.why = why
        self.parked = self.failures > max_retries
        return not self.parked

    def forgive(self) -> None:
        """Forget failures and countdown: somebody said "now"."""
        self.failures = 0
        self.gained = 0
        self.not_before = self.soon = 0.0
        self.parked = False


def part_size_for(layout: str, size: int, part_size: int) -> int:
    """Return the size of parts for a blob of `size` bytes in the settings' `layout`."""
    if layout == "sixteenths":
        return max(SIXTEENTHS[0], min(size // 16, SIXTEENTHS[1]))
    return max(part_size, -(-size // MOST_PARTS))


def lay_out(size: int, part_size: int) -> list[Part]:
    """Divide `size` bytes (> 0) into parts of `part_size`; the last one is what remains."""
    if part_size <= 0:
        raise ValueError(f"part size must be positive, not {part_size}")
    return [
        Part(n, offset, min(part_size, size - offset)) for n, offset in enumerate(range(0, size, part_size))
    ]


class PartTable:
    """All parts of one blob, in order, without gaps."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = list(parts)
        offset = 0
        for n, part in enumerate(self.parts):
            if part.n != n or part.offset != offset or part.size <= 0:
                raise ValueError(f"part {n} does not follow the one before it")
            offset = part.end
        self.total = offset
        self._first_open = 0

    def __iter__(self) -> Iterator[Part]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def at(self, offset: int) -> Part:
        """Return the part that holds the byte at `offset`."""
        parts = self.parts
        return parts[_index(parts, offset)]

    def split(self, part: Part, at: int) -> Part:
        """Cut a part at the byte `at`, behind everything received of it; return the part behind the cut.

        The list of parts is replaced, so that other threads see the old one or the new one. They may hold
        on to the old one for a moment: whoever walks along the parts looks whether they still join.
        """
        if not part.offset + max(part.received, part.mark.written) < at < part.end:
            raise ValueError(f"part {part.n} cannot be cut at {at}")
        back = Part(part.n + 1, at, part.end - at)
        back.slot = len(self.parts)
        parts = [*self.parts[: part.n + 1], back, *self.parts[part.n + 1 :]]
        for n in range(part.n + 2, len(parts)):
            parts[n].n = n
        self.parts = parts
        # Last of all: until then the part's end covers what the new one has.
        part.size = at - part.offset
        return back

    def written(self) -> int:
        """Return the bytes that are in the file."""
        first = self._first_open  # all before it are
        before = self.parts[first].offset if first < len(self.parts) else self.total
        return before + sum(part.mark.written for part in self.parts[first:])

    def written_prefix(self, start: int) -> int:
        """Return where the written bytes that begin at `start` end; `start` itself must be written up to."""
        if start >= self.total:
            return self.total
        parts = self.parts
        reached = start
        for index in range(_index(parts, start), len(parts)):
            part = parts[index]
            if part.offset > reached:  # the one before it was split a moment ago
                return reached
            written = part.mark.written
            if written < part.size:
                return max(start, part.offset + written)
            reached = part.end
        return reached

    def unfinished(self) -> Iterator[Part]:
        """Go through the parts that are not written completely, in order."""
        parts = self.parts
        while self._first_open < len(parts) and parts[self._first_open].done:
            self._first_open += 1
        return (part for part in parts[self._first_open :] if not part.done)

    def reset(self, part: Part) -> None:
        """Count nothing of a part as written: it is fetched again."""
        part.mark = Mark(0, 0)
        part.settle()
        self._first_open = min(self._first_open, part.n)

    def step_back(self, durable: Callable[[Part], Mark]) -> None:
        """Count as written only what that says."""
        for part in self.parts:
            part.mark = durable(part)
            part.settle()
        self._first_open = 0

    def take_run(self, want: int, now: float, *, idle: bool = False) -> list[Part]:
        """Return the neighbouring parts that one connection should fetch next, lowest offset first.

        They add up to about `want` bytes (at least one part). Parts that are owned, parked or waiting (less
        long if `idle`: nothing else is to be done, or the end is near) are left out, and so is a part with a
        written prefix unless it begins the run: its prefix would be fetched again.
        """
        run: list[Part] = []
        length = 0
        for part in self.unfinished():
            free = part.owner is None and not part.parked and (part.soon if idle else part.not_before) <= now
            if not run:
                if free:
                    run.append(part)
                    length = part.size - part.mark.written
                continue
            follows = part.offset == run[-1].end and free and part.mark.written == 0
            if not follows or length >= want:
                break
            run.append(part)
            length += part.size
        return run


def _index(parts: list[Part], offset: int) -> int:
    """Return the index of the part that holds the byte at `offset`."""
    return bisect_right(parts, offset, key=lambda part: part.offset) - 1
