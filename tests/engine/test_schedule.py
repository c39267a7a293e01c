from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.schedule import Local, Rule, rule_at
from pulltui_config.settings import WEEK, Day, Period

MB = 1_000_000
BERLIN = ZoneInfo("Europe/Berlin")
UTC_TIME: Local = partial(datetime.fromtimestamp, tz=UTC)
BERLIN_TIME: Local = partial(datetime.fromtimestamp, tz=BERLIN)


def period(begin: str, end: str, bandwidth: int | str = "pause", days: tuple[Day, ...] = WEEK) -> Period:
    def minutes(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    return Period(from_=minutes(begin), to=minutes(end), bandwidth=bandwidth, days=days)  # type: ignore[arg-type]


def at(text: str, zone: ZoneInfo | None = None, fold: int = 0) -> float:
    """Seconds since the epoch of a local time such as `2026-11-20 22:00` (a Friday)."""
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC, fold=fold).timestamp()


def rule(text: str, *periods: Period) -> Rule:
    return rule_at(at(text), periods, UTC_TIME)


def test_nothing_is_in_force_without_periods() -> None:
    assert rule("2026-11-20 12:00") == Rule()


def test_a_period_says_its_hours_and_when_it_ends() -> None:
    day = period("08:30", "17:00", 2 * MB)
    assert rule("2026-11-20 08:29:59", day) == Rule(until=at("2026-11-20 08:30"))
    inside = Rule(2 * MB, "08:30 to 17:00", at("2026-11-20 17:00"))
    assert rule("2026-11-20 08:30", day) == inside
    assert rule("2026-11-20 16:59:59.9", day) == inside
    assert rule("2026-11-20 17:00", day) == Rule(until=at("2026-11-21 08:30"))


def test_past_midnight_belongs_to_the_day_it_began() -> None:
    night = period("22:00", "07:00", days=("fri",))
    assert rule("2026-11-20 06:00", night).rate is None, "thursday's night"
    assert rule("2026-11-20 23:00", night) == Rule(0.0, "22:00 to 07:00", at("2026-11-21 07:00"))
    assert rule("2026-11-21 06:59", night) == Rule(0.0, "22:00 to 07:00", at("2026-11-21 07:00"))
    assert rule("2026-11-21 07:00", night) == Rule(until=at("2026-11-27 22:00"))
    assert rule("2026-11-21 23:00", night).rate is None


def test_a_whole_day_ends_at_midnight() -> None:
    sunday = period("00:00", "24:00", days=("sun",))
    assert rule("2026-11-21 23:59", sunday) == Rule(until=at("2026-11-22 00:00"))
    assert rule("2026-11-22 00:00", sunday) == Rule(0.0, "00:00 to 24:00", at("2026-11-23 00:00"))
    assert rule("2026-11-23 00:00", sunday).rate is None
    always = period("00:00", "24:00", MB)
    assert rule("2026-11-22 00:00", always) == Rule(MB, "00:00 to 24:00", None)


def test_until_midnight_may_be_written_either_way() -> None:
    assert rule("2026-11-20 23:59", period("20:00", "00:00")).until == at("2026-11-21 00:00")
    assert rule("2026-11-21 00:00", period("20:00", "00:00")).rate is None


def test_the_lowest_of_overlapping_ones_wins() -> None:
    day, lunch, evening = (
        period("08:00", "20:00", 5 * MB),
        period("12:00", "13:00"),
        period("19:00", "22:00", MB),
    )
    seen = [rule(f"2026-11-20 {time}", day, lunch, evening) for time in ("11:00", "12:30", "13:00", "19:30")]
    assert [each.rate for each in seen] == [5 * MB, 0, 5 * MB, MB]
    assert [each.until for each in seen] == [
        at(f"2026-11-20 {time}") for time in ("12:00", "13:00", "19:00", "22:00")
    ]


@pytest.mark.parametrize(
    ("now", "rate", "until"),
    [
        ("2026-03-29 01:59", None, "2026-03-29 03:00"),
        ("2026-03-29 03:00", 0.0, "2026-03-29 03:30"),
        ("2026-03-29 03:30", None, "2026-03-30 02:15"),
    ],
)
def test_what_begins_in_the_missing_hour_begins_after_it(now: str, rate: float | None, until: str) -> None:
    found = rule_at(at(now, BERLIN), [period("02:15", "03:30")], BERLIN_TIME)
    assert (found.rate, found.until) == (rate, at(until, BERLIN))


def test_what_lies_in_the_missing_hour_does_not_come() -> None:
    found = rule_at(at("2026-03-29 01:59", BERLIN), [period("02:15", "02:45")], BERLIN_TIME)
    assert (found.rate, found.until) == (None, at("2026-03-30 02:15", BERLIN))


def test_what_lies_in_the_doubled_hour_comes_twice() -> None:
    early = [period("02:15", "02:45")]
    times = [("02:14", 0), ("02:15", 0), ("02:45", 0), ("02:14", 1), ("02:15", 1), ("02:45", 1)]
    moments = [at(f"2026-10-25 {time}", BERLIN, fold) for time, fold in times]
    found = [rule_at(moment, early, BERLIN_TIME) for moment in moments]
    assert [each.rate for each in found] == [None, 0, None, None, 0, None]
    assert [each.until for each in found] == [
        moments[1],
        moments[2],
        moments[4],
        moments[4],
        moments[5],
        at("2026-10-26 02:15", BERLIN),
    ]


def test_a_night_is_an_hour_longer_or_shorter_when_clocks_are_set() -> None:
    night = [period("22:00", "07:00")]
    for evening, hours in (("2026-03-28", 8), ("2026-10-24", 10), ("2026-11-20", 9)):
        begin = at(f"{evening} 22:00", BERLIN)
        assert rule_at(begin, night, BERLIN_TIME).until == begin + hours * 3600


def test_clocks_set_back_over_the_end_bring_the_period_back() -> None:
    """At 03:00 it is 02:00 again: a period that ended at 02:30 is in force once more."""
    found = rule_at(at("2026-10-25 02:59", BERLIN), [period("01:00", "02:30")], BERLIN_TIME)
    assert (found.rate, found.until) == (None, at("2026-10-25 02:00", BERLIN, fold=1))


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"])
PERIODS = st.lists(
    st.builds(
        lambda begin, length, bandwidth, days: Period(
            from_=begin, to=(begin + length) % 1441, bandwidth=bandwidth, days=tuple(sorted(days))
        ),
        st.integers(0, 1439),
        st.integers(1, 1439),
        st.sampled_from(["pause", MB, 5 * MB]),
        st.sets(st.sampled_from(WEEK), min_size=1),
    ),
    min_size=1,
    max_size=3,
)


@given(ZONES, PERIODS, st.integers(int(at("2026-01-01 00:00")), int(at("2027-01-01 00:00"))))
def test_nothing_changes_before_it_is_said_to(zone: str, periods: list[Period], now: int) -> None:
    local: Local = partial(datetime.fromtimestamp, tz=ZoneInfo(zone))
    found = rule_at(now, periods, local)
    end = found.until if found.until is not None else now + timedelta(days=8).total_seconds()
    assert end > now
    steps = range(1, int(min(end - now, 2 * 86400) // 60))
    for step in steps[:: max(1, len(steps) // 50)]:
        between = rule_at(now + 60 * step, periods, local)
        assert (between.rate, between.hours) == (found.rate, found.hours)
        assert between.until == found.until or found.until is None
    if found.until is not None:
        assert rule_at(found.until - 1, periods, local).until == found.until
