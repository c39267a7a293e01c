"""The keys for caps: of everything, by steps, and of single pulls."""

from __future__ import annotations

from pulltui_config.units import format_rate

from pulltui.engine.api import EngineApi
from pulltui.engine.views import PullState
from pulltui.ui.caps import BY_HAND, NO_CAP, higher, in_force, lower
from pulltui.ui.commands import what_are
from pulltui.ui.screens.cap import CapDialog
from pulltui.ui.stage import Stage
from pulltui.ui.words import counted

_SOON = 0.5
"""Seconds until a view surely shows the cap that was set; keys come faster."""
_TOPIC = "cap"
"""What the toasts are about: one key after another need not leave a heap of them."""


class Capping:
    """Lowers, raises and lifts caps. Rates are bytes a second."""

    def __init__(self, service: EngineApi, stage: Stage) -> None:
        self._service, self._stage = service, stage
        self._asked: tuple[float, float | None] | None = None
        """When, by the view's clock, which cap was set by hand; None for none."""
        self._own: tuple[float | None, str] = (None, "")
        """The cap there is when none is set by hand, and whose it is, as it was seen last."""
        self._lifted: float | None = None
        """The cap by hand that `toggle` has taken away; None: there was none."""
        self._off = False

    def down(self) -> None:
        """Cap everything one step lower."""
        limit, by_hand = self._now()
        if limit == 0:
            self._stage.say(f"everything is paused ({self._stage.view.limit_why}): no cap is lower")
            return
        step = lower(limit, self._stage.view.rate)
        own = self._own[0]
        passed = by_hand and own is not None and step <= own < (limit if limit is not None else NO_CAP)
        self._set(None if passed else step, why=self._first_step() if limit is None else "")

    def up(self) -> None:
        """Cap everything one step higher; the cap of the settings is a step, too, above the last is none."""
        limit, by_hand = self._now()
        if limit is None:
            self._stage.say(f"there is no cap{self._way_back() if by_hand else ''}", topic=_TOPIC)
            return
        step, own = higher(limit), self._own[0]
        self._set(None if by_hand and own is not None and limit < own <= step else step)

    def toggle(self) -> None:
        """Take the cap of everything away; again puts it back."""
        limit, by_hand = self._now()
        if limit is not None:
            self._lifted, self._off = (limit if by_hand else None), True
            self._set(NO_CAP)
        elif self._off:
            self._off = False
            self._set(self._lifted)
        elif by_hand:
            self._set(None)
        else:
            self._stage.say(f"there is no cap; {self._stage.key('cap_down')} sets one", topic=_TOPIC)

    def one(self) -> None:
        """Ask for a cap of the chosen pulls, each by itself."""
        chosen = self._stage.chosen()
        pulls = [pull for pull in chosen if pull.state is not PullState.DONE]
        if not pulls:
            if chosen:
                self._stage.say(f"{what_are(chosen)}: nothing to cap")
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

    def _now(self) -> tuple[float | None, bool]:
        """Return the cap in force, or the one just set, and whether it was set by hand."""
        view = self._stage.view
        by_hand = view.limit_why == BY_HAND
        if not by_hand:
            self._own = view.limit, view.limit_why.partition(":")[0]
        if self._asked is not None and view.now - self._asked[0] < _SOON:
            asked = self._asked[1]
            return (self._own[0], False) if asked is None else (None if asked >= NO_CAP else asked, True)
        return in_force(view), by_hand

    def _way_back(self) -> str:
        """Return whose cap is off, and the key that brings it back; "" if nobody's is."""
        rate, whose = self._own
        if rate is None:
            return ""
        key = self._stage.key("cap_toggle")
        what = f"that of the {whose}, {format_rate(rate)}," if rate else f"the pause of the {whose}"
        return f": {what} is off" + (f"; {key} goes back to it" if key else "")

    def _first_step(self) -> str:
        """Say why the first cap is as it is, and the way back."""
        rate, back = self._stage.view.rate, self._stage.key("cap_up")
        step = f": the step below the speed just now, {format_rate(rate)}" if rate else ""
        return step + (f"; {back} raises it" if back else "")

    def _set(self, rate: float | None, why: str = "") -> None:
        """Set the cap of everything; None: as settings and schedule have it, NO_CAP: none."""
        own, whose = self._own
        if own is None and rate is not None and rate >= NO_CAP:
            rate = None  # no cap of others is in force: taking ours away is the simplest
        self._asked = (self._stage.view.now, rate)
        self._stage.send("cap", lambda: self._service.set_limit(rate))
        if rate is None:
            have = "have" if whose == "settings" else "has"
            said = "no cap" if own is None else f"cap as the {whose} {have} it: {format_rate(own)}"
            if own == 0:
                said = f"everything is paused, as the {whose} {have} it"
        else:
            said = (
                f"no cap{self._way_back()}"
                if rate >= NO_CAP
                else f"cap {format_rate(rate)}, set by hand{why}"
            )
        self._stage.say(said, topic=_TOPIC)
