"""Attempts at something over the network, and the watchdog that ends them when they fall silent."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pulltui.engine.gates import Clock, Gate
from pulltui.engine.setbacks import Reconnect, Setback, StallSetback
from pulltui.engine.slots import NoSlot, Place
from pulltui.engine.throttle import JUST_NOW
from pulltui.engine.tuning import Tuning
from pulltui.engine.watchdog import Silence, StallClock

T = TypeVar("T")

_LATELY = 0.5
"""Seconds for which a wait of our own makes a connection look slow."""
_MOMENT = 0.01
"""A shorter wait of our own does not."""


class Attempt:
    """One request from its start to its last byte, under the watchdog's eyes."""

    def __init__(
        self, clock: Clock, stall_after: float, tuning: Tuning, anew_after: float = math.inf
    ) -> None:
        """`anew_after`: seconds of silence after which it is begun anew, without blame."""
        self._clock = clock
        self.started = clock()
        self.stall_after = stall_after
        self._anew_after = anew_after
        self.silence = Silence.NONE
        self.gate: Gate | None = None
        """The gate it is waiting at."""
        self.waits = False
        """It waits without a connection: at a gate, or for another one's answer from the registry."""
        self.errand = False
        """It asks for a token that all others wait for: whoever took it over would only ask once more."""
        self.fresh = False
        """It wants connections that have carried nothing yet: what it asks for was taken over, or failed."""
        self.led_at = -math.inf
        """When the registry last told where the bytes are."""
        self.task: asyncio.Task[object] | None = None
        self.setback: Setback | None = None
        """Why it was ended early."""
        self.place: Place | None = None
        """The slot under which it runs; given away while it waits without a connection."""
        self._giving: asyncio.Handle | None = None
        self._held_by = ""
        """What holds it back just now, `cap` or `disk`."""
        self._held_at: dict[str, float] = {}
        """When each of them last did."""
        self._hold_began: float | None = None
        self.went_on = -math.inf
        """When it last went on after it had waited by itself, for more than a moment."""
        self._stall = StallClock(self.started, tuning.quiet_after, stall_after, tuning.trickle_rate)

    def received(self, count: int) -> None:
        """Bytes came off the socket (0: an answer's head did)."""
        self._stall.received(self._clock(), count)
        self.silence = Silence.NONE

    @property
    def capped(self) -> bool:
        """Whether a cap holds it back just now."""
        return self._holds("cap")

    @property
    def behind(self) -> bool:
        """Whether it waits for the disk just now, or is over and what it brought is still to be written."""
        return self._holds("disk") or self.over

    @property
    def restrained(self) -> bool:
        """Whether a cap or the disk holds it back just now: its speed is not the connection's."""
        return self._holds("cap") or self._holds("disk")

    @property
    def over(self) -> bool:
        """Whether nothing comes of it any more."""
        return self.task is not None and self.task.done()

    def _holds(self, what: str) -> bool:
        return self._held_by == what or self._clock() - self._held_at.get(what, -math.inf) < JUST_NOW

    @property
    def held_lately(self) -> bool:
        """Whether it waited by itself a moment ago: its speed is not the connection's."""
        now = self._clock()
        began = self._hold_began
        return now - self.went_on < _LATELY or (began is not None and now - began > _MOMENT)

    @property
    def excused(self) -> bool:
        """Whether its silence, or slowness, is not its connection's."""
        return self.waits or self.errand or self.held_lately or self.over

    def hold(self, gate: Gate | None = None, *, connected: bool = False, by: str = "") -> None:
        """We wait by ourselves (at a gate; `by` the `cap` or the `disk`): silence does not count.

        Unless a connection is open meanwhile, others may have the slot.
        """
        self.gate = gate
        self.waits = not connected
        self._held_by = by
        self._hold_began = self._hold_began or self._clock()
        if self.place is not None and not connected and self._giving is None:
            # Only once we really wait: an open gate and a free lock let us through before the loop goes on.
            self._giving = asyncio.get_running_loop().call_soon(self.place.give_back)
        self._stall.hold(self._clock())
        self.silence = Silence.NONE

    def release(self) -> None:
        """We go on; if another one has our slot now, this is over, without blame."""
        self.gate = None
        self.waits = False
        if self._held_by:
            self._held_at[self._held_by] = self._clock()
            self._held_by = ""
        self._stall.release(self._clock())
        now = self._clock()
        if self._hold_began is not None and now - self._hold_began > _MOMENT:
            self.went_on = now
        self._hold_began = None
        if self._giving is not None:
            self._giving.cancel()
            self._giving = None
        # Waiting here for a slot could be for ever: who has one may wait for the lock or the gate we are in.
        if self.place is not None and not self.place.take_now():
            self.abort(NoSlot("another connection has the slot"))

    def silent(self) -> float:
        """Return the seconds without a byte."""
        return self._stall.silent(self._clock())

    def abort(self, setback: Setback) -> None:
        """End it for this reason."""
        if self.setback is None and self.task is not None and not self.task.done():
            self.setback = setback
            self.task.cancel()

    def look(self) -> None:
        """Judge the silence; end the attempt if it stalled."""
        self.silence = self._stall.judge(self._clock())
        if self.silence is Silence.STALLED:
            self.abort(StallSetback(f"stalled: no byte for {self.stall_after:g} s"))
        elif self.silence is Silence.TRICKLE:
            self.abort(StallSetback(f"stalled: next to nothing for {self.stall_after:g} s"))
        elif self.silent() >= self._anew_after and not self.excused:
            self.abort(Reconnect(f"no answer for {self._anew_after:g} s: asking anew"))


class Watchdog:
    """Looks at every attempt a few times a second."""

    def __init__(self, clock: Clock, stall_after: Callable[[], float], tuning: Tuning) -> None:
        self._clock = clock
        self._stall_after = stall_after
        self._tuning = tuning
        self._attempts: set[Attempt] = set()

    async def guard(self, work: Callable[[Attempt], Awaitable[T]], anew_after: float = math.inf) -> T:
        """Do `work` under watch; raises the Setback for which it was ended early: a Reconnect after
        `anew_after` seconds of silence.

        Cancelling the caller cancels the work and waits until it has let go of everything.
        """
        attempt = Attempt(self._clock, self._stall_after(), self._tuning, anew_after)

        async def run() -> T:
            return await work(attempt)

        task = asyncio.create_task(run())
        task.add_done_callback(_look_at)
        attempt.task = task
        self._attempts.add(attempt)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        finally:
            self._attempts.discard(attempt)
        if task.cancelled() and attempt.setback is not None:
            raise attempt.setback
        return task.result()

    def look(self) -> None:
        """Look at all of them once."""
        for attempt in list(self._attempts):
            attempt.look()

    def reconnect(self, why: str) -> None:
        """End all of them without blame: their connections are dead or not wanted any more."""
        for attempt in list(self._attempts):
            attempt.abort(Reconnect(why))


def _look_at(task: asyncio.Task[T]) -> None:
    """Fetch the exception: where the caller is cancelled nobody else does, and Python would complain."""
    if not task.cancelled():
        task.exception()
