"""The help: all keys in groups, all glyphs, at every size."""

from __future__ import annotations

import pytest
from pulltui.engine.tuning import Tuning
from pulltui.ui.glyphs import ASCII, UNICODE, Glyphs
from pulltui.ui.keymap import resolve
from pulltui.ui.screens.help import HelpDialog, help_lines
from rich.cells import cell_len
from support.dialogs import DialogApp, text_of

WHAT = "Pause all; again resumes what that has paused, and only that"
GROUPS = [("Pulls", [("a", "Add models"), ("P", WHAT)]), ("Moving about", [("pagedown", "A screen down")])]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("width", [30, 46, 74])
def test_it_is_whole_at_every_width(width: int, glyphs: Glyphs) -> None:
    lines = [line.text for line in help_lines(GROUPS, width, glyphs)]
    assert max(map(cell_len, lines)) <= width
    told = " ".join(" ".join(lines).split())
    assert WHAT in told and "Moving about" in told
    assert "A cell of the map shows the worst state of what lies in its bytes." in told
    assert all(
        glyph in told for glyph in (*glyphs.pull.values(), *glyphs.blob.values(), *glyphs.part.values())
    )


def test_it_says_when_a_part_is_quiet_as_the_engine_does() -> None:
    lines = [line.text for line in help_lines(GROUPS, 74, UNICODE)]
    assert any(f"quiet for {Tuning().quiet_after:g} s" in line for line in lines)


@pytest.mark.parametrize("size", [(40, 8), (60, 20), (120, 36)])
async def test_it_scrolls_to_its_end(size: tuple[int, int]) -> None:
    app = DialogApp(lambda: HelpDialog(UNICODE, GROUPS, resolve({})))
    async with app.run_test(size=size) as pilot:
        await pilot.press("end")
        await pilot.pause()
        frame = app.screen.query_one("#frame")
        assert frame.region.height <= size[1]
        assert frame.scroll_offset.y == frame.max_scroll_y
        await pilot.press("home")
        await pilot.pause()
        assert frame.scroll_offset.y == 0
        await pilot.press("escape")
        assert app.answers == [None]


async def test_a_resized_terminal_wraps_it_anew() -> None:
    app = DialogApp(lambda: HelpDialog(UNICODE, GROUPS, resolve({})))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.resize_terminal(44, 20)
        await pilot.pause()
        assert max(cell_len(line) for line in text_of(app, "help").splitlines()) <= 40


@pytest.mark.parametrize("key", ["f1", "x", "escape", "enter"])
async def test_it_moves_and_closes_by_the_keys_that_were_configured(key: str) -> None:
    keymap = resolve({"help": ("f1",), "quit": ("x",), "down": ("n",)})
    app = DialogApp(lambda: HelpDialog(UNICODE, GROUPS, keymap))
    async with app.run_test(size=(40, 8)) as pilot:
        await pilot.press("n")
        await pilot.pause()
        assert app.screen.query_one("#frame").scroll_offset.y == 1
        await pilot.press("q", key)
        assert app.answers == [None]
