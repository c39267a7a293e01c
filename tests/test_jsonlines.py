"""The contract of `--json`, held against what the reporter prints."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from pulltui.engine.views import EventKind, PullState
from pulltui.headless import Run
from pulltui.jsonlines import COMMON, EVENTS, JsonLines, markdown_table, problems
from pulltui.output import Output
from support.scripted_engine import DIGEST, ScriptedEngine, Step, blob, done, event, pull

SCRIPT = [
    Step((pull(state=PullState.RESOLVING),), (event(1, EventKind.ADDED),)),
    Step(
        (pull(blob(40_000_000, rate=21_300_000.4), eta=2.345),),
        (
            event(2, EventKind.RESOLVED, size=100_000_000, blobs=1, cached=7),
            event(3, EventKind.RETRY, digest=DIGEST, part=4, attempt=2, attempts=6, wait=0.41234, why="503"),
            event(4, EventKind.STALLED, digest=DIGEST, part=4, attempt=1, why="no byte for 30 s"),
            event(5, EventKind.WAITING, why="registry busy", wait=3.0),
            event(6, EventKind.WAITING, why="disk full"),
            event(7, EventKind.NOTE, why="the tag moved"),
            event(8, EventKind.CONNECTIONS, why="settled at 8 (+2% with 16)"),
            event(9, EventKind.VERIFIED, digest=DIGEST),
            event(10, EventKind.PAUSED),
        ),
    ),
    Step((done(),), (event(11, EventKind.DONE, size=100_000_000, seconds=2.0, fetched_again=3),)),
]
FAILED = [
    Step(
        (pull(state=PullState.FAILED, exit_code=1),),
        (event(1, EventKind.FAILED, error_kind="not-found", why="404", hint="Check the name."),),
    )
]


def lines(steps: Sequence[Step]) -> list[dict[str, Any]]:
    engine = ScriptedEngine(steps)
    stream = io.StringIO()
    reporter = JsonLines(Output(stream), engine.clock)
    Run(engine, reporter, give_up_after=0, clock=engine.clock).run(["tiny"])
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("steps", [SCRIPT, FAILED])
def test_every_object_keeps_the_contract(steps: Sequence[Step]) -> None:
    assert [problems(line) for line in lines(steps) if problems(line)] == []


def test_every_event_of_the_contract_is_printed_and_nothing_else() -> None:
    assert {line["event"] for steps in (SCRIPT, FAILED) for line in lines(steps)} == set(EVENTS)


def test_what_the_objects_say() -> None:
    found = {line["event"]: line for line in lines(SCRIPT)}
    assert found["retry"] == {
        "v": 1,
        "t": 0.2,
        "event": "retry",
        "pull": "tiny",
        "blob": "model",
        "digest": DIGEST,
        "part": 4,
        "attempt": 2,
        "in_s": 0.412,
        "why": "503",
    }
    assert found["waiting"]["blob"] is found["waiting"]["digest"] is found["waiting"]["in_s"] is None
    assert found["note"]["why"] == "the tag moved"
    assert found["note"]["part"] is None
    assert found["connections"]["why"] == "settled at 8 (+2% with 16)"
    assert found["progress"]["total"] == 0, "one a second, and the first comes at once"
    assert found["summary"]["pull"] is None
    assert found["summary"]["exit_code"] == 0
    assert found["done"]["fetched_again"] == 3


def test_progress_comes_once_a_second() -> None:
    steps = [Step((pull(blob(1_000_000 * n)),)) for n in range(45)] + [Step((done(),))]
    times = [line["t"] for line in lines(steps) if line["event"] == "progress"]
    assert len(times) == 5
    assert all(0.99 < later - sooner < 1.2 for sooner, later in itertools.pairwise(times))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"blobs": "3"}, "blobs is not of type integer: '3'"),
        ({"blobs": True}, "blobs is not of type integer: True"),
        ({"blobs": None}, "blobs is null"),
        ({"extra": 1}, "unknown: extra"),
        ({"event": "finished"}, "unknown event: 'finished'"),
    ],
)
def test_the_schema_check_sees_what_breaks_the_contract(change: dict[str, Any], problem: str) -> None:
    good = {
        "v": 1,
        "t": 0.5,
        "event": "resolved",
        "pull": "tiny",
        "blobs": 3,
        "bytes": 5,
        "cached": 0,
        "here": 0,
    }
    assert problems(good) == []
    assert problems(good | change) == [problem]
    del good["cached"]
    assert problems(good) == ["missing: cached"]


def test_the_table_for_readme_has_every_field() -> None:
    table = markdown_table().splitlines()
    assert table[:2] == ["| event | when | field | type | what |", "| --- | --- | --- | --- | --- |"]
    assert len(table) == 2 + len(COMMON) + sum(len(kind.fields) for kind in EVENTS.values())
    assert {row.count("|") for row in table} == {6}, "a cell must not hold a column's end"
    assert "| `resolved` | the manifest is here | `blobs` | integer | distinct blobs |" in table
