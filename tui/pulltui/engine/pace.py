"""What a pull's connections have been like lately, and how much one of them should ask for next.

Only arithmetic over what came: bytes, seconds, bytes a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from statistics import median

from pulltui.engine.backoff import Uniform
from pulltui.engine.takeover import SIBLINGS, Usual, usual_rate

GUESS = 2_500_000
"""Bytes a second that are expected of a connection while nobody knows."""
WORTH = 4
"""Once all connections are there, a run should last at least so many times what its first byte takes."""
TELLING = 512_000
"""The speed of a run tells something if it was at least so long."""
_SPREAD = (2 / 3, 1.0)
"""What a run asks for is drawn between so many times and all of what is right for it: connections that began
together would also ask anew together, and nothing would come meanwhile."""
_KEPT = 4
"""Where connections are too few to tell, runs that ended count for the time of so many runs."""
_MOMENT = 1.0
"""So many seconds ago is just now."""


class Pace:
    """Of one pull. Call `look` a few times a second."""

    def __init__(self, clock: Callable[[], float], uniform: Uniform, window: float, seconds: float) -> None:
        """`clock` has monotonic seconds. What ended more than `window` seconds ago does not count any more;
        a run should last up to `seconds`.
        """
        self.usual = Usual()
        """What to expect of a connection."""
        self._clock = clock
        self._uniform = uniform
        self._window = window
        self._seconds = seconds
        self._first_bytes: deque[float] = deque(maxlen=15)
        self._few = True
        """There were fewer connections at the last look than tell what is usual."""
        self._ended: deque[tuple[float, float]] = deque(maxlen=32)
        """When runs ended well, and their speeds."""

    def first_byte(self, seconds: float) -> None:
        """A request's first byte came after so long."""
        self._first_bytes.append(seconds)

    def ended(self, size: int, seconds: float) -> None:
        """A run came to its end: so many bytes, so long after it was asked for."""
        if size >= TELLING and seconds > 0:
            self._ended.append((self._clock(), size / seconds))

    @property
    def lately(self) -> list[float]:
        """The speeds of runs that ended lately.

        Where some connections crawl, they are soon all there are to look at: the others come to their ends.
        Where there are only one or two, none may have ended for longer than a run lasts.
        """
        now = self._clock()
        lately = [rate for at, rate in self._ended if now - at <= self._window]
        if len(lately) >= SIBLINGS or not self._few:
            return lately
        return [rate for at, rate in self._ended if now - at <= _KEPT * self._seconds][-SIBLINGS:]

    @property
    def just_now(self) -> list[float]:
        """The speeds of runs that ended just now."""
        return [rate for at, rate in self._ended if self._clock() - at <= _MOMENT]

    def look(self, rates: Collection[float]) -> None:
        """Say anew what is usual, given the speeds of the connections there are."""
        self._few = len(rates) < SIBLINGS
        self.usual = Usual(
            usual_rate([*rates, *self.lately]) or self.usual.rate,
            median(self._first_bytes) if self._first_bytes else self.usual.first_byte,
        )

    def run_size(self, left: int, rate: float, connections: int, *, growing: bool) -> int:
        """Return how many bytes a connection of that speed (0: not known) should ask for of `left`.

        So many that asking does not cost much, and so few that nobody has much left in the end. `growing`:
        there will be more `connections` soon. What they begin with is at the front, and should not last long:
        nothing behind it can be hashed.
        """
        seconds = self._seconds / 3 if growing else self._seconds
        rate = rate or self.usual.rate
        share = left / (2 * connections)
        if not rate:
            return max(1, int(min(GUESS * self._seconds, share)))
        least = WORTH * rate * self.usual.first_byte
        if growing:  # the first ones had the link to themselves: the others are slower
            least = min(least, share)
        return max(1, int(self._uniform(*_SPREAD) * max(min(rate * seconds, share), least)))
