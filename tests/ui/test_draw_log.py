"""Events in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pulltui.engine.views import Event, EventKind
from pulltui.ui.diary import Entry
from pulltui.ui.draw.log import event_words, log_lines, time_words, together
from pulltui.ui.glyphs import ASCII, UNICODE, Glyphs
from rich.cells import cell_len
from support.scenes import GB, digest


def event(kind: EventKind, seq: int = 1, at: float = 61.0, **more: object) -> Event:
    return Event(seq=seq, at=at, kind=kind, **({"pull": "p", "name": "m:latest"} | more))  # type: ignore[arg-type]


NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def lines(events: Sequence[Event], width: int, glyphs: Glyphs = UNICODE, **more: Any) -> list[str]:
    """The log of events that happened at noon."""
    entries = [Entry(each, NOON) for each in events]
    return [line.text for line in log_lines(entries, width, glyphs, today=NOON.date(), **more)]


STALL = event(
    EventKind.STALLED,
    digest=digest(1),
    part=7,
    attempt=2,
    attempts=6,
    wait=2.4,
    why="no byte for 30 s",
)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (event(EventKind.ADDED), "added"),
        (
            event(EventKind.RESOLVED, blobs=5, size=2 * GB, cached=GB),
            "5 blobs, 2.00 GB, 1.00 GB here already",
        ),
        (STALL, "part 7 of blob 9e3779b9: no byte for 30 s, retry 2 of 6 in 3 s"),
        (
            event(EventKind.RETRY, digest=digest(1), part=7, attempt=7, attempts=6, why="503"),
            "part 7 of blob 9e3779b9: 503, set aside after 7 tries",
        ),
        (event(EventKind.WAITING, why="offline", wait=5.0), "waiting 5 s: offline"),
        (event(EventKind.NOTE, why="another address"), "another address"),
        (event(EventKind.CONNECTIONS, why="settled at 8"), "connections: settled at 8"),
        (event(EventKind.VERIFIED, digest=digest(1)), "blob 9e3779b9: verified"),
        (event(EventKind.PAUSED), "paused"),
        (
            event(EventKind.DONE, size=2 * GB, seconds=31.0, fetched_again=1000),
            "done: 2.00 GB in 31 s, 1.00 KB fetched again",
        ),
        (event(EventKind.FAILED, why="refused (403)", hint="Log in."), "failed: refused (403). Log in."),
        (event(EventKind.REMOVED), "removed"),
    ],
)
def test_every_event_has_its_words(one: Event, words: str) -> None:
    assert event_words([one]) == words


def test_the_same_trouble_of_many_parts_is_one_entry() -> None:
    events = [
        event(EventKind.RETRY, n, digest=digest(1), part=n, attempt=1, attempts=6, wait=float(n), why="503")
        for n in range(1, 5)
    ]
    (line,) = lines(events, 80)
    assert line == " 12:00:00  4 parts of blob 9e3779b9: 503, retry in 1 s"


def test_a_blob_that_is_on_screen_is_not_named() -> None:
    (line,) = lines([STALL], 80, known=digest(1))
    assert line == " 12:00:00  part 7: no byte for 30 s, retry 2 of 6 in 3 s"


def test_names_have_a_column_where_there_is_room() -> None:
    wide = lines([event(EventKind.ADDED)], 100, names={})[0]
    assert wide.split() == ["12:00:00", "m:latest", "added"]
    narrow = lines([event(EventKind.ADDED)], 60, names={})[0]
    assert narrow == " 12:00:00  m:latest: added"


def test_what_happens_to_a_blob_is_told_under_its_pulls_name() -> None:
    blob = event(EventKind.VERIFIED, digest=digest(1), name="")
    (line,) = lines([blob], 100, names={"p": "m:latest"})
    assert line.split() == ["12:00:00", "m:latest", "blob", "9e3779b9:", "verified"]


def test_long_words_go_on_beneath_and_never_over_the_edge() -> None:
    failure = event(EventKind.FAILED, why="the registry refused " * 8, hint="Ask somebody who knows. " * 4)
    for width in (40, 60, 100):
        found = lines([failure], width, ASCII, names={})
        assert 1 < len(found) <= 6
        assert all(cell_len(line) <= width for line in found)
        assert found[1].startswith(" " * 11)


def test_another_day_is_told_with_its_date() -> None:
    assert time_words(NOON, NOON.date(), 40) == "12:00:00"
    assert time_words(NOON, date(2026, 3, 15), 60) == "03-14 12:00:00"
    assert time_words(NOON, date(2027, 3, 14), 80) == "2026-03-14 12:00:00"


def test_the_same_trouble_on_two_days_is_two_entries() -> None:
    entries = [Entry(event(EventKind.WAITING, why="offline"), NOON.replace(day=day)) for day in (14, 14, 15)]
    found = log_lines(entries, 80, UNICODE, today=date(2026, 3, 15))
    assert [line.text.split("  ")[0] for line in found] == [" 2026-03-14 12:00:00", " 12:00:00"]


def taken_over(seq: int, at: float, part: int, seconds: float) -> Event:
    why = f"quiet for {seconds} s while the others go on"
    return event(EventKind.NOTE, seq, at, part=part, digest=digest(1), why=why)


def test_what_was_said_stays_as_it_was() -> None:
    first, second = taken_over(1, 18.0, 3, 3.0), taken_over(2, 27.0, 3, 3.0)
    (before,) = lines([first], 200, known=digest(1))
    assert before.endswith("part 3: quiet for 3.0 s while the others go on: another connection goes on there")
    groups = together([Entry(first, NOON), Entry(second, NOON + timedelta(seconds=9))])
    assert [len(group) for group in groups] == [1, 1]


def test_the_same_part_twice_is_not_two_parts() -> None:
    (line,) = lines([taken_over(1, 18.0, 3, 3.0), taken_over(2, 18.5, 3, 3.1)], 200, known=digest(1))
    assert "part 3, 2 times: quiet" in line


def test_what_was_here_counts_parts_too() -> None:
    (line,) = lines([event(EventKind.RESOLVED, blobs=5, size=96_000_000, cached=796, here=73_700_000)], 120)
    assert line.endswith("5 blobs, 96.0 MB, 73.7 MB here already")
