"""A run: what one ranged GET asks for, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pulltui.engine.meter import Meter
from pulltui.engine.parts import Part
from pulltui.engine.views import PartState

if TYPE_CHECKING:
    from pulltui.engine.attempt import Attempt
    from pulltui.engine.source import Source

Submit = Callable[[Part, memoryview], None]
"""Hands a chunk of a part to the writer."""
Split = Callable[[Part, int], Part | None]
"""Cuts a part at an offset and returns what is behind it."""


class Run:
    """Neighbouring parts that one connection fetches, in order.

    `end` may be moved forward to the current position at any time: another connection takes the rest.
    """

    def __init__(self, parts: list[Part], source: Source, window: float, *, whole: bool = False) -> None:
        """`whole`: ask without a range, from the first byte; what is written already is passed over."""
        self.parts = parts
        self.source = source
        self.whole = whole
        first = parts[0]
        self.start = first.offset if whole else first.offset + first.received
        self.position = self.start
        """Offset of the next byte off the socket."""
        self.end = parts[-1].end
        self.gained = 0
        """Bytes of those off the socket that were not in the file yet."""
        self.generation = 0
        self.attempt: Attempt | None = None
        self.host = ""
        """Where its bytes come from, once that has answered."""
        self.pull = ""
        """Id of the pull whose connection fetches it; others may want the blob, too."""
        self.number = 0
        """Which of the pull's connections that is."""
        self.guessed = False
        """Nobody knew how fast it would be when it was begun."""
        self.meter = Meter(window)
        self.asked_at = 0.0
        """When it was asked for, or went on after we had waited by ourselves, before its first byte."""
        self.first_at: float | None = None
        """When its first byte came."""
        self.slow_since: float | None = None
        """Since when it has been far slower than its siblings."""
        self.index = 0
        for part in parts:
            part.owner = self
            part.state = PartState.HELD
        first.state = PartState.RECEIVING

    @property
    def part(self) -> Part:
        """The part that the next byte belongs to (the last one when there is none)."""
        return self.parts[self.index]

    @property
    def complete(self) -> bool:
        """Whether everything it asks for came."""
        return self.position >= self.end

    @property
    def given_up(self) -> bool:
        """Whether its connection is being broken off."""
        return self.attempt is not None and self.attempt.setback is not None

    @property
    def received(self) -> int:
        """Bytes off the socket."""
        return self.position - self.start

    def progressed(self, enough: int) -> bool:
        """Return whether it was worth it: `enough` bytes came, or, near the end, a good part of the few."""
        return self.gained >= max(1, min(enough, (self.end - self.start) // 3))

    def shorten(self, most: int) -> None:
        """Ask for at most so many bytes; it may end inside a part. Call it before anything is asked for."""
        self.end = min(self.end, self.start + most)

    def cut(self, at: int, split: Split) -> list[Part]:
        """Leave what lies behind about the byte `at` to another run; return those parts.

        Bounds of parts are preferred: there nothing has to be split. None are returned if `split` cannot.
        """
        bounds = [n for n in range(self.index + 1, len(self.parts)) if self.parts[n].offset < self.end]
        near = min(bounds, key=lambda n: abs(self.parts[n].offset - at), default=None)
        if near is None or abs(self.parts[near].offset - at) > (self.end - at) / 4:
            n = next(n for n, part in enumerate(self.parts) if at < part.end)
            back = split(self.parts[n], at)
            if back is not None:
                self.parts.insert(n + 1, back)
                near = n + 1
        if near is None:
            return []
        taken = self.parts[near:]
        del self.parts[near:]
        self.end = taken[0].offset
        return taken

    def leave(self, at: int, split: Split) -> None:
        """Leave what lies behind about the byte `at` to whoever comes next."""
        for part in self.cut(at, split):
            part.owner = None
            part.settle()

    def stop(self) -> None:
        """Ask for nothing more than came by now."""
        self.end = self.position

    def widen(self, parts: list[Part]) -> None:
        """Take all parts of the blob: the server sends it whole, from its first byte."""
        for part in parts[len(self.parts) :]:
            part.owner = self
            part.state = PartState.DONE if part.done else PartState.HELD
        self.parts = parts
        self.end = parts[-1].end

    def feed(self, chunk: memoryview, submit: Submit, refill: int) -> int:
        """Hand a chunk on, cut at the parts' bounds and the run's end; return how many bytes were of no use.

        Bytes that are written already (only in a `whole` run) are passed over, and so are those of a part of
        which earlier ones count as missing since: its next byte does not come here. Everything is submitted
        before this returns, so that nothing received is lost when the connection is cancelled.
        """
        useless = 0
        while chunk and self.position < self.end:
            part = self.part
            have = part.offset + part.received
            stop = have if self.position < have else part.end
            piece = chunk[: min(stop, self.end) - self.position]
            if self.position == have:
                submit(part, piece)
                part.gain(len(piece), refill)
                self.gained += len(piece)
            else:
                useless += len(piece)
            self.position += len(piece)
            chunk = chunk[len(piece) :]
            while self.position >= part.end and self.index + 1 < len(self.parts):
                part.state = PartState.DONE
                self.index += 1
                part = self.part
                part.state = PartState.RECEIVING
        return useless + len(chunk)

    def let_go(self) -> None:
        """Give the parts back; call it after everything submitted was written."""
        for part in self.parts:
            if part.owner is self:
                part.owner = None
                part.settle()
