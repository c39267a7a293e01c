"""Trouble of a host is not trouble of a part: one gate a host, through which every request goes.

While a host is in trouble the gate is shut: one request at a time is let through as a probe, the first
success opens it for all. A host that objects to the number of connections gets fewer. One that turns down
a request, or will not connect, while it serves others is not in trouble: that request comes back later, the
others go on.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from pulltui.engine.backoff import doubling
from pulltui.engine.setbacks import HostSetback
from pulltui.engine.tuning import Tuning
from pulltui.engine.views import Waiting

Clock = Callable[[], float]

_ROW = 4
"""So many refusals without a sensible answer between them are no chance: the host wants fewer connections,
or is in trouble."""
_ROW_ASKED = 3
"""The same where it says when to come back."""
_LET_IN = (2.0, 0.1)
"""A request that waits so many times as long as a refusal takes, and at least so many seconds, was let in."""
_ALL = 256
"""A limit beyond this is none: there are never more connections."""


class Gate:
    """Lets requests to one host through, or holds them."""

    def __init__(self, host: str, tuning: Tuning, clock: Clock) -> None:
        self.host = host
        self.through: set[Pass] = set()
        """The requests that are through: connections in use."""
        self.answered = False
        """It has answered at least once."""
        self.served = 0
        """Those of the requests that are through which the host has answered sensibly."""
        self.tries = 0
        """Probes that failed in a row."""
        self._tuning = tuning
        self.clock = clock
        self._said: HostSetback | None = None  # when it was last in trouble
        self._until = 0.0
        self._held = False
        self._held_since = 0.0
        self._quiet_until = 0.0
        """Till then it asked not to be asked for more, though it serves some."""
        self._gently = False
        """After that one asks first, and the others when it is answered."""
        self._prober: Pass | None = None
        """The request on whose answer the others wait."""
        self.well_at = -math.inf
        """When it last answered sensibly."""
        self._refused = 0
        """Requests that it turned down, or connections that it refused, since then."""
        self._limit: int | None = None
        self._ends: deque[tuple[float, int]] = deque(maxlen=_ALL)
        """When requests that it served ended lately, and how many it served till then."""
        self._seen = 0
        """The most that it served at once since the limit was last lowered."""
        self._proven = 0
        """The same, or that limit itself: so many are not too many for it."""
        self._halve_after = 0.0
        self._raise_at = 0.0
        self._raise_pause = 0.0
        self._ceiling = False
        """It takes one more at a time to feel for the limit."""
        self._too_many = 0
        """So many were in use when the limit was last lowered."""
        self._our_files = False
        """That was because we may not have more files open, which is not the host's doing."""
        self._met: HostSetback | None = None
        """What it said when it refused more than it served, if that is what the limit is."""
        self._guessed_at = -math.inf
        """When it objected to their number with none known to be served, if the limit comes of that: half."""
        self._late = 0
        """Requests that were on their way then and that it served."""
        self._served_then = 0
        """The most that it served at once since the request set out that it refused last."""
        self._event = asyncio.Event()

    @property
    def limit(self) -> int | None:
        """The most connections it takes at this moment, None while nobody knows of a limit.

        It rises when it is time to, whether or not anybody asks: a ceiling is felt for step by step, a server
        that was merely busy gets its traffic back by doubling.
        """
        while self._limit is not None and not self._held and self.clock() >= self._raise_at:
            self._limit = self._limit + 1 if self._ceiling else self._limit * 2
            self._raise_at += self._raise_pause
            self._guessed_at = -math.inf
            if self._limit > _ALL:
                self._limit = None
        return self._limit

    @property
    def crowded(self) -> str:
        """Why somebody may wait here although the host is well, in words."""
        if (limit := self.limit) is None:
            return ""
        many = "1 connection" if limit == 1 else f"{limit} connections"
        if self._our_files:
            return f"too many open files for more than {many} to {self.host}"
        return f"{self.host} takes {many} at a time"

    @property
    def waiting(self) -> Waiting | None:
        """What the host's requests wait for, None while it is well."""
        left = max(0.0, self._opens_at() - self.clock())
        if self._said is None or not (self._held or left):
            return None
        return Waiting(self._said.why, left, "busy" if self._said.busy else "offline")

    async def enter(self) -> Pass:
        """Wait until a request may be made; the pass must be left again."""
        while not self.open():
            event = self._event
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):  # wait_for may swallow a cancellation
                    await event.wait()
        entry = Pass(self, probe=self._held)
        if self._held or self._gently:
            self._prober = entry
        self.through.add(entry)
        return entry

    def leave(self, entry: Pass) -> None:
        """The request is over."""
        self.through.discard(entry)
        if entry.served:
            self._ends.append((self.clock(), self.served))
            self.served -= 1
        if self._prober is entry:
            self._prober = None
        self._notify()

    def succeed(self, since: float = math.inf) -> None:
        """It answered sensibly; `since` is when that request set out."""
        now = self.clock()
        self.answered = True
        self.well_at = now
        self._refused = 0
        self._seen = max(self._seen, self.served)
        if self._ceiling and self._proven < self.served >= self._too_many:  # it takes more than it did
            self._raise_pause = self._tuning.ceiling_pause
            self._raise_at = min(self._raise_at, now + self._raise_pause)
        self._proven = max(self._proven, self.served)
        if since <= self._guessed_at:
            self._correct(now)
        if self._met is not None and self._limit is not None and self.served > self._limit:
            self._limit = self.served  # these were on their way when another one was refused
        if self._held or (self._gently and now >= self._quiet_until):
            if self._held:
                self._raise_at = max(self._raise_at, now if self._ceiling else now + self._raise_pause)
            self._held, self._prober, self.tries = False, None, 0
            self._gently = now < self._quiet_until
            self._notify()

    def trouble(self, setback: HostSetback, *, probe: bool, in_use: int, since: float = math.inf) -> None:
        """It is in trouble: shut, and fewer connections if that is what it asks for.

        `in_use` counts the connections at that moment, the one that tells of it included, which set out at
        `since`. A host that turns one down while it serves others stays open; the setback says so where this
        is that one's affair.
        """
        now = self.clock()
        self._said = setback
        ended = (served for at, served in self._ends if at >= since)
        let_in = self._let_in(now, since) if setback.busy else 0  # who is not even connected is not
        self._served_then = max(self.served, min(self.served + let_in, self._seen), *ended, 0)
        self.answered = self.answered or setback.busy
        if self._turned_down(now, setback, in_use) if setback.busy else self._kept_out(now, setback, in_use):
            return
        if not setback.busy and self._met is not None and self._met.refused:
            self._limit = self._met = None  # it served fewer and fewer, for it was going away
        if not self._held:
            self._held_since = now
        if probe or not self._held:
            self._until = now + self._probe_pause(now, setback.retry_after)
            self.tries += 1
        self._held = True
        if setback.retry_after is not None:
            self._be_quiet(now + setback.retry_after)
        crowd = in_use > 1 if setback.busy else setback.ceiling  # a lone request met no crowd of ours
        if crowd:
            self._halve(now, setback, in_use)
        self._notify()

    def _turned_down(self, now: float, setback: HostSetback, in_use: int) -> bool:
        """Return whether it refused a request although it is well, after doing what follows from that.

        One refusal among sensible answers is that request's affair. Where they come in a row it gets no more
        than it serves, if that may be the reason, or nothing new before the time that it named. If it
        serves none any more it is in trouble.
        """
        wait, patience = setback.retry_after or None, self._tuning.probe_last  # at once is no time
        self._refused += 1
        if self._held or not (self.served or now - self.well_at < patience):
            return False
        more, felt = in_use > self._proven, self._felt(in_use)
        by_chance = not felt and self._refused < (_ROW if wait is None else _ROW_ASKED)
        if by_chance and (wait is None or (self.served and wait <= patience)):
            setback.alone = True
            return True
        if not self.served:
            return False
        crowd = more if setback.ceiling and wait is not None else felt or self._refused >= _ROW
        if crowd:
            self._meet(now, setback, in_use)
        if wait is not None and not (crowd and setback.ceiling):
            self._be_quiet(now + wait)
        self._notify()
        return True

    def _kept_out(self, now: float, setback: HostSetback, in_use: int) -> bool:
        """Return whether no connection came about although it serves others, after doing what follows.

        One that is refused may have met with bad luck. Where they come in a row, or where it is our own files
        that are all in use, there are to be no more than are served.
        """
        if self._held or not self.served or not (setback.refused or setback.ceiling):
            return False
        self._refused += 1
        setback.alone = True
        if setback.ceiling or self._felt(in_use) or self._refused >= _ROW:
            self._meet(now, setback, in_use)
            self._notify()
        return True

    def _felt(self, in_use: int) -> bool:
        """Return whether a refusal is the answer to our trying more connections than it is known to serve."""
        return in_use > self._proven and self._met is not None and self._limit is not None and self.served > 0

    def _be_quiet(self, until: float) -> None:
        """It asked for that."""
        self._quiet_until = max(self._quiet_until, until)
        self._gently = True

    def _probe_pause(self, now: float, retry_after: float | None) -> float:
        """Return the seconds until the next look at a host in trouble.

        It says so itself, or a twentieth of the time that it has been away. One that never answered may never
        do: there the pauses double.
        """
        first, last = self._tuning.probe_first, self._tuning.probe_last
        if retry_after is not None:
            return max(first, retry_after)
        if not self.answered:
            return doubling(self.tries, first, last)
        return min(last, max(first, 0.05 * (now - self._held_since)))

    def retry_now(self) -> None:
        """Somebody does not want to wait."""
        self._until = self._quiet_until = self.clock()
        self._prober = None
        self._notify()

    def open(self) -> bool:
        """Return whether a request may be made at this moment."""
        if self.clock() < self._free_at():
            return False
        limit = self.limit
        return self._held or limit is None or len(self.through) < limit

    def _let_in(self, now: float, since: float) -> int:
        """Return how many wait for their answers for too long to be refused as the one from `since` was."""
        times, least = _LET_IN
        longest = max(times * (now - since), least)
        return sum(not one.served and now - one.since > longest for one in self.through)

    def _opens_at(self) -> float:
        """Return when it is not shut any more, which may be over."""
        return max(self._quiet_until, self._until) if self._held else self._quiet_until

    def _free_at(self) -> float:
        """The same, and no probe is waited for: one that nothing comes of may itself have gone astray."""
        at = self._opens_at()
        return at if self._prober is None else max(at, self._prober.since + self._tuning.probe_last)

    def _meet(self, now: float, setback: HostSetback, in_use: int) -> None:
        """It serves so many and no more; it is felt for again later, each time after twice the pause."""
        if now >= self._halve_after or self._ceiling != setback.ceiling:
            self._halve_after = now + self._tuning.halve_pause
            self._lengthen(one_by_one=setback.ceiling)
        self._limit = self._proven = self._seen = self._served_then
        self._too_many, self._our_files = in_use, setback.ceiling and not setback.busy
        self._met, self._guessed_at = setback, -math.inf
        self._raise_at = now + max(self._raise_pause, setback.retry_after or 0.0)

    def _halve(self, now: float, setback: HostSetback, in_use: int) -> None:
        """Nobody knows how many it would serve: half as many, at most once in a while."""
        if now < self._halve_after:
            return
        self._halve_after = now + max(self._tuning.halve_pause, setback.retry_after or 0.0)
        if self._limit is not None:
            in_use = min(self._limit, in_use)
        self._lengthen(one_by_one=setback.ceiling and not setback.busy)
        fewer = in_use // 2
        if setback.ceiling and now - self.well_at < self._tuning.probe_last:
            fewer = max(fewer, self._seen)  # the others were on their way by then
        self._seen = 0
        self._limit = self._proven = max(1, fewer)
        self._too_many, self._our_files = in_use, setback.ceiling and not setback.busy
        self._met, self._guessed_at = None, now if setback.ceiling else -math.inf
        self._late = 0
        self._raise_at = now + self._raise_pause

    def _correct(self, now: float) -> None:
        """One is served that was on its way when it objected to their number: it counted that one, so there
        is room for as many as it serves of those, and whoever is served may be followed by another.
        """
        self._late += 1
        self._limit = self._proven = max(self._limit or 1, self._late)
        self._raise_at = max(self._raise_at, now + self._raise_pause, self._quiet_until)
        self._quiet_until = min(self._quiet_until, now)
        self._notify()

    def _lengthen(self, *, one_by_one: bool) -> None:
        """The pause before more are allowed: twice the last one if a limit is known already.

        One that was merely busy, or of which nobody knows what it would serve, gets more sooner.
        """
        first = self._tuning.ceiling_pause if one_by_one else self._tuning.recover_pause
        known = self._limit is not None and one_by_one == self._ceiling
        self._raise_pause = min(2 * self._raise_pause, 64 * first) if known else first
        self._ceiling = one_by_one

    def _pause(self) -> float:
        """Return the seconds after which it may be open without anybody saying so."""
        now, at = self.clock(), self._free_at()
        return max(0.001, (at if at > now else self._raise_at) - now)

    def _notify(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()


class Pass:
    """One request's way through a gate."""

    def __init__(self, gate: Gate, *, probe: bool) -> None:
        self.gate = gate
        self._probe = probe
        self.since = gate.clock()
        """When it set out."""
        self._left = False
        self.served = False
        """The host has answered it sensibly."""

    def succeed(self) -> None:
        """The host answered sensibly."""
        if not self.served and not self._left:
            self.served = True
            self.gate.served += 1
        self._probe = False
        self.gate.succeed(self.since)

    def trouble(self, setback: HostSetback) -> None:
        """The host is in trouble, it seems; to be told before `leave`."""
        if self.since < self.gate.well_at and not (setback.busy or setback.ceiling):
            setback.alone = True  # others reached it since this one set out
            return
        self.gate.trouble(setback, probe=self._probe, in_use=len(self.gate.through), since=self.since)

    def leave(self) -> None:
        """The request is over; a second call does nothing."""
        if not self._left:
            self._left = True
            self.gate.leave(self)


class Gates:
    """All gates of the process, by `host:port`."""

    def __init__(self, tuning: Tuning, clock: Clock) -> None:
        self._tuning = tuning
        self._clock = clock
        self._gates: dict[str, Gate] = {}

    def gate(self, host: str) -> Gate:
        """Return the gate of a host, made on first use."""
        if host not in self._gates:
            self._gates[host] = Gate(host, self._tuning, self._clock)
        return self._gates[host]

    def retry_now(self) -> None:
        """Skip every countdown."""
        for gate in self._gates.values():
            gate.retry_now()
