from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace
from pulltui.engine.views import BlobState, PullState, Waiting
from pulltui.ui.words import (
    blob_words,
    pull_words,
    shown_state,
    span_of,
    trouble,
    waiting_briefly,
    waiting_words,
)
from support.scenes import busy_blob, busy_pull, pull


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


def test_where_there_is_little_room_a_wait_is_told_by_its_kind() -> None:
    waiting = Waiting("registry.ollama.ai is busy (503)", 6.6, "busy")
    rooms = [waiting_briefly(waiting, room) for room in (60, 30, 20)]
    assert rooms == [
        "registry.ollama.ai is busy (503), next try in 7 s",
        "server busy, next try in 7 s",
        "server busy, 7 s",
    ]
    assert waiting_briefly(Waiting("no space left on the disk", None, "no-space"), 20) == "no space"
    assert waiting_briefly(Waiting("something new in many words", 1.0, "new"), 5).endswith("many words")
    assert waiting_briefly(None, 5) == "waiting"


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


def test_a_pull_that_gets_its_share_of_a_cap_does_not_wait() -> None:
    waiting = Waiting("its turn comes: the cap makes do with 1 connection", kind="connections")
    blob = replace(busy_blob(troubled=False), connections=0)
    some = replace(busy_pull(), blobs=(blob,), waiting=waiting, capped=True, connections=0, rate=51e3)
    assert shown_state(some) is PullState.DOWNLOADING
    assert pull_words(some, 22) == ("held by the cap", "held")
    assert pull_words(some, 13) == ("capped", "held")
    assert shown_state(replace(some, rate=0.0)) is PullState.WAITING


def test_connections_are_counted_in_whole_words_or_in_whole_short_ones() -> None:
    blob = busy_blob(troubled=False)
    assert [blob_words(blob, room)[0] for room in (14, 13)] == ["16 connections", "16 conns"]


def test_a_blob_between_two_connections_does_not_wait() -> None:
    free = msgspec.structs.replace(busy_blob(troubled=False), connections=0, stalled=0, retrying=0)
    assert blob_words(msgspec.structs.replace(free, rate=0.0), 40)[0] == "waiting"
    assert blob_words(msgspec.structs.replace(free, rate=5.0), 40)[0] == "downloading"


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


def test_what_waits_for_its_host_and_what_connects_is_counted() -> None:
    blob = replace(busy_blob(troubled=False), retrying=3, waiting=64)
    assert blob_words(blob, 40)[0] == "3 retrying, 64 waiting"
    fresh = replace(busy_blob(troubled=False), connections=8, connecting=8, rate=0.0)
    assert blob_words(fresh, 40)[0] == "connecting"
    assert blob_words(replace(fresh, reconnecting=8), 40)[0] == "8 reconnecting"


def test_a_host_that_does_not_answer_is_not_us_offline() -> None:
    waiting = Waiting("connection refused by h:1", 1.2, "offline")
    assert waiting_briefly(waiting, 60) == "connection refused by h:1, next try in 2 s"
    assert waiting_briefly(waiting, 30) == "no answer, next try in 2 s"


def test_what_was_done_at_once_says_so() -> None:
    assert pull_words(pull(1, "m", PullState.DONE, 5, 5, seconds=0.2), 40)[0] == "done at once"
