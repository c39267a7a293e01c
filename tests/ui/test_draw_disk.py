"""What the screen says of a disk that does not keep up, and of a pull whose turn comes."""

from __future__ import annotations

import msgspec
from pulltui.engine.views import BlobState, PartState, PartView, PullState, Waiting
from pulltui.ui.draw.detail import status
from pulltui.ui.draw.facts import Fact, facts
from pulltui.ui.draw.header import header_line
from pulltui.ui.draw.parts import part_trouble, usual_rate
from pulltui.ui.filter import parse
from pulltui.ui.glyphs import UNICODE
from pulltui.ui.words import BY_DISK, blob_words, pull_words
from support.scenes import busy_blob, busy_pull, view

WHY = "it takes 5.00 MB/s, its last sync took 2.1 s"
BLOB = msgspec.structs.replace(busy_blob(troubled=False), disk=True, state=BlobState.DOWNLOADING)
PULL = msgspec.structs.replace(busy_pull(), blobs=(BLOB,), disk=WHY, state=PullState.DOWNLOADING)


def part(rate: float, why: str = "") -> PartView:
    return PartView(n=1, offset=0, size=100, done=10, state=PartState.RECEIVING, rate=rate, why=why)


def test_rows_say_that_the_disk_holds_them_back() -> None:
    assert pull_words(PULL, 22) == (BY_DISK, "held")
    assert pull_words(PULL, 14) == ("disk is slow", "held")
    assert blob_words(BLOB, 22) == (BY_DISK, "held")
    assert parse("state:disk").matches(PULL)


def test_worse_trouble_is_said_first() -> None:
    stalled = msgspec.structs.replace(PULL, blobs=(msgspec.structs.replace(BLOB, stalled=1),))
    assert pull_words(stalled, 22)[0] == "1 stalled"


def test_details_say_how_fast_the_disk_is() -> None:
    said = [sentence.text for sentence in status(view(PULL), PULL, None, {})]
    assert f"held by the disk: {WHY}. The network waits, and is not to blame." in said
    assert Fact("disk", f"holds it back: {WHY}", "held") in facts(view(PULL), PULL, None)
    assert not any(fact.label == "disk" for fact in facts(view(busy_pull()), busy_pull(), None))


def test_the_header_says_it_too() -> None:
    scene = msgspec.structs.replace(view(PULL), disk=WHY)
    assert BY_DISK in header_line(scene, [], 100, UNICODE).text
    assert BY_DISK not in header_line(view(PULL), [], 100, UNICODE).text


def test_what_the_disk_holds_back_is_never_slow_nor_a_measure() -> None:
    held = [part(1.0, BY_DISK) for _ in range(8)]
    assert usual_rate(held) == 0.0
    assert part_trouble(held[0], 100.0) == (BY_DISK, "held")


def test_a_pull_whose_turn_comes_says_so_and_offers_no_retry() -> None:
    waiting = Waiting("its turn comes: all 64 connections are with llama3.2:3b", kind="connections")
    waits = msgspec.structs.replace(busy_pull(), waiting=waiting, rate=0.0, state=PullState.DOWNLOADING)
    assert pull_words(waits, 80)[0] == f"waiting: {waiting.why}"
    assert pull_words(waits, 22)[0] == "its turn comes"
    said = [sentence.text for sentence in status(view(waits), waits, None, {})]
    assert said[0] == waiting.why
    assert not any("tries now" in text for text in said)
