"""The keys for caps: of everything, by steps, and of single pulls."""

from __future__ import annotations

from pulltui_config.units import format_rate

from pulltui.engine.api import EngineApi
from pulltui.ui.caps import NO_CAP, higher, in_force, lower
from pulltui.ui.screens.cap import CapDialog
from pulltui.ui.stage import Stage
from pulltui.ui.words import counted

_BY_HAND = "set by hand"
_SOON = 0.5
"""Seconds until a view surely shows the cap that was set; keys come faster."""


class Capping:
    """Lowers, raises and lifts caps. Rates are bytes a second."""

    def __init__(self, service: EngineApi, stage: Stage) -> None:
        self._service, self._stage = service, stage
        self._asked: tuple[float, float | None] | None = None
        """When, by the view's clock, which cap was set."""
        self._lifted: float | None = None
        """The cap that `toggle` has taken away; None: that of settings or schedule."""
        self._off = False

    def down(self) -> None:
        """Cap everything one step lower."""
        limit = self._limit()
        if limit == 0:
            self._stage.say(f"everything is paused ({self._stage.view.limit_why}): no cap is lower")
            return
        self._set(lower(limit, self._stage.view.rate))

    def up(self) -> None:
        """Cap everything one step higher; above the last step there is no cap."""
        limit = self._limit()
        if limit is None:
            self._stage.say("there is no cap")
            return
        self._set(higher(limit))

    def toggle(self) -> None:
        """Take the cap of everything away; again puts it back."""
        limit, by_hand = self._limit(), self._stage.view.limit_why == _BY_HAND
        if limit is not None:
            self._lifted, self._off = (limit if by_hand else None), True
            self._set(NO_CAP)
        elif self._off:
            self._off = False
            self._set(self._lifted)
        elif by_hand:
            self._set(None)
        else:
            self._stage.say(f"there is no cap; {self._stage.key('cap_down')} sets one")

    def one(self) -> None:
        """Ask for a cap of the chosen pulls, each by itself."""
        pulls = self._stage.chosen()
        if not pulls:
            return
        ids, what = [pull.id for pull in pulls], pulls[0].name
        if len(pulls) > 1:
            what = f"each of {counted(len(pulls), 'pull')}"

        def answered(answer: tuple[float | None] | None) -> None:
            if answer is not None:
                self._stage.send("cap", lambda: self._service.set_limit(answer[0], ids))
                said = "no cap of its own" if answer[0] is None else f"at most {format_rate(answer[0])}"
                self._stage.say(f"{what}: {said}")

        self._stage.ask(CapDialog(self._stage.glyphs, what, pulls[0].limit), answered)

    def _limit(self) -> float | None:
        """Return the cap in force, or the one just set."""
        if self._asked is not None and self._stage.view.now - self._asked[0] < _SOON:
            return self._asked[1]
        return in_force(self._stage.view)

    def _set(self, rate: float | None) -> None:
        """Set the cap of everything; None: as settings and schedule have it, NO_CAP: none."""
        lifts = rate is None or rate >= NO_CAP
        if lifts and self._stage.view.limit_why in ("", _BY_HAND):
            rate = None  # no cap of others is in force: taking ours away is the simplest
        self._asked = (self._stage.view.now, None if lifts else rate)
        self._stage.send("cap", lambda: self._service.set_limit(rate))
        if rate is None:
            self._stage.say("cap as the settings have it")
        else:
            self._stage.say("no cap" if lifts else f"cap {format_rate(rate)}")
