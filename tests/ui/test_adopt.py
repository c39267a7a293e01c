"""The offer to take over what Ollama has begun."""

from __future__ import annotations

import pytest
from pulltui.engine.views import PartialView
from pulltui.ui.glyphs import UNICODE
from pulltui.ui.screens.adopt import AdoptDialog, adopt_lines
from rich.cells import cell_len
from support.dialogs import DialogApp, text_of
from support.scenes import GB, digest

FOUND = (
    PartialView(digest(1), 20 * GB, 12 * GB, 7200.0, "ollama"),
    PartialView(digest(2), 9 * GB, GB, 20.0, "ollama", why="Ollama has it open"),
)


def test_it_says_how_far_each_is_how_old_and_why_not() -> None:
    texts = [line.text for line in adopt_lines(FOUND, 70, UNICODE)]
    assert texts[0].split() == ["9e3779b9", "12.0", "GB", "of", "20.0", "GB", "60%", "2h00m", "old"]
    assert texts[2] == "  Ollama has it open"
    assert "handback" in " ".join(texts)


def test_many_are_counted_and_lines_fit() -> None:
    many = [PartialView(digest(n), GB, 0, 1.0, "ollama", why="open in another program") for n in range(12)]
    for width in (36, 74):
        lines = adopt_lines(many, width, UNICODE)
        assert all(cell_len(line.text) <= width for line in lines), width
    assert any("and 4 others" in line.text for line in adopt_lines(many, 74, UNICODE))


@pytest.mark.parametrize(
    ("keys", "answer"),
    [(("y",), (digest(1),)), (("n",), None), (("escape",), None), (("enter",), None)],
)
async def test_only_those_that_are_free_are_taken(keys: tuple[str, ...], answer: object) -> None:
    app = DialogApp(lambda: AdoptDialog(UNICODE, FOUND))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys)
        assert app.answers == [answer]


async def test_with_none_there_is_nothing_to_take() -> None:
    app = DialogApp(lambda: AdoptDialog(UNICODE, ()))
    async with app.run_test(size=(40, 8)) as pilot:
        assert "none" in text_of(app, "said")
        await pilot.press("y")
        assert app.answers == []
        await pilot.press("enter")
        assert app.answers == [None]


async def test_a_long_list_scrolls_above_its_buttons() -> None:
    many = [PartialView(digest(n), GB, 0, 1.0, "ollama") for n in range(8)]
    app = DialogApp(lambda: AdoptDialog(UNICODE, many))
    async with app.run_test(size=(40, 8)) as pilot:
        frame, buttons = app.screen.query_one("#frame"), app.screen.query_one("#buttons")
        assert frame.scroll_offset.y == 0 and frame.max_scroll_y > 0
        await pilot.press(*["down"] * 30)
        await pilot.pause()
        assert frame.scroll_offset.y == frame.max_scroll_y
        said = app.screen.query_one("#said")
        assert said.region.bottom <= buttons.region.y
        assert buttons.region.bottom == frame.region.bottom - 1
