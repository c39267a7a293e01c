"""Leaving the terminal to somebody else for a while: an editor, the shell."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from support.terminals import Terminal

SCRIPT = str(Path(__file__).resolve().parents[1] / "support" / "pty_app.py")
LAST_OF_FRAME = b"quit"


def test_e_gives_the_terminal_to_the_editor_and_takes_it_back(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf \'[ui]\\nfps = 2\\n\' > "$2"; printf "edited $1" >&2; stty -a >&2\n')
    editor.chmod(0o755)
    with Terminal([SCRIPT, "20", str(tmp_path)], environ={"EDITOR": f"{editor} --wait"}) as terminal:
        terminal.read_until(screen=LAST_OF_FRAME)
        terminal.press("e")
        terminal.read_until(screen=b"edited --wait")
        before, _, after = terminal.screen.partition(b"edited --wait")
        assert before.rfind(b"\x1b[?1049l") > before.rfind(b"\x1b[?1049h"), "the editor has the normal screen"
        terminal.screen = after
        terminal.read_until(screen=b"\x1b[?1049h")
        assert b" echo " in terminal.screen and b" icanon" in terminal.screen, "and its modes"
        terminal.read_until(screen=LAST_OF_FRAME)
        assert (tmp_path / "config.toml").read_text() == "[ui]\nfps = 2\n"
        terminal.press("q")
        assert terminal.read_to_end() == 0


def test_an_editor_that_is_not_there_is_said(tmp_path: Path) -> None:
    with Terminal([SCRIPT, "20", str(tmp_path)], environ={"EDITOR": "/nowhere/ed"}) as terminal:
        terminal.read_until(screen=LAST_OF_FRAME)
        terminal.press("e")
        terminal.read_until(screen=b"cannot be started")
        terminal.press("q")
        assert terminal.read_to_end() == 0


def test_ctrl_z_works_in_the_log_as_well() -> None:
    with Terminal([SCRIPT, "20"]) as terminal:
        terminal.read_until(screen=LAST_OF_FRAME)
        terminal.press("l")
        terminal.read_until(screen=b"newest")
        terminal.press("\x1a")
        _, status = os.waitpid(terminal.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        terminal.read_until(screen=b"\x1b[?1049l")
        terminal.screen = b""
        terminal.signal(signal.SIGCONT)
        terminal.read_until(screen=b"newest")
        terminal.press("\x03")
        assert terminal.read_to_end() == 0


def test_ctrl_z_stops_it_with_the_terminal_whole_and_it_comes_back_drawn() -> None:
    with Terminal([SCRIPT, "20"]) as terminal:
        terminal.read_until(screen=LAST_OF_FRAME)
        terminal.press("\x1a")
        _, status = os.waitpid(terminal.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert terminal.modes_now() == terminal.modes
        terminal.read_until(screen=b"\x1b[?1049l")
        terminal.screen = b""
        terminal.signal(signal.SIGCONT)
        terminal.read_until(screen=LAST_OF_FRAME)
        assert b"\x1b[?1049h" in terminal.screen and b"qwen3" in terminal.screen
        terminal.press("q")
        assert terminal.read_to_end() == 0
