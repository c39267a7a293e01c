"""The palette: every action, every pull and every theme by name."""

from __future__ import annotations

import pytest
from pulltui.engine.views import PullState
from pulltui.ui.keymap import MAIN
from pulltui.ui.screens.help import HelpDialog
from pulltui.ui.screens.main import MainScreen
from pulltui.ui.screens.palette import Entry, PaletteDialog, found
from support.apps import make_app, said, selected, settle, shown
from support.fake_service import FakeService
from support.scenes import pull, queue, view
from textual.widgets import Input


def test_all_words_must_be_there_and_what_begins_with_one_comes_first() -> None:
    entries = [
        Entry("Undo the pause"),
        Entry("Pause all", action="pause_all"),
        Entry("Pause", action="pause"),
    ]
    assert [entry.title for entry in found(entries, "PAUSE")] == ["Pause all", "Pause", "Undo the pause"]
    assert [entry.title for entry in found(entries, "pau all")] == ["Pause all"]
    named = [Entry("a.speed", about="the cap"), Entry("b.cap"), Entry("recap")]
    assert [entry.title for entry in found(named, "cap")] == ["b.cap", "recap", "a.speed"]
    assert found(entries, "zzz") == [] and found(entries, " ") == entries


@pytest.mark.parametrize("key", ["ctrl+p", "colon"])
async def test_it_has_every_action_with_its_keys_and_every_pull(key: str) -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press(key)
        assert isinstance(app.screen, PaletteDialog)
        entries = app.screen._entries
        assert {entry.action for entry in entries if entry.action} == set(MAIN) - {"palette"}
        assert [entry.title for entry in entries if entry.pull] == [each.name for each in queue().pulls]
        assert ("Pause all; again resumes what that stopped, and only that", "P") in [
            entry[:2] for entry in entries
        ]


async def test_an_action_is_done() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p", *"retry_f", "enter")
        await settle(pilot)
        assert isinstance(app.screen, MainScreen)
        assert service.calls == [("retry", "pull7")]


async def test_an_action_of_the_app_is_done() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon", *"help", "enter")
        await pilot.pause()
        assert isinstance(app.screen, HelpDialog)


async def test_a_pull_is_gone_to_even_if_it_is_not_listed() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "slash", "z", "enter")
        await pilot.press("ctrl+p", *"gemma3", "enter")
        await pilot.pause()
        assert selected(app) == "gemma3:27b" and "[1:All 8]" in shown(app, "tabs")


async def test_a_theme_is_tried_on() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p", *"theme light", "enter")
        await pilot.pause()
        assert app.theme == "pulltui-light"
        assert said(app) == ['to keep it, write theme = "pulltui-light" under [ui] in the settings']


async def test_moving_and_closing() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p", "down", "pagedown", "pageup", "up", "up", "down")
        lines = shown(app, "found", app.screen).splitlines()
        assert lines[1].startswith("▌ ") and not lines[0].startswith("▌")
        await pilot.press(*"zzz", "enter")
        assert isinstance(app.screen, PaletteDialog)
        assert "nothing is called that" in shown(app, "found", app.screen)
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)


async def test_a_click_chooses() -> None:
    service = FakeService(view(pull(1, "m", PullState.QUEUED, 10, 0)))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p")
        await pilot.click("#found", offset=(8, 1))
        await settle(pilot)
        assert service.calls == [("pause", "pull1")]


@pytest.mark.parametrize("size", [(45, 12), (40, 8), (200, 60)])
async def test_it_fits(size: tuple[int, int]) -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=size) as pilot:
        await pilot.press("ctrl+p", *["down"] * 20)
        frame = app.screen.query_one("#frame").region
        assert frame.width <= size[0] and frame.height <= size[1]
        assert app.screen.query_one(Input).region.height == 1
        assert "▌" in shown(app, "found", app.screen)
