"""When the terminal rings, and that no name or reason gets out of what it is told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.bell import PAUSE, Bell, notification
from pulltui.engine.views import Event, EventKind

XTERM = {"TERM": "xterm-256color"}


def done(name: str = "tiny", **fields: Any) -> Event:
    return Event(seq=1, at=0.0, kind=EventKind.DONE, name=name, size=3_300_000_000, **fields)


def failed(name: str = "big", why: str = "404") -> Event:
    return Event(seq=1, at=0.0, kind=EventKind.FAILED, name=name, why=why)


def test_it_rings_with_a_notification_when_a_pull_is_done_or_failed() -> None:
    assert Bell(XTERM).take([done()], 0, wanted=True) == "\x1b]9;pulltui: tiny is done, 3.30 GB\a\a"
    assert Bell(XTERM).take([failed()], 0, wanted=True) == "\x1b]9;pulltui: big failed: 404\a\a"


def test_nothing_else_rings() -> None:
    others = [kind for kind in EventKind if kind not in (EventKind.DONE, EventKind.FAILED)]
    events = [Event(seq=1, at=0.0, kind=kind, name="tiny") for kind in others]
    assert Bell(XTERM).take(events, 0, wanted=True) == ""


def test_what_follows_soon_is_told_together() -> None:
    bell = Bell(XTERM)
    assert bell.take([done("a")], 100, wanted=True)
    assert bell.take([done("b")], 100.5, wanted=True) == ""
    assert bell.take([failed("c"), done("d")], 101, wanted=True) == ""
    assert bell.take([], 100 + PAUSE, wanted=True) == "\x1b]9;pulltui: 2 done, 1 failed\a\a"
    assert bell.take([], 200, wanted=True) == ""


def test_switched_off_it_is_silent_and_forgets() -> None:
    bell = Bell(XTERM)
    assert bell.take([done()], 0, wanted=False) == ""
    assert bell.take([], 10, wanted=True) == ""


@pytest.mark.parametrize("environ", [{}, {"TERM": "dumb"}, {"TERM": "linux"}])
def test_terminals_that_would_print_it_get_the_bell_alone(environ: dict[str, str]) -> None:
    assert Bell(environ).take([done()], 0, wanted=True) == "\a"


HOSTILE = ["\a", "\x1b\\", "\x9c", "\x1b]2;owned\a", "\x1b[2J", "4;3;100", "\r\n\x18\x1a", "\u202e", "\ud800"]
WHOLE = re.compile(r"\x1b\]9;pulltui: [^;]*\a")


@pytest.mark.parametrize("text", [*HOSTILE, "x" * 10_000])
def test_hostile_names_and_reasons_stay_inside(text: str) -> None:
    for event in (done(text), failed(text), failed("tiny", text)):
        rung = Bell(XTERM).take([event], 0, wanted=True)
        assert rung.endswith("\a\a")
        assert WHOLE.fullmatch(rung[:-1])
        assert rung[2:-2].isprintable()
        assert len(rung) < 200


@given(st.text(st.characters() | st.sampled_from("\a\x1b\\;]\x9c\x9d\x18")))
def test_nothing_in_the_words_ends_the_sequence(words: str) -> None:
    sequence = notification(words)
    assert WHOLE.fullmatch(sequence)
    assert sequence[2:-1].isprintable()
