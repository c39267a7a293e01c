"""What happened, by the clock on the wall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pulltui.engine.views import Event, EventKind
from pulltui.ui.diary import Diary

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def events(*at: float, first: int = 1) -> list[Event]:
    return [Event(seq=first + n, at=each, kind=EventKind.NOTE) for n, each in enumerate(at)]


def test_what_comes_together_happened_one_after_another() -> None:
    diary = Diary(lambda: NOON)
    diary.take(events(1.0, 31.0))
    assert [entry.time for entry in diary.entries] == [NOON - timedelta(seconds=30), NOON]


def test_a_night_in_which_the_engine_counted_nothing_passed_all_the_same() -> None:
    now = [NOON]
    diary = Diary(lambda: now[0])
    diary.take(events(1.0))
    now[0] += timedelta(hours=20)
    diary.take(events(2.0, first=2))
    assert [entry.time.day for entry in diary.entries] == [14, 15]
    assert diary.today.day == 15


def test_what_is_new_is_what_came_after_a_number() -> None:
    diary = Diary(lambda: NOON)
    diary.take(events(1.0, 2.0, 3.0))
    assert [entry.event.seq for entry in diary.after(1)] == [2, 3]
    assert diary.after(3) == [] and len(diary.after(0)) == 3
