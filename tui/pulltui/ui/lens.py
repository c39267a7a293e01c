"""Which pulls are listed, in which order, and which are marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pulltui.engine.views import PullView
from pulltui.ui.filter import Filter
from pulltui.ui.marks import Marks
from pulltui.ui.ordering import Order, SortBy, ordered
from pulltui.ui.tab import Tab, belongs

MOVING: Final = (SortBy.SPEED, SortBy.LEFT, SortBy.PERCENT)
"""What changes all the time."""
SETTLE: Final = 2.0
"""Seconds for which an order by it stays."""


class Lens:
    """What the user has set the list to."""

    def __init__(self) -> None:
        self.tab = Tab.ALL
        self.order = Order()
        self.filter = Filter()
        self.marks = Marks()
        self._sorted: tuple[Order, float] = (Order(), 0.0)
        self._ranks: dict[str, int] = {}

    def shown(self, pulls: Sequence[PullView], now: float) -> list[PullView]:
        """Return the pulls to list, in order, at a moment of the view's clock (seconds).

        Rows that change places with every new speed cannot be read, so they stay where they are for a while.
        The marks of pulls that are gone are forgotten.
        """
        if self.marks:
            self.marks.keep(pull.id for pull in pulls)
        found = [pull for pull in pulls if belongs(pull, self.tab) and self.filter.matches(pull)]
        if self.order.by in MOVING:
            order, at = self._sorted
            known = (
                order == self.order and now - at < SETTLE and all(pull.id in self._ranks for pull in found)
            )
            if known:
                return sorted(found, key=lambda pull: self._ranks[pull.id])
            self._sorted = (self.order, now)
            self._ranks = {pull.id: rank for rank, pull in enumerate(ordered(pulls, self.order))}
        return ordered(found, self.order)

    def sort_by(self, by: SortBy) -> None:
        """Sort by this; if that is so already, the other way round, and then as the queue is."""
        if self.order.by is not by:
            self.order = Order(by)
        elif not self.order.reverse:
            self.order = self.order.turned()
        else:
            self.order = Order()

    @property
    def why_not_movable(self) -> str:
        """Why the list is not the queue as it is ("filtered"); "" if it is."""
        if self.order != Order():
            return f"sorted by {self.order.by}"
        if self.filter.text:
            return "filtered"
        return "" if self.tab is Tab.ALL else f"cut to what is {self.tab}"
