"""In which order the pulls are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from pulltui.engine.views import PullState, PullView


class SortBy(StrEnum):
    """What to sort by; the value is the word on the screen."""

    QUEUE = "queue"
    NAME = "name"
    PERCENT = "percent"
    SIZE = "size"
    STATE = "state"
    SPEED = "speed"
    LEFT = "time left"


_STATES: Final = (
    PullState.FAILED,
    PullState.WAITING,
    PullState.DOWNLOADING,
    PullState.VERIFYING,
    PullState.COMMITTING,
    PullState.RESOLVING,
    PullState.QUEUED,
    PullState.PAUSED,
    PullState.DONE,
)
"""What needs somebody comes first."""

_KEYS: Final[Mapping[SortBy, Callable[[PullView], Any]]] = {
    SortBy.NAME: lambda pull: pull.name.lower(),
    SortBy.PERCENT: lambda pull: pull.done / pull.size if pull.size else 0.0,
    SortBy.SIZE: lambda pull: pull.size,
    SortBy.STATE: lambda pull: _STATES.index(pull.state),
    SortBy.SPEED: lambda pull: pull.rate,
    SortBy.LEFT: lambda pull: float("inf") if pull.eta is None else pull.eta,
}
_LARGEST_FIRST: Final = (SortBy.PERCENT, SortBy.SIZE, SortBy.SPEED)
"""Whose natural order is the falling one."""


class Order(NamedTuple):
    """What to sort by, and whether the other way round."""

    by: SortBy = SortBy.QUEUE
    reverse: bool = False

    @property
    def falls(self) -> bool:
        """Whether the largest comes first."""
        return self.reverse != (self.by in _LARGEST_FIRST)

    def next(self) -> Order:
        """Return the order by the next column."""
        every = list(SortBy)
        return Order(every[(every.index(self.by) + 1) % len(every)])

    def turned(self) -> Order:
        """Return the same the other way round."""
        return Order(self.by, not self.reverse)


def ordered(pulls: Sequence[PullView], order: Order) -> list[PullView]:
    """Return the pulls in this order; equal ones stay in the order of the queue."""
    if order.by is SortBy.QUEUE:
        return list(reversed(pulls)) if order.falls else list(pulls)
    return sorted(pulls, key=_KEYS[order.by], reverse=order.falls)
