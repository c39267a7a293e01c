"""The terminal is whole after every way to end, everything is saved, and the exit code says why it ended."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from support.terminals import Terminal

SCRIPT = str(Path(__file__).resolve().parents[1] / "support" / "pty_app.py")
LAST_OF_FRAME = b"quit"
"""The footer's last word."""


def assert_whole(terminal: Terminal) -> None:
    """The screen, the cursor, the mouse and the modes are as they were."""
    screen = terminal.screen
    for mode, on, off in ((b"1049", b"h", b"l"), (b"25", b"l", b"h"), (b"1000", b"h", b"l")):
        begun, ended = (screen.rfind(b"\x1b[?" + mode + way) for way in (on, off))
        assert ended > begun > -1, mode
    assert terminal.modes_now() == terminal.modes


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)
def test_signals_save_and_restore(number: signal.Signals, code: int) -> None:
    with Terminal([SCRIPT, "20"]) as terminal:
        terminal.read_until(screen=LAST_OF_FRAME)
        terminal.signal(number)
        assert terminal.read_to_end() == code
        assert terminal.told.splitlines() == [b"request_stop", b"stop"]
        assert_whole(terminal)


@pytest.mark.parametrize("keys", ["q", "\x03", "\x11"], ids=["q", "ctrl+c", "ctrl+q"])
def test_quitting_by_key(keys: str) -> None:
    with Terminal([SCRIPT, "20"]) as terminal:
        terminal.read_until(screen=LAST_OF_FRAME)
        terminal.press(keys)
        assert terminal.read_to_end() == 0
        assert terminal.told.splitlines()[0] == b"stop"
        assert_whole(terminal)


@pytest.mark.parametrize("controlling", [True, False])
def test_a_closed_window_saves_and_ends(controlling: bool) -> None:
    with Terminal([SCRIPT, "20"], controlling=controlling) as terminal:
        terminal.read_until(screen=LAST_OF_FRAME)
        terminal.hang_up()
        assert terminal.read_to_end() == 129
        assert terminal.told.splitlines()[0] == b"request_stop"


def test_a_broken_app_saves_restores_and_says_what_broke() -> None:
    with Terminal([SCRIPT, "20", "broken"]) as terminal:
        assert terminal.read_to_end() == 1
        assert terminal.told.splitlines() == [b"stop"]
        assert b"this app is broken" in terminal.screen
        assert_whole(terminal)


def test_a_dead_engine_ends_the_app() -> None:
    with Terminal([SCRIPT, "20", "dead"]) as terminal:
        assert terminal.read_to_end() == 1
        assert_whole(terminal)


def test_it_says_that_it_saves_as_long_as_it_does_and_ctrl_c_ends_at_once() -> None:
    with Terminal([SCRIPT, "20", "slow"]) as terminal:
        terminal.read_until(screen=LAST_OF_FRAME)
        terminal.press("q")
        terminal.read_until(screen=b"so far")
        terminal.press("\x03")
        assert terminal.read_to_end() == 130
        assert b"ended before the engine had recorded everything" in terminal.screen
        assert_whole(terminal)


def test_a_terminal_that_stopped_reading_does_not_hold_it_up() -> None:
    with Terminal([SCRIPT, "0.2", "busy"], size=(200, 60)) as terminal:
        terminal.read_until(told=b"blocked", reading=False)
        terminal.signal(signal.SIGTERM)
        terminal.read_until(told=b"request_stop", reading=False)
        assert terminal.process.wait(30) == 143
        terminal.read_until(told=b"stop\n", reading=False)
        assert terminal.modes_now() == terminal.modes


def test_no_color_sends_no_colours() -> None:
    with Terminal([SCRIPT, "20"], environ={"NO_COLOR": "1"}) as terminal:
        terminal.read_until(screen=LAST_OF_FRAME)
        terminal.press("?")
        terminal.read_until(screen=b"Help")
        terminal.press("qa")
        terminal.read_until(screen=b"Add models")
        terminal.press("\x03")
        assert terminal.read_to_end() == 0
    codes = {code for found in re.findall(rb"\x1b\[([\d;]*)m", terminal.screen) for code in found.split(b";")}
    assert codes <= {b"", b"0", b"1", b"2", b"4", b"7", b"39", b"49"}


def test_colours_are_sent_otherwise() -> None:
    with Terminal([SCRIPT, "20"]) as terminal:
        terminal.read_until(screen=LAST_OF_FRAME)
        assert b"\x1b[38;" in terminal.screen or b";38;" in terminal.screen
