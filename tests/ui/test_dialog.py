"""What all dialogs have in common: they fit, they cannot be tricked by a title, they follow the size."""

from __future__ import annotations

import pytest
from pulltui.ui.glyphs import ASCII, UNICODE
from pulltui.ui.screens.choice import Choice, ChoiceDialog
from pulltui.ui.screens.dialog import Dialog
from pulltui.ui.screens.notices import NoticesDialog
from rich.cells import cell_len
from support.dialogs import DialogApp, text_of
from textual.events import Key

SIZES = [(40, 8), (59, 40), (80, 15), (60, 16), (120, 36)]


def drawn(app: DialogApp) -> list[str]:
    """The screen, line by line."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


@pytest.mark.parametrize("size", SIZES)
async def test_small_terminals_give_all_they_have(size: tuple[int, int]) -> None:
    app = DialogApp(lambda: NoticesDialog(UNICODE, ["something " * 9, "else " * 9]))
    async with app.run_test(size=size):
        frame = app.screen.query_one("#frame")
        assert (frame.region.size == size) is (size[0] < 60 or size[1] < 16)
        assert frame.region.width <= size[0]
        assert all(cell_len(line) <= frame.size.width for line in text_of(app, "notices").splitlines())


async def test_it_grows_out_of_the_whole_screen_and_back() -> None:
    app = DialogApp(lambda: NoticesDialog(UNICODE, ["something " * 9]))
    async with app.run_test(size=(40, 8)) as pilot:
        narrow = text_of(app, "notices")
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert app.screen.query_one("#frame").region.size == (78, 4)
        assert len(text_of(app, "notices").splitlines()) < len(narrow.splitlines())
        await pilot.resize_terminal(40, 8)
        await pilot.pause()
        assert text_of(app, "notices") == narrow


async def test_keys_in_quick_succession_answer_once_and_close_nothing_else() -> None:
    app = DialogApp(
        lambda: ChoiceDialog(UNICODE, "?", "", [Choice("yes", "y", "Yes"), Choice("no", "n", "No")])
    )
    async with app.run_test(size=(80, 24)) as pilot:
        for key in ("n", "y", "y"):  # all there before the first is looked at
            app.screen.post_message(Key(key, key))
        await pilot.pause()
        assert app.answers == ["no"] and len(app.screen_stack) == 1


async def test_a_title_is_no_markup_and_no_longer_than_the_frame() -> None:
    title = "[red]Delete[/] [@click=app.quit]" + "x" * 200
    app = DialogApp(lambda: ChoiceDialog(UNICODE, title, "", [Choice("yes", "y", "Yes")]))
    async with app.run_test(size=(80, 24)):
        (top,) = [line for line in drawn(app) if "╭" in line]
        assert "[red]Delete[/] [@click=app.qu" in top and "…xxx" in top


async def test_ascii_has_an_ascii_frame() -> None:
    app = DialogApp(lambda: Dialog[None](ASCII, "Title", "foot"))
    async with app.run_test(size=(80, 24)):
        assert all(line.isascii() for line in drawn(app))
