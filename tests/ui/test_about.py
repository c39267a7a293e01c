"""What the pane beside the settings says about a key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulltui.ui.draw.about import about_lines, full_text, problem_lines, short_text
from pulltui.ui.glyphs import ASCII, UNICODE
from pulltui_config import Problem
from pulltui_config.kinds import every_setting
from rich.cells import cell_len
from support.settings import make_start


def about(place: tuple[str, ...], tmp_path: Path, text: str = "", width: int = 60, **more: Any) -> str:
    start = make_start(tmp_path, text, **more)
    lines = about_lines(place, start.loaded, start.loaded, width, UNICODE)
    return "\n".join(line.text.rstrip() for line in lines)


def test_a_setting_has_its_facts(tmp_path: Path) -> None:
    text = about(("transfer", "active_pulls"), tmp_path, "[transfer]\nactive_pulls = 5\n")
    assert text.splitlines() == [
        "transfer.active_pulls",
        "How many pulls download at once; the others wait.",
        "in force  5 (from config.toml)",
        "allowed   1 to 16",
        "default   2",
        "a change  counts at once",
    ]


def test_where_lines_are_few_what_is_in_force_stands_in_the_first(tmp_path: Path) -> None:
    start = make_start(tmp_path, "[transfer]\nactive_pulls = 5\n")
    place = ("transfer", "active_pulls")
    for width, first in (
        (50, "transfer.active_pulls  5 (from config.toml)"),
        (38, "transfer.active_pulls  5 (from config…"),
        (22, "transfer.active_pulls"),
    ):
        lines = about_lines(place, start.loaded, start.loaded, width, UNICODE, brief=True)
        assert lines[0].text == first
    assert not any(line.text.startswith("in force") for line in lines)


def test_what_is_in_force_says_where_from(tmp_path: Path) -> None:
    place = ("ui", "fps")
    assert "in force  10 (default)" in about(place, tmp_path)
    assert "in force  7 (environment PULLTUI_UI_FPS)" in about(
        place, tmp_path, "[ui]\nfps = 2\n", env={"PULLTUI_UI_FPS": "7"}
    )
    assert "in force  4 (flag)" in about(place, tmp_path, flags={"ui.fps": 4})


def test_what_counts_from_the_next_start_says_both(tmp_path: Path) -> None:
    began = make_start(tmp_path, '[network]\nproxy = "http://ada:secret@old:1"\n')
    now = make_start(tmp_path, '[network]\nproxy = "http://new:1"\n')
    lines = about_lines(("network", "proxy"), now.loaded, began.loaded, 70, UNICODE)
    text = "\n".join(line.text for line in lines)
    assert 'in force  "http://***@old:1" (from config.toml)' in text
    assert 'next      "http://new:1" from the next start' in text
    assert "a change  counts from the next start" in text
    assert "secret" not in text


def test_themes_and_actions_are_listed(tmp_path: Path) -> None:
    assert "pulltui-dark, pulltui-light" in about(("ui", "theme"), tmp_path)
    assert "actions are add, pause, pause_all" in about(("ui", "keys"), tmp_path)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((), "remove the # to change it"),
        ((), "tables    storage, transfer, retry"),
        (("transfer",), "How blobs are fetched."),
        (("schedule",), "schedule"),
        (("schedule", "days"), "Days it begins on"),
        (("schedule", "nights"), "no such key"),
        (("transfer", "speed"), "no such setting"),
        (("nothing",), "no such table"),
        (("nothing", "more"), "no such table"),
    ],
)
def test_every_line_has_something_to_say(place: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    assert expected in about(place, tmp_path)


@pytest.mark.parametrize("width", [12, 20, 24, 43, 80])
def test_no_line_is_longer_than_there_is_room(width: int, tmp_path: Path) -> None:
    start = make_start(tmp_path, "")
    for place in [*every_setting(), ("ui",), (), ("x\x1b]2;y\x07", "z" * 100)]:
        for line in about_lines(place, start.loaded, start.loaded, width, ASCII):
            assert cell_len(line.text) <= width, (place, line.text)
            assert line.text.isprintable()


def problem(**changes: Any) -> Problem:
    given: dict[str, Any] = {
        "where": "file",
        "source": "x",
        "key": "ui.fps",
        "message": "65 is not allowed",
        "line": 4,
    }
    return Problem(**(given | changes))


def test_a_problem_has_glyph_line_and_advice() -> None:
    lines = problem_lines([problem(allowed="1 to 10", hint="write less")], 80, UNICODE)
    assert [line.text for line in lines] == [
        "✗ line 4: ui.fps: 65 is not allowed; allowed: 1 to 10 (write less)"
    ]
    assert {span.role for span in lines[0].spans} == {"bad"}
    (line,) = problem_lines([problem(severity="warning", line=None)], 80, ASCII)
    assert line.text == "! ui.fps: 65 is not allowed"
    assert [cell_len(line.text) <= 20 for line in problem_lines([problem(hint="a " * 40)], 20, ASCII)]


def test_what_stands_behind_the_line_is_short_and_clean() -> None:
    assert short_text(problem(allowed="1 to 10")) == "65 is not allowed; allowed: 1 to 10"
    assert short_text(problem(allowed="1 to 10", hint="did you mean 6?")) == (
        "65 is not allowed; did you mean 6?"
    )
    nasty = problem(message="\x1b]2;x\x07[bold]no")
    assert short_text(nasty).isprintable() and "[bold]" in short_text(nasty)
    assert full_text(nasty).isprintable()
