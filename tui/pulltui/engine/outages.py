"""Hosts that made a pull's connections wait: which of them it may still wait for, and what is news."""

from __future__ import annotations

import math

from pulltui.engine.gates import Gates
from pulltui.engine.setbacks import HostSetback

_WELL = 30.0
"""Seconds that a host has to be well before the same trouble is told again: one that comes and goes would be
told of all the time."""


class Outages:
    """Of one pull."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates
        self._met: dict[str, int] = {}
        """Hosts in trouble, and how many bytes the pull's connections had received by then."""
        self._told = ""
        """What was told last."""
        self._last = -math.inf
        """When that was last met with."""

    def forget(self) -> None:
        """The pull begins anew: whatever happens is news."""
        self.over()
        self._told = ""

    def over(self) -> None:
        """The hosts of before are nobody's concern any more, and bytes are counted from 0."""
        self._met.clear()

    def hosts(self, received: int) -> list[str]:
        """Return those since whose trouble no byte came: `received` says how many came by now.

        Only who asks a host finds out that it is well again, and while bytes come from elsewhere nobody may
        ask it any more.
        """
        return [host for host, had in self._met.items() if had == received]

    def note(self, setback: HostSetback, received: int) -> bool:
        """A host made a connection wait; return whether to tell of it: once an outage.

        One that turns down some requests while it serves others would be told of for ever, so that is once.
        """
        self._met[setback.host] = received
        gate = self._gates.gate(setback.host)
        now, last = gate.clock(), self._last
        again = not setback.alone and gate.well_at > last and now - last >= _WELL
        news = setback.why != self._told or again
        if news or not setback.alone:
            self._told, self._last = setback.why, now
        return news
