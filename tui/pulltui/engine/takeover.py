"""When one connection should take over what another one has, and how much of it.

Only arithmetic, with the time passed in: bytes, seconds, bytes a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from statistics import median

import msgspec

LEAST = 256_000
"""A remainder is not split into less than this."""
SOON = 0.25
"""What is through in so many seconds is left alone: what was sent already would be sent again."""
SIBLINGS = 3
"""Fewer others do not tell what speed is usual."""
_PATIENCE_DOUBLINGS = 5
_AGAIN = 0.05
"""Seconds that one that crawls is put up with after it was taken over in vain; doubled each time."""


class Progress(msgspec.Struct, frozen=True):
    """How one run stands."""

    left: int
    """Bytes still to come."""
    rate: float
    """Its speed lately."""
    silent: float
    """Seconds since the last byte, or since it was asked for."""
    begun: bool
    """The first byte is here."""
    slow_for: float | None = None
    """Seconds for which it has been far below its siblings, None if it is not."""
    moves: int = 0
    """How often what it fetches was taken over already without progress."""


class Patience(msgspec.Struct, frozen=True):
    """The silence that is too much, in seconds."""

    busy: float = 3.0
    """While the others go on."""
    idle: float = 0.15
    """While a connection has nothing else to do."""


_CRAWL = 256 << 10
"""A connection of fewer bytes a second may be far too slow though most are like it."""


class Usual(msgspec.Struct, frozen=True):
    """What to expect of a connection."""

    rate: float = 0.0
    """0 while nobody knows."""
    first_byte: float = 0.75
    """From a request to its first byte; as long as nothing is known, four times as long is three seconds."""


def usual_rate(rates: Sequence[float]) -> float:
    """Return the speed at which half of all bytes come, or faster; 0 if connections are too few to tell.

    Not the median of the connections: where every second one crawls, that would be to crawl.
    """
    known = sorted((rate for rate in rates if rate > 0), reverse=True)
    if len(known) < SIBLINGS:
        return 0.0
    half = sum(known) / 2
    return next(rate for rate, so_far in zip(known, accumulate(known), strict=True) if so_far >= half)


def is_slow(rate: float, siblings: Sequence[float], factor: float, ended: Sequence[float] = ()) -> bool:
    """Return whether a speed is below `factor` of the siblings', those that `ended` lately included.

    Of their median; for one that crawls, as most may do, of the speed at which most bytes come.
    """
    known = [*siblings, *ended]
    usual = median(known) if len(known) >= SIBLINGS else 0.0
    return rate < factor * (max(usual, usual_rate([rate, *siblings])) if rate < _CRAWL else usual)


def too_quiet(busy: float, first_byte: float, *, begun: bool, moves: int) -> float:
    """Return the silence, in seconds, that is too much while the others go on.

    `busy` as in Patience, `first_byte` as in Usual, `begun` and `moves` as in Progress.
    """
    return _doubled(busy if begun else max(busy, 3 * first_byte), moves)


def silence(idle: float, first_byte: float, moves: int = 0) -> float:
    """Return the seconds without a byte that are more than usual; arguments as for `too_quiet`."""
    return _doubled(max(idle, 4 * first_byte), moves)


def _doubled(seconds: float, moves: int) -> float:
    return seconds * float(2 ** min(moves, _PATIENCE_DOUBLINGS))


def reason(
    run: Progress,
    usual: Usual,
    *,
    patience: Patience,
    haste: str = "",
    crawls: str = "",
    others_move: bool,
    factor: float,
) -> str:
    """Return why a run should be broken off and what is left of it fetched anew, empty if it should not.

    `haste`: why asking again costs less than not asking, if it does; `crawls`: why it does for one that
    crawls. Tries in vain lengthen the patience.
    """
    limit = too_quiet(patience.busy, usual.first_byte, begun=run.begun, moves=run.moves)
    wait = silence(patience.idle, usual.first_byte)
    # Who has not answered may have become slow to answer; one that fell silent is asked anew sooner.
    lasts = min(wait * (1 + math.comb(run.moves, 2)), limit) if run.begun else _doubled(wait, run.moves)
    if haste and run.silent >= lasts:
        return f"quiet for {run.silent:.1f} s, and {haste}"
    if others_move and run.silent >= limit:
        return f"quiet for {run.silent:.1f} s while the others go on"
    if run.slow_for is None:
        return ""
    if run.slow_for >= _doubled(patience.busy, run.moves):
        return "far slower than the others"
    again = _doubled(max(_AGAIN, 2 * usual.first_byte), run.moves - 1)
    young = run.moves > 1 and run.slow_for < again
    because = haste or crawls
    if because and run.rate < factor * usual.rate and not young:
        alone = run.left / max(run.rate, 1.0)
        if alone > 2 * (usual.first_byte + run.left / usual.rate):
            return f"far slower than the others, and {because}"
    return ""


def cut(position: int, end: int, rate: float, usual: Usual) -> int | None:
    """Return the offset from which on a free connection should fetch, so that both end together.

    `rate` is the run's speed, 0 while nobody knows. None if a cut would gain nothing, or nobody can tell: the
    run is as good as through, or little is left.
    """
    left = end - position
    if left < 2 * LEAST or rate <= 0:
        return None
    rate = max(rate, 1.0)
    if left / rate <= max(SOON, 2 * usual.first_byte):
        return None
    helper = max(usual.rate, 1.0) if usual.rate else rate
    together = (left + helper * usual.first_byte) / (rate + helper)
    back = int(helper * (together - usual.first_byte))
    # What is on its way already would be thrown away.
    keep = max(LEAST, int(min(rate * 0.1, left / 4)))
    return max(position + keep, end - max(back, LEAST))
