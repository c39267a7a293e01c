"""Which hosts behind a registry's redirects to stay away from: those that fail or crawl, for a time.

Registries hand out addresses at several hosts (edges), and one of them may be bad while the others are fine.
What is known here only ever makes us ask for another address: where a registry offers no other, the one there
is is used, and as long as it never offered another, it is not asked for one, unless nothing goes at all.
Pure: the clock is passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

ASKS = 3
"""Times that another address is asked for when one leads to a host to stay away from."""
_FIRST = 30.0
_LAST = 480.0
"""Seconds to stay away: twice as long each time it turns out bad again, up to this."""
_BAD = 3
"""So many failures, and more than successes, speak against a host."""
_REMEMBERED = 60.0
"""Seconds for which a failure or a success counts."""


@dataclass
class _Edge:
    outcomes: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=64))
    """When something ended there, and whether it ended well."""
    until: float = 0.0
    """Till then we stay away."""
    spared: float = 0.0
    """Till then it is used all the same: there was no other."""
    pause: float = 0.0
    down: tuple[float, float] | None = None
    """When it first and last did not answer, since it last served."""


class Edges:
    """What is known of all hosts that bytes came from, by `host[:port]`."""

    def __init__(self, clock: Callable[[], float], patience: float) -> None:
        """`clock` has monotonic seconds; `patience` how many of them the only host we know may be away."""
        self._clock = clock
        self._patience = patience
        self._edges: dict[str, _Edge] = {}
        self._offered: dict[str, set[str]] = {}
        """Where registries sent us to."""

    def offered(self, registry: str, host: str) -> None:
        """A registry sent us there."""
        self._offered.setdefault(registry, set()).add(host)

    def others(self, host: str) -> bool:
        """Return whether a registry that sent us there sent us elsewhere, too."""
        return any(host in hosts and len(hosts) > 1 for hosts in self._offered.values())

    def served(self, host: str) -> None:
        """A connection to it brought all that was asked for."""
        self._count(host, well=True).down = None

    def failed(self, host: str, *, wholly: bool = False) -> None:
        """A connection to it broke, fell silent or crawled, or it turned a fresh address away; `wholly`: the
        host as such does not answer.
        """
        edge, now = self._count(host, well=False), self._clock()
        bad = sum(not well for at, well in edge.outcomes if now - at < _REMEMBERED)
        good = sum(well for at, well in edge.outcomes if now - at < _REMEMBERED)
        if wholly:
            lately = edge.down is not None and now - edge.down[1] < _REMEMBERED
            edge.down = (edge.down[0] if edge.down is not None and lately else now, now)
        others = self.others(host)
        gone = wholly and edge.down is not None and (others or now - edge.down[0] >= self._patience)
        if now >= max(edge.until, edge.spared) and (gone or (others and bad >= _BAD and bad > good)):
            recent = now - edge.until < _LAST
            edge.pause = min(2 * edge.pause, _LAST) if edge.pause and recent else _FIRST
            edge.until = now + edge.pause
            edge.outcomes.clear()

    def avoided(self, host: str) -> bool:
        """Return whether to stay away from it, if there is another."""
        edge, now = self._edges.get(host), self._clock()
        return edge is not None and edge.spared <= now < edge.until

    def spare(self, host: str) -> None:
        """There is no other: use it for as long as we would have stayed away."""
        if self.avoided(host):
            edge = self._edges[host]
            edge.spared = edge.until

    def _count(self, host: str, *, well: bool) -> _Edge:
        edge = self._edges.setdefault(host, _Edge())
        edge.outcomes.append((self._clock(), well))
        return edge


def crawling(rates: dict[str, list[float]], factor: float) -> set[str]:
    """Return the hosts whose connections (`rates`, by host) are below `factor` of the best host's."""
    usual = {host: median(found) for host, found in rates.items() if found}
    best = max(usual.values(), default=0.0)
    return {host for host, rate in usual.items() if rate < factor * best}
