"""The caps on speed: who may take how many bytes, and when.

There is one cap for everything together and one for each pull that has its own; both are in force at once.
Bytes are handed out in slices of 20 ms, in turn among the pulls (the pull that had least is next, so that
what a capped or slow one leaves is shared by the others: max-min fair) and in turn among the connections of
a pull.

Kernels buffer ahead of whoever reads slowly: 64 connections read at 5 MB/s took 316 MB off the sender to
deliver 40. So a cap also bounds how many connections there are, and how much each asks for at once. Where
connections are slow by themselves nothing is buffered, and there may be as many as the cap takes.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

Clock = Callable[[], float]

BURST = 0.08
"""Seconds' worth that may be caught up with after a pause. With a slice: 2 % of five seconds."""

SLICE = 0.02
"""Seconds' worth that is handed out at once."""

DEBT = 0.1
"""Seconds' worth that may have been taken too early before nothing more is asked for."""

RUN = 1.0
"""Seconds' worth of a connection's share that is asked for at once."""

PER_CONNECTION = 1_000_000
"""Bytes a second of a cap for which it gets a connection, to begin with."""

LOOK = 1.0
"""Seconds after which it is judged whether that were too few connections."""

FEW = 0.9
"""They were if they brought less than this share of the cap, and nobody had to wait for it."""

FEWER = 10.0
"""Seconds of waiting after which one less is tried."""

JUST_NOW = 1.0
"""Seconds for which a cap that held somebody back is said to do so."""

_MOST = 64
_SOON = 1e-6


