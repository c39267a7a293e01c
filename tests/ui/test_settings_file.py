"""The settings file while it is edited: judged, kept as it is, never written over somebody's edit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulltui_config.saving import ChangedMeanwhileError, NotSavedError
from pulltui_config.template import template
from support.settings import make_file


def messages(tmp_path: Path, text: str, **more: Any) -> list[tuple[int | None, str, str]]:
    file = make_file(tmp_path, **more)
    return [(each.line, each.key, each.severity) for each in file.judge(text).problems]


def test_a_new_file_is_the_template(tmp_path: Path) -> None:
    file = make_file(tmp_path)
    assert file.read() == template() == file.path.read_text()
    assert file.judge(file.read()).problems == ()


@pytest.mark.parametrize("text", ["", "[ui]\nfps = 1\n", "[ui]\r\nfps = 1\r\n", "\ufeff# x", "# \t x"])
def test_what_is_not_changed_is_kept_to_the_byte(tmp_path: Path, text: str) -> None:
    file = make_file(tmp_path, text)
    there = file.read()
    assert not there.startswith("\ufeff")
    file.save(there)
    assert file.path.read_bytes() == text.encode()
    file.save(there + "# more")
    assert file.path.read_bytes() == text.encode() + b"# more"


def test_a_home_that_cannot_be_written_is_no_reason_not_to_look(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where the directory should be")
    file = make_file(tmp_path / "config" / "below")
    text = file.read()
    assert text == template()
    with pytest.raises(NotSavedError):
        file.save(text)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"# \xff", "not UTF-8"),
        (b"a = 1\r\nb = 2\n", "line"),
        ("a = '\u2028'\n".encode(), "line"),
        (b"# \x0c\n", "line"),
    ],
)
def test_what_the_editor_could_not_give_back_is_not_edited(tmp_path: Path, source: bytes, why: str) -> None:
    file = make_file(tmp_path, source)
    with pytest.raises(NotSavedError, match=why) as refused:
        file.read()
    assert "pulltui config edit" in str(refused.value)
    assert file.path.read_bytes() == source


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    file = make_file(tmp_path, "[ui]\n")
    file.read()
    file.path.write_text("[ui]\nfps = 2\n")
    with pytest.raises(ChangedMeanwhileError):
        file.save("[ui]\nfps = 3\n")
    assert file.path.read_text() == "[ui]\nfps = 2\n"
    file.read()
    file.save("[ui]\nfps = 3\n")
    file.save("[ui]\nfps = 4\n")
    assert file.path.read_text() == "[ui]\nfps = 4\n"


def test_problems_have_their_lines(tmp_path: Path) -> None:
    text = "[transfer]\nconnections = 65\n[ui]\nfsp = 1\n"
    assert messages(tmp_path, text) == [
        (2, "transfer.connections", "error"),
        (4, "ui.fsp", "warning"),
    ]
    assert messages(tmp_path, "[ui\n") == [(1, "", "error")]


def test_a_theme_that_does_not_exist_is_a_problem(tmp_path: Path) -> None:
    file = make_file(tmp_path)
    (problem,) = file.judge('[ui]\n\ntheme = "nrod"\n').problems
    assert (problem.line, problem.key) == (3, "ui.theme")
    assert "nord" in problem.message
    assert file.judge('[ui]\ntheme = "nord"\n').problems == ()


def test_keys_that_cannot_be_used_are_problems(tmp_path: Path) -> None:
    file = make_file(tmp_path)
    (problem,) = file.judge('[ui]\n\nkeys = { quit = ["x"], help = ["x"] }\n').problems
    assert problem.line == 3
    assert problem.key.startswith("ui.keys")


def test_a_line_that_does_not_count_says_so(tmp_path: Path) -> None:
    text = "[ui]\nfps = 3\n[transfer]\nactive_pulls = 4\n"
    file = make_file(tmp_path, text, env={"PULLTUI_UI_FPS": "7"}, flags={"transfer.active_pulls": 1})
    first, second = file.judge(text).problems
    assert (first.line, first.severity) == (2, "warning")
    assert "PULLTUI_UI_FPS in the environment counts" in first.message
    assert (second.line, "a flag of this start counts" in second.message) == (4, True)
    assert file.judge("").problems == ()


def test_half_a_surrogate_is_no_crash(tmp_path: Path) -> None:
    assert messages(tmp_path, "a = '\udc80'\n")
    file = make_file(tmp_path, "")
    file.read()
    with pytest.raises(NotSavedError, match="halves of characters"):
        file.save("a = '\udc80'\n")
    assert file.path.read_bytes() == b""
