from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
from pulltui.engine.context import Live
from pulltui.engine.limits import Limits
from pulltui.engine.throttle import Throttle
from pulltui.engine.views import Waiting
from pulltui_config import Settings
from pulltui_config.settings import Period, Transfer

MB = 1_000_000
HOUR = 3600.0
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
NIGHT = Period(from_=22 * 60, to=7 * 60, bandwidth="pause")
EVENING = Period(from_=18 * 60, to=22 * 60, bandwidth=5 * MB)


class Clockwork:
    """Limits at noon, on a clock that is moved by hand."""

    def __init__(self, bandwidth: int | None = None, *schedule: Period) -> None:
        self.now = NOON
        self.live = Live(Settings(transfer=Transfer(bandwidth=bandwidth), schedule=schedule))
        self.throttle = Throttle(lambda: 0.0)
        local = partial(datetime.fromtimestamp, tz=UTC)
        self.limits = Limits(self.live, self.throttle, wall=lambda: self.now, local=local)
        self.changes = 0
        self.limits.on_change = self._changed

    def _changed(self) -> None:
        self.changes += 1

    def at(self, hours: float) -> tuple[float | None, str]:
        """What is in force so many hours after noon."""
        self.now = NOON + hours * HOUR
        self.limits.look()
        return self.limits.rate, self.limits.why

    def change(self, bandwidth: int | None, *schedule: Period) -> None:
        self.live.settings = Settings(transfer=Transfer(bandwidth=bandwidth), schedule=schedule)
        self.limits.look()


def test_no_cap_says_nothing() -> None:
    it = Clockwork()
    assert (it.at(0), it.limits.quiet, it.throttle.connections) == ((None, ""), None, None)


def test_the_settings_cap_counts_from_the_beginning() -> None:
    it = Clockwork(2 * MB)
    assert it.at(0) == (2 * MB, "settings")
    assert it.throttle.connections == 2


def test_a_period_takes_the_place_of_the_settings_cap_lower_or_higher() -> None:
    it = Clockwork(2 * MB, EVENING, NIGHT)
    assert it.at(5.9) == (2 * MB, "settings")
    assert it.at(6) == (5 * MB, "schedule: 18:00 to 22:00")
    assert it.throttle.connections == 5
    assert it.at(10) == (0, "schedule: 22:00 to 07:00")
    assert it.at(19) == (2 * MB, "settings")
    assert it.changes == 3


def test_quiet_hours_say_how_long_they_last() -> None:
    it = Clockwork(None, NIGHT)
    it.at(10.5)
    assert it.limits.quiet == Waiting("schedule: 22:00 to 07:00", 8.5 * HOUR, "schedule")
    it.at(19)
    assert it.limits.quiet is None


def test_a_cap_by_hand_counts_against_the_period_in_force_until_the_next_one() -> None:
    it = Clockwork(None, EVENING, NIGHT)
    it.at(7)
    it.limits.set_by_hand(9 * MB)
    assert it.at(9.9) == (9 * MB, "set by hand")
    assert it.at(10) == (0, "schedule: 22:00 to 07:00")
    assert it.at(19) == (9 * MB, "set by hand")
    it.at(34.5)
    it.limits.set_by_hand(MB)
    assert it.limits.quiet is None, "it overrides a pause, too"
    assert it.at(43) == (MB, "set by hand"), "and counts after the period"
    it.limits.set_by_hand(None)
    assert it.at(43) == (None, "")


def test_lifting_what_was_set_by_hand_brings_the_period_back() -> None:
    it = Clockwork(None, NIGHT)
    it.at(11)
    it.limits.set_by_hand(MB)
    it.limits.set_by_hand(None)
    assert it.limits.quiet is not None


def test_a_period_that_never_ends_gives_way_all_the_same() -> None:
    it = Clockwork(None, Period(from_=0, to=1440, bandwidth="pause"))
    assert it.limits.quiet == Waiting("schedule: 00:00 to 24:00", None, "schedule")
    it.limits.set_by_hand(MB)
    assert it.at(100) == (MB, "set by hand")


def test_another_bandwidth_in_the_settings_replaces_what_was_set_by_hand() -> None:
    it = Clockwork(2 * MB)
    it.limits.set_by_hand(MB)
    it.change(2 * MB)
    assert it.at(0) == (MB, "set by hand"), "other settings do not"
    it.change(3 * MB)
    assert it.at(0) == (3 * MB, "settings")
    it.limits.set_by_hand(MB)
    it.change(None)
    assert it.at(0) == (None, "")


def test_another_bandwidth_in_the_settings_brings_the_period_back() -> None:
    it = Clockwork(None, NIGHT)
    it.at(11)
    it.limits.set_by_hand(MB)
    it.change(2 * MB, NIGHT)
    assert it.limits.quiet is not None
    assert it.at(19) == (2 * MB, "settings")


def test_another_schedule_counts_at_once() -> None:
    it = Clockwork(None, NIGHT)
    it.at(11)
    it.limits.set_by_hand(MB)
    it.change(None, Period(from_=20 * 60, to=7 * 60, bandwidth="pause"))
    assert it.limits.quiet is not None


@pytest.mark.parametrize(("second", "wait"), [(0.0, 60.0), (12.5, 47.5), (59.0, 1.0)])
def test_looks_again_with_the_next_minute_on_the_wall(second: float, wait: float) -> None:
    it = Clockwork()
    it.now = NOON + second
    assert it.limits.next_look == pytest.approx(wait)