class Bucket:
    """One cap. Pure: the time (monotonic seconds) comes in. The level below zero is a debt to wait off."""

    def __init__(self, rate: float, now: float) -> None:
        """`rate` in bytes a second, above 0."""
        self.rate = rate
        self.held_at = -math.inf
        """When somebody last had to wait for it."""
        self._level = rate * BURST
        self._at = now
        self._more = 0
        """Connections beyond the first ones, because those do not bring what they may."""
        self._taken = 0
        """Since the last judgement, and when that was."""
        self._judged_at = self._took_at = self._fewer_at = now

    def change(self, rate: float, now: float) -> None:
        """Go on with another rate; what was taken too early stays a debt."""
        self._settle(now)
        if rate < self.rate:
            self._more = 0
        self.rate = rate
        self._taken, self._judged_at = 0, now

    def wait(self, now: float) -> float:
        """Return the seconds until some bytes may be taken, 0 if they may."""
        self._settle(now)
        wait = -self._level / self.rate
        return wait if wait > _SOON else 0.0

    def take(self, size: int, now: float) -> None:
        """Take `size` bytes."""
        self._settle(now)
        self._level -= size
        if now - self._took_at >= LOOK:  # nobody wanted anything meanwhile
            self._taken, self._judged_at = 0, now
        self._taken += size
        self._took_at = now
        if now - self._judged_at >= LOOK:
            self._judge(now)

    def _judge(self, now: float) -> None:
        """Allow as many as would reach the cap if those there are fall short; now and then one less."""
        allowed = self.rate * (now - self._judged_at)
        if self.held_at >= self._judged_at:
            if now - self._fewer_at >= FEWER:
                self._more, self._fewer_at = max(0, self._more - 1), now
        elif self._taken < FEW * allowed:
            missing = math.ceil(self.connections * (allowed / self._taken - 1))
            self._more = min(_MOST, self._more + min(missing, max(1, self.connections // 2)))
            self._fewer_at = now
        self._taken, self._judged_at = 0, now

    def run(self, speed: float, in_use: int) -> float:
        """Return the most bytes that one of so many connections should ask for at once, given its speed."""
        return RUN * max(self.rate / self.connections, min(speed, self.rate / max(1, in_use)))

    @property
    def connections(self) -> int:
        """The most connections that make sense."""
        return max(1, int(self.rate / PER_CONNECTION)) + self._more

    def _settle(self, now: float) -> None:
        self._level = min(self.rate * BURST, self._level + (now - self._at) * self.rate)
        self._at = now


class Ask:
    """Somebody wants to take `size` bytes; `granted` of them it may, as soon as that is above 0."""

    def __init__(self, pull: str, size: int) -> None:
        self.pull = pull
        self.size = size
        self.granted = 0
        self.answer: asyncio.Future[None] | None = None


class Throttle:
    """All caps. Belongs to the engine's loop."""

    def __init__(self, clock: Clock) -> None:
        """`clock` has monotonic seconds."""
        self._clock = clock
        self._all: Bucket | None = None
        self._own: dict[str, Bucket] = {}
        self._asks: list[Ask] = []
        """Those that wait, in the order in which they came."""
        self._had: dict[str, float] = {}
        """How far each pull has come, in bytes of an imaginary time that passes alike for all."""
        self._now = 0.0
        """That time: where the pull was that was served last."""
        self._held_at: dict[str, float] = {}
        """When each pull last had to wait."""
        self._timer: asyncio.TimerHandle | None = None

    # -- the caps -----------------------------------------------------------------------------------

    def limit(self, rate: float | None) -> None:
        """Cap everything together, in bytes a second; None lifts the cap. Whoever waits feels it at once."""
        self._all = self._changed(self._all, rate)
        self.serve()

    def limit_pull(self, pull: str, rate: float | None) -> None:
        """Cap one pull, in bytes a second; None lifts its cap."""
        bucket = self._changed(self._own.pop(pull, None), rate)
        if bucket is not None:
            self._own[pull] = bucket
        self.serve()

    def forget(self, pull: str) -> None:
        """Forget how far a pull has come, now that it has ended; its cap stays, for it may begin again."""
        self._had.pop(pull, None)
        self._held_at.pop(pull, None)

    def _changed(self, bucket: Bucket | None, rate: float | None) -> Bucket | None:
        if rate is None:
            return None
        if bucket is None:
            return Bucket(rate, self._clock())
        bucket.change(rate, self._clock())
        return bucket

    # -- what follows from them ---------------------------------------------------------------------

    @property
    def connections(self) -> int | None:
        """The most connections of all pulls together, None without a cap."""
        return self._all.connections if self._all is not None else None

    def connections_of(self, pull: str) -> int | None:
        """Return the most connections of one pull by its own cap, None if it has none."""
        return self._own[pull].connections if pull in self._own else None

    def run(self, pull: str, speed: float, in_use: int, of_pull: int) -> int | None:
        """Return the most bytes that a connection of this speed should ask for at once, None for any number.

        `in_use` are the connections there are, `of_pull` those of its pull.
        """
        runs = [self._all.run(speed, in_use)] if self._all is not None else []
        if pull in self._own:
            runs.append(self._own[pull].run(speed, of_pull))
        return max(1, int(min(runs))) if runs else None

    def too_much(self, pull: str, size: int) -> bool:
        """Return whether so many bytes are more than any run of that pull asks for under its caps."""
        return any(size > RUN * bucket.rate for bucket in self._buckets(pull))

    def in_debt(self, pull: str) -> bool:
        """Return whether more was taken without waiting than a few slices."""
        return self._wait(pull, self._clock()) > DEBT

    @property
    def capped(self) -> bool:
        """Whether the cap of everything holds somebody back just now."""
        return self._all is not None and self._clock() - self._all.held_at < JUST_NOW

    def holds(self, pull: str) -> bool:
        """Return whether a cap, its own or that of everything, holds a pull back just now."""
        return self._clock() - self._held_at.get(pull, -math.inf) < JUST_NOW

    # -- taking bytes -------------------------------------------------------------------------------

    def ask(self, pull: str, size: int) -> Ask:
        """Ask to take up to `size` bytes; if nothing is `granted` there and then, `wait` for it."""
        ask = Ask(pull, size)
        if not self._buckets(pull):
            ask.granted = size
            return ask
        if all(other.pull != pull for other in self._asks):
            self._had[pull] = max(self._had.get(pull, 0.0), self._now)
        self._asks.append(ask)
        self.serve()
        return ask

    async def wait(self, ask: Ask) -> None:
        """Wait until something is granted."""
        if ask.granted:
            return
        ask.answer = asyncio.get_running_loop().create_future()
        try:
            await ask.answer
        except asyncio.CancelledError:
            if ask in self._asks:
                self._asks.remove(ask)
            raise

    def charge(self, pull: str, size: int) -> None:
        """Bytes were taken without waiting: who comes next waits for them."""
        for bucket in self._buckets(pull):
            bucket.take(size, self._clock())

    def serve(self) -> None:
        """Grant what may be taken by now, in turn, and see to it that this goes on in time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock()
        while ready := [ask for ask in self._asks if not self._wait(ask.pull, now)]:
            self._grant(min(ready, key=lambda ask: self._had.get(ask.pull, 0.0)), now)
        if not self._asks:
            return
        for bucket in {
            bucket for ask in self._asks for bucket in self._buckets(ask.pull) if bucket.wait(now)
        }:
            bucket.held_at = now
        self._held_at |= {ask.pull: now for ask in self._asks}
        soonest = min(self._wait(ask.pull, now) for ask in self._asks)
        self._timer = asyncio.get_running_loop().call_later(soonest, self.serve)

    def _grant(self, ask: Ask, now: float) -> None:
        self._asks.remove(ask)
        buckets = self._buckets(ask.pull)
        size = min([ask.size, *(max(1, int(bucket.rate * SLICE)) for bucket in buckets)])
        for bucket in buckets:
            bucket.take(size, now)
        # Whom its own cap kept from its turns is not owed them when that is lifted.
        start = max(self._had.get(ask.pull, 0.0), self._now)
        self._now = start
        self._had[ask.pull] = start + size
        ask.granted = size
        if ask.answer is not None and not ask.answer.done():
            ask.answer.set_result(None)

    def _wait(self, pull: str, now: float) -> float:
        """Return the seconds until that pull may take something."""
        return max((bucket.wait(now) for bucket in self._buckets(pull)), default=0.0)

    def _buckets(self, pull: str) -> list[Bucket]:
        return [bucket for bucket in (self._all, self._own.get(pull)) if bucket is not None]
