"""Quiet hours: what the periods of the setting `schedule` say at a moment.

Times are those on the wall, as people read them there. When clocks are set forward, a period that would
have begun in the missing hour begins with the first minute there is; when they are set back, one that lies
in the doubled hour comes twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from pulltui_config.settings import WEEK, Period

Local = Callable[[float], datetime]
"""Seconds since the epoch to the local time (`datetime.fromtimestamp`)."""

DAY = 24 * 60
HALF_HOUR = 30
"""Clocks are set at whole or half hours, everywhere and since 1972."""
HORIZON = 8 * DAY * 60
"""Seconds ahead in which every period has come round."""


class Rule(msgspec.Struct, frozen=True):
    """What the schedule asks for. Without anything in force only `until` has a meaning."""

    rate: float | None = None
    """Bytes a second; 0: nothing is fetched; None: no period is in force."""
    hours: str = ""
    """`22:00 to 07:00`."""
    until: float | None = None
    """When that changes, in seconds since the epoch; None: it does not."""


def rule_at(now: float, periods: Sequence[Period], local: Local) -> Rule:
    """Return what is in force at `now` (seconds since the epoch).

    Of overlapping periods the lowest wins. One that goes past midnight belongs to the day it began.
    """
    found = _lowest(local(now), periods)
    rate, hours = (
        (None, "") if found is None else (_rate(found), f"{_time(found.from_)} to {_time(found.to)}")
    )
    return Rule(rate, hours, _until(now, periods, local) if periods else None)


def _lowest(at: datetime, periods: Sequence[Period]) -> Period | None:
    return min((period for period in periods if _covers(period, at)), key=_rate, default=None)


def _covers(period: Period, at: datetime) -> bool:
    minute = at.hour * 60 + at.minute
    today, yesterday = WEEK[at.weekday()], WEEK[(at - timedelta(days=1)).weekday()]
    if period.from_ < period.to:
        return today in period.days and period.from_ <= minute < period.to
    return (today in period.days and minute >= period.from_) or (
        yesterday in period.days and minute < period.to
    )


def _until(now: float, periods: Sequence[Period], local: Local) -> float | None:
    """Return when another period, or none, will be in force.

    That can only be at a period's edge, or where clocks are set: one after the other is looked at.
    """
    before = _lowest(local(now), periods)
    edges = sorted({edge % DAY for period in periods for edge in (period.from_, period.to)})
    at = now - local(now).second - now % 1
    while at - now < HORIZON:
        wall = local(at)
        minute = wall.hour * 60 + wall.minute
        ahead = [edge - minute for edge in edges if edge > minute] + [HALF_HOUR - minute % HALF_HOUR]
        at += 60 * min(ahead)
        if _lowest(local(at), periods) is not before:
            return at
    return None


def _rate(period: Period) -> float:
    return 0.0 if period.bandwidth == "pause" else float(period.bandwidth)


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
