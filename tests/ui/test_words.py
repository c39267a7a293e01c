from __future__ import annotations

import msgspec
import pytest
from pulltui.engine.views import BlobState, PartState, PartView, PullState, Waiting
from pulltui.ui.words import blob_words, part_words, pull_words, span_of, trouble, waiting_words
from support.scenes import busy_blob, busy_pull, pull


def part(state: PartState, **more: object) -> PartView:
    return PartView(n=7, offset=0, size=100, done=40, state=state, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (part(PartState.RECEIVING), ""),
        (part(PartState.QUIET, silent=4.9, stall_after=30.0), "quiet 4 s, reconnect at 30 s"),
        (
            part(PartState.WAITING, attempt=3, attempts=6, wait=6.2, why="503"),
            "retry 3 of 6 in 7 s (503), r now",
        ),
        (part(PartState.WAITING, wait=6.2, why="registry busy"), "waits 7 s (registry busy)"),
        (
            part(PartState.STALLED, attempt=2, attempts=6, wait=2.4, why="stalled: no byte for 5 s"),
            "stalled, retry 2 of 6 in 3 s, r now",
        ),
        (part(PartState.FAILED, why="404"), "failed (404)"),
        (part(PartState.RECEIVING, attempt=2, attempts=6, why="reset"), "try 3 of 7 (reset)"),
    ],
)
def test_a_part_in_words(view: PartView, words: str) -> None:
    assert part_words(view) == words


def test_waits_count_down_to_their_end() -> None:
    assert [span_of(seconds) for seconds in (0.0, 0.2, 6.6, 59.0, 107.0)] == [
        "0 s",
        "1 s",
        "7 s",
        "59 s",
        "1m47s",
    ]
    assert waiting_words(Waiting("registry busy (503)", 6.6)) == "waiting 7 s: registry busy (503)"
    assert waiting_words(Waiting("no network")) == "waiting: no network"


def test_trouble_of_a_blob_bubbles_up_to_its_pull() -> None:
    assert pull_words(busy_pull(), 40) == ("1 stalled, 1 retrying, 1 quiet", "bad")
    assert pull_words(busy_pull(), 14) == ("1 stalled +2", "bad")
    quiet = msgspec.structs.replace(busy_blob(troubled=False), quiet=2)
    assert trouble([quiet], 14) == "2 quiet"
    assert blob_words(quiet, 14) == ("2 quiet", "wait")


def test_a_pull_that_a_host_keeps_waiting_waits() -> None:
    waiting = Waiting("registry busy (503)", 6.6)
    held = msgspec.structs.replace(busy_pull(), waiting=waiting, rate=0.0)
    assert pull_words(held, 40) == ("waiting 7 s: registry busy (503)", "wait")
    getting_some = msgspec.structs.replace(busy_pull(), waiting=waiting)
    assert pull_words(getting_some, 40)[0].startswith("1 stalled")


@pytest.mark.parametrize("state", PullState)
def test_every_state_has_a_word(state: PullState) -> None:
    view = pull(1, "m", state, 10, 5)
    assert pull_words(view, 40)[0].split()[0].rstrip(":") == state.value


@pytest.mark.parametrize("state", BlobState)
def test_every_blob_state_has_words(state: BlobState) -> None:
    blob = msgspec.structs.replace(busy_blob(troubled=False), state=state)
    expected = "16 connections" if state is BlobState.DOWNLOADING else state.value
    assert blob_words(blob, 40)[0] == expected
    single = msgspec.structs.replace(blob, single_stream=True, connections=1)
    if state is BlobState.DOWNLOADING:
        assert blob_words(single, 40)[0] == "1 stream"
