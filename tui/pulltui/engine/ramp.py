"""How many connections a pull uses when nobody says: it grows while that pays, settles, and probes again.

Only arithmetic over what came, with the time passed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

FIRST = 8
"""Connections to begin with."""
FAR = 16
"""So many to begin with where the first byte takes long: each brings less over a long way, and to find their
number takes longer."""
FAR_AFTER = 0.1
"""The first byte takes long if none came so many seconds after the first look."""
GAIN = 1.2
"""Twice the connections must bring so many times the speed to be worth keeping, and to grow on."""
PROBE_GAIN = 1.1
"""Half as many again must bring so much."""
WORSE = 2.0
"""So many times the breaks a byte, since there are more connections: the server does not like that."""
_FEW_BREAKS = 2
"""Fewer breaks more than expected are chance."""
_BROKEN = 1 / 3
"""So are breaks of a smaller share of the connections. Many break at a certain age: in the first step none of
them has it, in the next the first ones do."""
_SPREAD = 3.0
"""So many times the square root of what is expected is chance, too, where it is looked at again and again."""
_EASED = 1.5
"""Half the connections must bring so many times fewer breaks a byte, or else it was not their number."""
SLOW = 8_000_000
"""Where a connection brings less than so many bytes a second, it takes many: their number grows fourfold."""
_ENOUGH = 0.75
"""So much of the connections there should be must receive for a measure: some have always just asked."""


class Phase(Enum):
    """What the number of connections is doing."""

    GROWING = "growing"
    SETTLED = "settled"
    PROBING = "probing"


class Step(NamedTuple):
    """What so many connections brought."""

    number: int
    rate: float
    """Bytes a second."""
    breaks: float
    """Breaks a byte."""


class Ramp:
    """The number of connections of one pull.

    Call `look` several times a second; `target` is how many there should be, `why` says why in words.
    """

    def __init__(
        self,
        now: float,
        most: Callable[[], int],
        *,
        first: float,
        step: Callable[[], float],
        probe_first: float,
        probe_last: float,
    ) -> None:
        """`most` is what slots, host and cap allow at the moment; a step is measured over `step()` seconds.
        One with nothing to compare it with over `first`: it only tells how many more there should be.

        Probes begin `probe_first` seconds after settling, with pauses that double up to `probe_last`.
        """
        self.target = FIRST
        self.why = f"beginning with {FIRST}"
        self.phase = Phase.GROWING
        self._began: float | None = None
        """When it was first looked at, or what held it back ended."""
        self._most = most
        self._first = first
        self._step = step
        self._probe_first = probe_first
        self._probe_last = probe_last
        self._probe_pause = probe_first
        self._probe_at = 0.0
        self._full = False
        """Enough of them have received at a time since the measuring began."""
        self._before: Step | None = None
        """The step with fewer connections, to compare with."""
        self.bounded = False
        """Settled because there may not be more."""
        self._total = (0, 0)
        """Bytes and breaks at the last look."""
        self._calm = 0.0
        """Breaks a byte until it settled, and just afterwards."""
        self._fresh = False
        """What is usual at the settled number is still to be measured: runs are longer than before."""
        self._worse = False
        """There were far more at the last look at a settled number."""
        self._halved: Step | None = None
        """What was worse with twice the connections, until it is known how it is with half of them."""
        self._restart(now, 0, 0)

    @property
    def wanted(self) -> int:
        """How many connections there should be now."""
        return max(1, min(self.target, self._most()))

    def look(self, now: float, received: int, breaks: int, in_use: int, *, held: bool) -> None:
        """Judge the step, if it is over, and go on to the next.

        `received` and `breaks` are totals since the beginning: bytes off sockets, connections that broke for
        their own reasons.
        `in_use` connections receive. `held`: something of ours or of the host's held them back since the
        last look (a cap, the disk, a busy host), so that the step says nothing about their number.
        """
        self._total = (received, breaks)
        if held or self._began is None:
            self._began = now
        if self.target == FIRST < self._most() and not received and now - self._began >= FAR_AFTER:
            self.target = min(FAR, self._most())
            self.why = f"beginning with {self.target}, as the first byte takes long"
        if self.bounded and self._most() > self.target:
            self.bounded, self._before, self.phase = False, None, Phase.GROWING
            self._restart(now, received, breaks)
        if held or (not self._full and in_use < _ENOUGH * self.wanted):
            self._restart(now, received, breaks)
            return
        self._full = True
        seconds = now - self._since
        if self.phase is Phase.SETTLED:
            self._settled(now, received, breaks)
        elif seconds >= (self._first if self._before is None else self._step()):
            self._judge(now, self._measured(now, received, breaks))
            self._restart(now, received, breaks)

    def _judge(self, now: float, step: Step) -> None:
        """Compare a step with the one before it."""
        before = self._before
        if before is None:
            each = step.rate / step.number
            said = f"{each / 1e6:.1f} MB/s each" if each < SLOW else ""
            self._grow(now, step, self._growth(step), Phase.GROWING, said)
            return
        gain = step.rate / before.rate if before.rate else math.inf
        up = f"{gain - 1:+.0%} over {before.number}" if before.rate else f"nothing came with {before.number}"
        more_breaks = (step.breaks - before.breaks) * step.rate * self._step()
        if step.breaks > WORSE * before.breaks and more_breaks >= max(_FEW_BREAKS, _BROKEN * step.number):
            self._settle(now, before.number, f"more breaks with {step.number}")
        elif gain >= (PROBE_GAIN if self.phase is Phase.PROBING else GAIN):
            self._probe_pause = self._probe_first
            self._grow(now, step, self._growth(step), Phase.GROWING, up)
        else:
            faster = f"only {gain - 1:.0%}" if gain >= 1.01 else "no"
            self._settle(now, before.number, f"{faster} faster with {step.number}")

    def _growth(self, step: Step) -> float:
        return 4.0 if step.rate < SLOW * step.number else 2.0

    def _settled(self, now: float, received: int, breaks: int) -> None:
        if now >= self._probe_at and now > self._since:
            self._grow(now, self._measured(now, received, breaks), 1.5, Phase.PROBING)
            self._restart(now, received, breaks)
        elif now - self._since >= 4 * self._step() and now < self._probe_at - 2 * self._step():
            self._watch(now, self._measured(now, received, breaks), received - self._received)
            self._restart(now, received, breaks)  # what a probe is compared with shall be recent

    def _watch(self, now: float, step: Step, came: int) -> None:
        """Halve a settled number if far more break than before; go back if it was not their number."""
        if not came:
            return  # that says nothing of breaks a byte
        halved, self._halved = self._halved, None
        if halved is not None and step.breaks * _EASED > halved.breaks:
            self._settle(now, halved.number, "as many break with fewer")
            self._calm = halved.breaks
            return
        if self._fresh:
            self._calm, self._fresh = max(self._calm, step.breaks), False
            return
        expected, broke, before = self._calm * came, step.breaks * came, self._worse
        chance = _FEW_BREAKS + _SPREAD * math.sqrt(expected)
        self._worse = broke > WORSE * expected and broke - expected > chance
        if before and self._worse and step.number > 1:
            calm = self._calm
            self._settle(now, step.number // 2, f"more breaks with {step.number} than before")
            self._calm, self._fresh, self._halved = calm, False, step

    def _measured(self, now: float, received: int, breaks: int) -> Step:
        came = received - self._received
        return Step(self.wanted, came / (now - self._since), (breaks - self._breaks) / max(came, 1))

    def _grow(self, now: float, step: Step, factor: float, phase: Phase, said: str = "") -> None:
        more = min(self._most(), max(step.number + 1, int(step.number * factor)))
        if more <= step.number:
            self._settle(now, step.number, "all there may be")
            self.bounded = True
            return
        self._before = step
        self.target = more
        self.phase = phase
        self.why = f"{phase.value}: {more}" + (f" ({said})" if said else "")

    def _settle(self, now: float, count: int, said: str) -> None:
        again = self.phase is Phase.PROBING
        self._probe_pause = min(self._probe_last, self._probe_pause * 2) if again else self._probe_first
        self._probe_at = now + self._probe_pause
        self.target = count
        self.phase = Phase.SETTLED
        self.bounded = False
        self._worse, self._halved = False, None
        if not again:
            came, broke = self._total
            self._calm, self._fresh = broke / max(came, 1), True
        self.why = f"settled at {count} ({said})"

    def _restart(self, now: float, received: int, breaks: int) -> None:
        """Begin to measure: as soon as all connections receive."""
        self._since = now
        self._received = received
        self._breaks = breaks
        self._full = False
