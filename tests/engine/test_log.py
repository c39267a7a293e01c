from __future__ import annotations

import logging

import pytest
from pulltui.engine.log import EventLog
from pulltui.engine.views import EventKind


def test_events_are_numbered_without_gaps_and_timed_from_the_start() -> None:
    clock = iter([100.0, 101.5, 103.0])
    log = EventLog(lambda: next(clock))
    log.emit(EventKind.ADDED, pull="p1", name="tiny")
    log.emit(EventKind.FAILED, pull="p1", why="because")
    first, second = log.after(0)
    assert (first.seq, first.at, first.kind, first.name) == (1, 1.5, EventKind.ADDED, "tiny")
    assert (second.seq, second.at, second.why) == (2, 3.0, "because")
    assert log.after(1) == [second]
    assert log.after(2) == []


def test_the_last_two_thousand_are_kept() -> None:
    log = EventLog(lambda: 0.0)
    for number in range(2500):
        log.emit(EventKind.NOTE, why=str(number))
    kept = log.after(0)
    assert [event.seq for event in kept] == list(range(501, 2501))
    assert [event.seq for event in log.after(2498)] == [2499, 2500]


def test_an_event_is_also_a_line_of_the_log_file(caplog: pytest.LogCaptureFixture) -> None:
    log = EventLog(lambda: 0.0)
    with caplog.at_level(logging.INFO, "pulltui.engine"):
        log.emit(EventKind.RETRY, name="tiny", part=3, why="connection reset")
        log.emit(EventKind.FAILED, name="tiny", why="no such model")
    assert [(line.levelname, line.getMessage()) for line in caplog.records] == [
        ("INFO", "retry name=tiny part=3 why=connection reset"),
        ("WARNING", "failed name=tiny why=no such model"),
    ]
