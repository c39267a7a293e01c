"""Trouble of a host is not trouble of a part: one gate a host, through which every request goes.

While a host is in trouble the gate is shut: one request at a time is let through as a probe, the first
success opens it for all. A host that objects to the number of connections gets fewer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from pulltui.engine.backoff import doubling
from pulltui.engine.setbacks import HostSetback
from pulltui.engine.tuning import Tuning
from pulltui.engine.views import Waiting

Clock = Callable[[], float]

_JUST_NOW = 1.0
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
        self._peak = (0, 0.0)
        """The most that it served lately, and when."""
        self._tuning = tuning
        self._clock = clock
        self._why = ""
        self._busy = False
        self._until = 0.0
        self._held = False
        self._held_since = 0.0
        self._probing = False
        self._halve_after = 0.0
        self._raise_at = 0.0
        self._raise_pause = 0.0
        self._ceiling = False
        self._event = asyncio.Event()

    @property
    def crowded(self) -> str:
        """Why somebody may wait here although the host is well, in words."""
        many = "1 connection" if self.limit == 1 else f"{self.limit} connections"
        return f"{self.host} takes {many} at a time" if self.limit is not None else ""

    @property
    def waiting(self) -> Waiting | None:
        """What the host's requests wait for, None while it is well."""
        if not self._held:
            return None
        kind = "busy" if self._busy else "offline"
        return Waiting(self._why, max(0.0, self._until - self._clock()), kind)

    async def enter(self) -> Pass:
        """Wait until a request may be made; the pass must be left again."""
        while not self.open():
            event = self._event
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):  # wait_for may swallow a cancellation
                    await event.wait()
        probe = self._held
        self._probing = probe
        self.active += 1
        return Pass(self, probe)

    def leave(self, probe: bool) -> None:
        """The request is over."""
        self.active -= 1
        self._raise()
        if probe and self._held:
            self._probing = False
        self._notify()

    def succeed(self) -> None:
        """It answered sensibly."""
        self.answered = True
        now = self._clock()
        if self.served >= self._peak[0] or now - self._peak[1] >= _JUST_NOW:
            self._peak = self.served, now
        if self._ceiling and self.limit is not None and self.served > self.limit:
            self.limit = self.served  # these were on their way when another one was refused
        if self._held:
            self._held = self._probing = False
            self.tries = 0
            if not self._ceiling:
                self._raise_at = self._clock() + self._raise_pause
            self._notify()
        if self._raise():
            self._notify()

    def trouble(self, setback: HostSetback, *, probe: bool, in_use: int) -> None:
        """It is in trouble: shut, and fewer connections if that is what it asks for.

        `in_use` counts the connections at that moment, the one that tells of it included. A host that
        refuses one connection for being too many while it serves others stays open to as many as it serves.
        """
        now = self._clock()
        if setback.ceiling and setback.busy and self.served and not self._held:
            self._meet_ceiling(now)
            return
        self._why = setback.why
        self._busy = setback.busy
        if not self._held:
            self._held_since = now
        if probe or not self._held:
            self._until = now + self._probe_pause(now, setback.retry_after)
            self.tries += 1
        self._held = True
        if setback.retry_after is not None:
            self._until = max(self._until, now + setback.retry_after)
        if setback.busy or setback.ceiling:
            self.answered = self.answered or setback.busy
            if setback.ceiling or in_use > 1:  # a lone request met no crowd of ours
                self._halve(now, setback, in_use)
        self._notify()

    def _probe_pause(self, now: float, retry_after: float | None) -> float:
        """Return the seconds until the next look at a host in trouble.

        It says so itself, or a tenth of the time that it has been away. One that never answered may never
        do: there the pauses double.
        """
        first, last = self._tuning.probe_first, self._tuning.probe_last
        if retry_after is not None:
            return max(first, retry_after)
        if not self.answered:
            return doubling(self.tries, first, last)
        return min(last, max(first, 0.1 * (now - self._held_since)))

    def retry_now(self) -> None:
        """Somebody does not want to wait."""
        self._until = self._clock()
        self._notify()

    def open(self) -> bool:
        """Return whether a request may be made at this moment."""
        if self._held:
            return not self._probing and self._clock() >= self._until
        self._raise()
        return self.limit is None or self.active < self.limit

    def _meet_ceiling(self, now: float) -> None:
        """It serves so many and no more; it is felt for again later, each time after twice the pause."""
        if now >= self._halve_after:
            self._halve_after = now + self._tuning.halve_pause
            self._lengthen(self._tuning.ceiling_pause)
        self.limit, self._ceiling = self.served, True
        self._raise_at = now + self._until_more(now, self.limit)
        self._notify()

    def _halve(self, now: float, setback: HostSetback, in_use: int) -> None:
        if now < self._halve_after:
            return
        self._halve_after = now + max(self._tuning.halve_pause, setback.retry_after or 0.0)
        if self.limit is not None:
            in_use = min(self.limit, in_use)
        self._ceiling = setback.ceiling
        self._lengthen(self._tuning.ceiling_pause if setback.ceiling else self._tuning.recover_pause)
        self.limit = max(1, in_use // 2)
        self._raise_at = now + self._until_more(now, self.limit)

    def _until_more(self, now: float, count: int) -> float:
        """Return the seconds until more than `count` are allowed.

        Few, if it served more a moment ago: it may have counted some that had only just ended.
        """
        peak, at = self._peak
        soon = peak > count and now - at < _JUST_NOW
        return self._tuning.recover_pause if soon else self._raise_pause

    def _lengthen(self, first: float) -> None:
        """The pause before more are allowed: twice the last one if a limit is known already."""
        known = self.limit is not None
        self._raise_pause = min(max(first, 2 * self._raise_pause), 64 * first) if known else first

    def _raise(self) -> bool:
        """Allow more connections when it is time to; return whether it was.

        A ceiling is felt for step by step; a server that was merely busy gets its traffic back by doubling.
        """
        now = self._clock()
        if self.limit is None or self._held or now < self._raise_at:
            return False
        self.limit = self.limit + 1 if self._ceiling else self.limit * 2
        if self.limit > _ALL:
            self.limit = None
        self._raise_at = now + self._raise_pause
        return True

    def _pause(self) -> float | None:
        """Return the seconds after which it may be open without anybody saying so."""
        if self._held:
            return None if self._probing else max(0.001, self._until - self._clock())
        return None if self.limit is None else max(0.001, self._raise_at - self._clock())

    def _notify(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()


class Pass:
    """One request's way through a gate."""

    def __init__(self, gate: Gate, probe: bool) -> None:
        self.gate = gate
        self._probe = probe
        self._left = False
        self._served = False

    def succeed(self) -> None:
        """The host answered sensibly."""
        if not self._served and not self._left:
            self._served = True
            self.gate.served += 1
        self.gate.succeed()

    def trouble(self, setback: HostSetback) -> None:
        """The host is in trouble."""
        # A busy server's connection is closed before it is told of; it counts all the same.
        self.gate.trouble(setback, probe=self._probe, in_use=self.gate.active + self._left)

    def leave(self) -> None:
        """The request is over; a second call does nothing."""
        if not self._left:
            self._left = True
            self.gate.served -= self._served
            self.gate.leave(self._probe)


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
