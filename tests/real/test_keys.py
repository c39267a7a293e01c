"""Every key of the footer and the help in a real terminal (tmux), over the demo that stalls and breaks."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from pulltui.ui.keymap import ACTIONS
from support.command import command_env
from support.tmux import Terminal

pytestmark = pytest.mark.real

PATIENCE = 30.0
FAULTS = "link@500KB/s,rate@1MB/s,stall=1/4@1MB*4,reset=1/6@4MB*2,502=1/10*2"

CLOSED = r"\A(?s:(?!.*╭).*)\? help  q quit"
"""No dialog is open."""
STEPS = (
    ("?", r"─ Help ─"),
    ("Escape", CLOSED),
    ("J", r"(?s)meadow.*▌ . 127.*harbor:latest"),
    ("u", r"undone: moving"),
    ("K", r"(?s)▌ . 127.*harbor:latest"),
    ("p", r"harbor:latest .*paused"),
    ("!", r"\bturn\b"),
    ("p", r"harbor:latest .*(queued|downloading|waiting)"),
    ("P", r"paused(?s:.*)paused(?s:.*)paused(?s:.*)paused"),
    ("r", r"p goes on"),
    ("R", r"nothing has failed"),
    ("P", r"downloading"),
    ("[", r"cap [\d.]+ [KMG]B/s"),
    ("]", r"cap [\d.]+ [KMG]B/s"),
    ("T", r"no cap"),
    ("t", r"─ Cap ─"),
    ("Escape", CLOSED),
    ("Space", r"1 marked"),
    ("*", r"4 marked"),
    ("Escape", r"Failed 0 *\n"),
    ("2", r"\[2:Active \d\]"),
    ("3", r"\[3:Queued \d\]"),
    ("4", r"\[4:Done \d\]"),
    ("5", r"\[5:Failed \d\]"),
    ("1", r"\[1:All 4\]"),
    ("s", r"by name ▲"),
    ("S", r"by name ▼"),
    ("J", r"the queue is sorted by name"),
    ("S", r"by name ▲"),
    ("/", r"part of a name"),
    ("m", r"/ m"),
    ("Enter", r"\? help  q quit"),
    ("Escape", r"Failed 0 +by name ▲ *\n"),
    ("Enter", r"(?m)\A.*\n.*\n▌"),
    ("Escape", r"(?m)^ +model"),
    ("Tab", r"\[parts\]"),
    ("Tab", r"\[details\]"),
    ("Tab", r"\[log\]"),
    ("Tab", r"─ details ─"),
    ("y", r"sha256:[0-9a-f]{64}|▌ sha256:"),
    ("Y", r"/blobs/"),
    ("o", r"/blobs/sha256-|models/blobs"),
    ("l", r"esc back"),
    ("f", r"follows"),
    ("Escape", CLOSED),
    ("I", r"Ollama has left nothing"),
    ("C-p", r"─ Find ─"),
    ("Escape", CLOSED),
    (":", r"─ Find ─"),
    ("Escape", CLOSED),
    (",", r"stall_timeout = 5"),
    ("C-t", r"\[storage\] is a table"),
    ("C-f", r"─ Find ─"),
    ("anim", r"▌ ui\.animations"),
    ("Enter", r"It is not in this file"),
    ("F4", r"animations = false"),
    ("C-l", r"animations = true"),
    ("C-n", r"There is no problem"),
    ("C-r", r"(?m)\A settings .*[^n]saved *$"),
    ("C-o", r"Nothing has changed"),
    ("Escape", CLOSED),
    ("e", r"edited"),
    ("Enter", CLOSED),
    ("a", r"─ Add models ─"),
    ("Escape", CLOSED),
    ("D", r"(?s)Delete 127.*Cancel"),
    ("Escape", CLOSED),
    ("d", r"\[1:All 3\]"),
    ("u", r"\[1:All 4\]"),
    ("c", r"nothing is done yet|cleared"),
    ("G", r"▌[^\n]*\n─"),
    ("g", r"left *\n▌"),
)
"""Keys as tmux calls them, and what is on the screen then, at 120 by 40."""

_TMUX = {"slash": "/", "comma": ",", "question_mark": "?", "colon": ":", "exclamation_mark": "!"}
_TMUX |= {"asterisk": "*", "left_square_bracket": "[", "right_square_bracket": "]", "ctrl+p": "C-p"}
_TMUX |= {"enter": "Enter", "escape": "Escape", "tab": "Tab", "space": "Space"}
_ELSEWHERE = {"quit", "suspend", "down", "up", "page_down", "page_up"}
"""Pressed below, or in tests/ui/test_suspending.py."""


def test_every_key_does_what_it_says(tmp_path: Path) -> None:
    directory = tmp_path / "t"
    directory.mkdir()
    command = [sys.executable, "-m", "pulltui", "demo", "--faults", FAULTS]
    env = command_env(tmp_path, EDITOR="sh -c 'echo edited; read line'", LANG="C.UTF-8")
    with Terminal(command, env, directory) as terminal:
        terminal.wait(lambda screen: "downloading" in screen and "parts" in screen, PATIENCE)
        for number, (key, seen) in enumerate(STEPS):
            terminal.keys(key)
            try:
                terminal.wait(lambda screen, seen=seen: re.search(seen, screen) is not None, PATIENCE)  # type: ignore[misc]
            except TimeoutError as error:
                pytest.fail(f"step {number}, {key}: no {seen}: {error}")
        before = terminal.wait(lambda screen: "▌" in screen, PATIENCE)
        for key in ("Down", "Down", "Up", "j", "k", "PageDown", "PageUp", "Home", "End"):
            terminal.keys(key)
        terminal.wait(lambda screen: screen.find("▌") not in (-1, before.index("▌")), PATIENCE)
        terminal.keys("q")
        terminal.wait(lambda _: False, PATIENCE)
        assert terminal.code == 0


def test_no_key_is_left_out() -> None:
    pressed = {key for key, _ in STEPS}
    for name, action in ACTIONS.items():
        keys = {_TMUX.get(key, key.replace("ctrl+", "C-")) for key in action.keys}
        assert keys & pressed or name in _ELSEWHERE, name
