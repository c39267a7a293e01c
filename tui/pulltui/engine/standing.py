"""How a run stands, for the crew whose connection fetches it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pulltui.engine.run import Run
from pulltui.engine.takeover import Usual

if TYPE_CHECKING:
    from pulltui.engine.blob import BlobDownload

_SETTLED = (0.25, 6, 1.5)
"""A connection's speed says something after so many seconds from its first byte, and so many times what a
first byte takes: connections begin slowly, by round trips. Where that is longer than so many seconds, it is
not the way that takes so long, but the server."""
_HURRIED = 0.12
"""The first of those near the end: who is far slower than the others shows it in less."""
_RECENT = 2.0
"""A connection's speed, where it is compared with others, is that of so many seconds."""
BEHIND = 128_000_000
"""So many bytes behind a run that wait for it to be hashed make it worth asking for it anew as soon as if
connections had nothing else to do."""


def blocking(blob: BlobDownload, written: int) -> list[Run]:
    """Return the runs for which much of what is `written` waits to be hashed, or will in a moment."""
    if blob.table is None or blob.verified or not blob.runs:
        return []
    reached = blob.table.written_prefix(blob.hashed)
    if written - reached <= BEHIND:
        return []
    return [run for run in blob.runs if run.position < reached + BEHIND]


def unheld(run: Run) -> bool:
    """Return whether nothing but its connection holds a run back."""
    return run.attempt is not None and not run.attempt.excused


def silent(run: Run) -> float:
    """Return the seconds since a run's last byte."""
    return run.attempt.silent() if run.attempt is not None else 0.0


def resolves(run: Run) -> bool:
    """Return whether it asks the registry where the bytes are."""
    return run.attempt is not None and run.source.resolves(run.attempt)


def moves(run: Run) -> int:
    """Return how often in a row it was taken over in vain: the part, or the asking where it is."""
    return run.source.moves if resolves(run) else run.part.moves


def first_byte(run: Run, usual: float) -> float:
    """Return the seconds to expect until it brings a byte, where `usual` ones are usual.

    The registry, which some ask where the bytes are, may be slower than what has them.
    """
    return max(usual, run.source.took) if resolves(run) else usual


def receiving(run: Run) -> bool:
    """Return whether bytes come."""
    return run.attempt is not None and not run.attempt.waits and run.received > 0


def tells(run: Run, now: float, usual: Usual, *, hurried: bool = False) -> bool:
    """Return whether a run has received for long enough for its speed to say something."""
    if not receiving(run) or run.first_at is None:
        return False
    least, times, most = _SETTLED
    least = _HURRIED if hurried else least
    return now - run.first_at >= max(least, min(most, times * usual.first_byte))


def recent(run: Run, now: float) -> float:
    """Return a run's speed lately, since its first byte at most."""
    came_for = math.inf if run.first_at is None else now - run.first_at
    return run.meter.rate(now, run.received, min(_RECENT, came_for))


def speed(run: Run, now: float, usual: Usual) -> float:
    """Return the best guess at a run's speed, 0 if there is none yet."""
    if tells(run, now, usual):
        return recent(run, now)
    if usual.rate or run.first_at is None:
        return usual.rate
    young = now - run.first_at < _SETTLED[0]
    return 0.0 if young else run.received / (now - run.first_at)
