"""Trouble of a host is not trouble of a part: one gate a host, through which every request goes.

While a host is in trouble the gate is shut: one request at a time is let through as a probe, the first
success opens it for all. A host that objects to the number of connections gets fewer. One that turns down
a request while it serves others is not in trouble: that request comes back later, the others go on.
"""

from __future__ import annotations

import asyncio
import math
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
_ALL = 64
"""A limit beyond this is none."""


class Gate:
    """Lets requests to one host through, or holds them."""

    def __init__(self, host: str, tuning: Tuning, clock: Clock) -> None:
        self.host = host
        self.active = 0
        """Requests that are through: connections in use."""
        self.answered = False
        """It has answered at least once."""
        self.limit: int | None = None
        """The most connections it takes, None while nobody knows of a limit."""
        self.served = 0
        """Those of the requests that are through which the host has answered sensibly."""
        self.tries = 0
        """Probes that failed in a row."""
        self._tuning = tuning
        self.clock = clock
        self._why = ""
        self._busy = False
        self._until = 0.0
        self._held = False
        self._held_since = 0.0
        self._quiet_until = 0.0
        """Till then it asked not to be asked for more, though it serves some."""
        self._prober: Pass | None = None
        """The request on whose answer the others wait."""
        self._probed_at = 0.0
        self.well_at = -math.inf
        """When it last answered sensibly."""
        self._refused = 0
        """Requests that it turned down since then."""
        self._seen = 0
        """The most that it served at once since the limit was last lowered."""
        self._proven = 0
        """The same, or that limit itself: so many are not too many for it."""
        self._halve_after = 0.0
        self._raise_at = 0.0
        self._raise_pause = 0.0
        self._ceiling = False
        self._met = False
        """The limit is what it served when it refused more."""
        self._event = asyncio.Event()

    @property
    def crowded(self) -> str:
        """Why somebody may wait here although the host is well, in words."""
        many = "1 connection" if self.limit == 1 else f"{self.limit} connections"
        return f"{self.host} takes {many} at a time" if self.limit is not None else ""

    @property
    def waiting(self) -> Waiting | None:
        """What the host's requests wait for, None while it is well."""
        left = max(0.0, self._opens_at() - self.clock())
        if not self._held and not left:
            return None
        return Waiting(self._why, left, "busy" if self._busy else "offline")

    async def enter(self) -> Pass:
        """Wait until a request may be made; the pass must be left again."""
        while not self.open():
            event = self._event
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):  # wait_for may swallow a cancellation
                    await event.wait()
        entry = Pass(self, probe=self._held)
        if self._held:
            self._prober, self._probed_at = entry, self.clock()
        self.active += 1
        return entry

    def leave(self, entry: Pass) -> None:
        """The request is over."""
        self.active -= 1
        if self._prober is entry:
            self._prober = None
        self._raise()
        self._notify()

    def succeed(self) -> None:
        """It answered sensibly."""
        self.answered = True
        self.well_at = self.clock()
        self._refused = 0
        self._seen = max(self._seen, self.served)
        self._proven = max(self._proven, self.served)
        if self._met and self.limit is not None and self.served > self.limit:
            self.limit = self.served  # these were on their way when another one was refused
        if self._held:
            self._held, self._prober = False, None
            self.tries = 0
            if not self._ceiling:
                self._raise_at = self.clock() + self._raise_pause
            self._notify()
        if self._raise():
            self._notify()

    def trouble(self, setback: HostSetback, *, probe: bool, in_use: int) -> None:
        """It is in trouble: shut, and fewer connections if that is what it asks for.

        `in_use` counts the connections at that moment, the one that tells of it included. A host that turns
        one down while it serves others stays open; the setback says so where this is that one's affair.
        """
        now = self.clock()
        self._why, self._busy = setback.why, setback.busy
        if setback.busy:
            self.answered = True
            self._refused += 1
            if self._turned_down(now, setback, in_use):
                return
        if not self._held:
            self._held_since = now
        if probe or not self._held:
            self._until = now + self._probe_pause(now, setback.retry_after)
            self.tries += 1
        self._held = True
        if setback.retry_after is not None:
            self._quiet_until = max(self._quiet_until, now + setback.retry_after)
        if (setback.busy and in_use > 1) or setback.ceiling:  # a lone request met no crowd of ours
            self._halve(now, setback, in_use)
        self._notify()

    def _turned_down(self, now: float, setback: HostSetback, in_use: int) -> bool:
        """Return whether it refused a request although it is well, after doing what follows from that.

        One refusal among sensible answers is that request's affair. Where they come in a row it gets no more
        than it serves, if that may be the reason, or nothing new before the time that it named. If it
        serves none any more it is in trouble.
        """
        wait, patience = setback.retry_after or None, self._tuning.probe_last  # at once is no time
        if self._held or not (self.served or now - self.well_at < patience):
            return False
        more = in_use > self._proven
        """There were more than it is known to serve."""
        felt = more and self._met and self.limit is not None and self.served > 0
        by_chance = not felt and self._refused < (_ROW if wait is None else _ROW_ASKED)
        if by_chance and (wait is None or (self.served and wait <= patience)):
            setback.alone = True
            return True
        if not self.served:
            return False
        crowd = more if setback.ceiling and wait is not None else felt or self._refused >= _ROW
        if crowd:
            self._meet(now, setback)
        if wait is not None and not (crowd and setback.ceiling):
            self._quiet_until = max(self._quiet_until, now + wait)
        self._notify()
        return True

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
        now = self.clock()
        if now < self._opens_at() or (self._probing and now < self._patient_until):
            return False
        self._raise()
        return self._held or self.limit is None or self.active < self.limit

    def _opens_at(self) -> float:
        """Return when it is not shut any more, which may be over."""
        return max(self._quiet_until, self._until) if self._held else self._quiet_until

    @property
    def _probing(self) -> bool:
        return self._held and self._prober is not None

    @property
    def _patient_until(self) -> float:
        """A probe that nothing comes of is waited for until then: it may be that one that went astray."""
        return self._probed_at + self._tuning.probe_last

    def _meet(self, now: float, setback: HostSetback) -> None:
        """It serves so many and no more; it is felt for again later, each time after twice the pause."""
        tuning = self._tuning
        self._ceiling = setback.ceiling
        if now >= self._halve_after:
            self._halve_after = now + tuning.halve_pause
            self._lengthen(tuning.ceiling_pause if setback.ceiling else tuning.recover_pause)
        self.limit = self._proven = self._seen = self.served
        self._met = True
        self._raise_at = now + max(self._raise_pause, setback.retry_after or 0.0)

    def _halve(self, now: float, setback: HostSetback, in_use: int) -> None:
        if now < self._halve_after:
            return
        self._halve_after = now + max(self._tuning.halve_pause, setback.retry_after or 0.0)
        if self.limit is not None:
            in_use = min(self.limit, in_use)
        self._ceiling, self._met = setback.ceiling, False
        self._lengthen(self._tuning.ceiling_pause if setback.ceiling else self._tuning.recover_pause)
        fewer = in_use // 2
        if setback.ceiling and now - self.well_at < self._tuning.probe_last:
            fewer = max(fewer, self._seen)  # the others were on their way by then
        self._seen = 0
        self.limit = self._proven = max(1, fewer)
        self._raise_at = now + self._raise_pause

    def _lengthen(self, first: float) -> None:
        """The pause before more are allowed: twice the last one if a limit is known already."""
        known = self.limit is not None
        self._raise_pause = min(max(first, 2 * self._raise_pause), 64 * first) if known else first

    def _raise(self) -> bool:
        """Allow more connections when it is time to; return whether it was.

        A ceiling is felt for step by step; a server that was merely busy gets its traffic back by doubling.
        """
        now = self.clock()
        if self.limit is None or self._held or now < self._raise_at:
            return False
        self.limit = self.limit + 1 if self._ceiling else self.limit * 2
        if self.limit > _ALL:
            self.limit = None
        self._raise_at = now + self._raise_pause
        return True

    def _pause(self) -> float:
        """Return the seconds after which it may be open without anybody saying so."""
        now, at = self.clock(), self._opens_at()
        if self._probing:
            at = max(at, self._patient_until)
        return max(0.001, (at if at > now else self._raise_at) - now)

    def _notify(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()


class Pass:
    """One request's way through a gate."""

    def __init__(self, gate: Gate, *, probe: bool) -> None:
        self.gate = gate
        self._probe = probe
        self._since = gate.clock()
        self._left = False
        self._served = False

    def succeed(self) -> None:
        """The host answered sensibly."""
        if not self._served and not self._left:
            self._served = True
            self.gate.served += 1
        self._probe = False
        self.gate.succeed()

    def trouble(self, setback: HostSetback) -> None:
        """The host is in trouble, it seems; to be told before `leave`."""
        if self._since < self.gate.well_at and not (setback.busy or setback.ceiling):
            setback.alone = True  # others reached it since this one set out
            return
        self.gate.trouble(setback, probe=self._probe, in_use=self.gate.active)

    def leave(self) -> None:
        """The request is over; a second call does nothing."""
        if not self._left:
            self._left = True
            self.gate.served -= self._served
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
