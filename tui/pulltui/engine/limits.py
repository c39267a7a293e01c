"""Which cap is in force for everything: the schedule's, one that was set by hand, or the settings'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pulltui_config import Settings

from pulltui.engine.schedule import Local, Rule, rule_at
from pulltui.engine.throttle import Throttle
from pulltui.engine.views import Waiting

KIND = "schedule"
"""`Waiting.kind` of what waits for the end of quiet hours."""

MINUTE = 60.0


class HasSettings(Protocol):
    """Who knows the settings in force."""

    settings: Settings


class Limits:
    """Decides which cap is in force, and tells the throttle. Belongs to the engine's loop.

    A period of the schedule takes the place of `transfer.bandwidth`, be it higher or lower. What is set by
    hand counts at once, even in a period that pauses everything; the next period that begins counts again,
    and when that is over, what was set by hand. A new value of `transfer.bandwidth` takes the place of what
    was set by hand.
    """

    def __init__(
        self, live: HasSettings, throttle: Throttle, *, wall: Callable[[], float], local: Local
    ) -> None:
        """`wall` has seconds since the epoch, which `local` turns into the time on the wall."""
        self.rate: float | None = None
        """Bytes a second; 0: nothing is fetched."""
        self.why = ""
        """Where it comes from; empty without a cap."""
        self.on_change: Callable[[], None] = lambda: None
        """Called after another cap came into force."""
        self._live = live
        self._throttle = throttle
        self._wall = wall
        self._local = local
        self._by_hand: float | None = None
        self._ruled_out: float | None = None
        """Until when the schedule does not count, because a cap was set by hand: its next change."""
        self._until: float | None = None
        self._seen = live.settings
        self.look()

    @property
    def quiet(self) -> Waiting | None:
        """What everything waits for in quiet hours that pause it; None when fetching is allowed."""
        if self.rate != 0:
            return None
        left = None if self._until is None else max(0.0, self._until - self._wall())
        return Waiting(self.why, left, KIND)

    @property
    def next_look(self) -> float:
        """Seconds until `look` is due: with the next minute on the wall."""
        return MINUTE - self._wall() % MINUTE

    def set_by_hand(self, rate: float | None) -> None:
        """Cap everything, in bytes a second; None: as settings and schedule have it."""
        self._by_hand = rate
        self._ruled_out = None
        if rate is not None:
            until = self._rule().until
            self._ruled_out = float("inf") if until is None else until
        self.look()

    def look(self) -> None:
        """Look at the clock and the settings, and put into force what they ask for."""
        settings = self._live.settings
        if settings.transfer.bandwidth != self._seen.transfer.bandwidth:
            self._by_hand = self._ruled_out = None
        elif settings.schedule != self._seen.schedule:
            self._ruled_out = None
        self._seen = settings
        rule = self._rule()
        if self._ruled_out is not None and self._wall() < self._ruled_out:
            rule = Rule()
        self._until = rule.until
        if rule.rate is not None:
            rate, why = rule.rate, f"schedule: {rule.hours}"
        elif self._by_hand is not None:
            rate, why = self._by_hand, "set by hand"
        elif settings.transfer.bandwidth is not None:
            rate, why = float(settings.transfer.bandwidth), "settings"
        else:
            rate, why = None, ""
        if (rate, why) != (self.rate, self.why):
            self.rate, self.why = rate, why
            self._throttle.limit(rate or None)  # while everything is paused there is nothing to cap
            self.on_change()

    def _rule(self) -> Rule:
        return rule_at(self._wall(), self._live.settings.schedule, self._local)
