"""The dialog that asks for a name."""

from __future__ import annotations

import pytest
from pulltui.engine.errors import BadNameError
from pulltui.ui.screens.add import AddDialog
from pulltui.ui.screens.main import MainScreen
from pulltui.ui.widgets.line_view import LineView
from support.apps import make_app
from support.fake_service import FakeService
from support.scenes import view
from textual.widgets import Input


def verdict(dialog: object) -> str:
    assert isinstance(dialog, AddDialog)
    return "\n".join(line.text.rstrip() for line in dialog.query_one("#verdict", LineView).lines)


async def test_a_name_is_checked_as_it_is_typed_and_added_by_enter() -> None:
    service = FakeService(view())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a")
        assert verdict(app.screen) == "into /home/ada/.ollama/models"
        await pilot.press(*"-q")
        assert verdict(app.screen) == "'-q' is not a name. names look like llama3.2:3b"
        await pilot.press("enter")
        assert isinstance(app.screen, AddDialog)
        await pilot.press("backspace", "backspace", *"qwen3")
        assert verdict(app.screen) == "pulls qwen3:latest\ninto /home/ada/.ollama/models"
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        assert isinstance(app.screen, MainScreen)
        assert service.calls == [("add", "qwen3")]


@pytest.mark.parametrize("keys", [("escape",), ("q", "w", "escape")])
async def test_escape_adds_nothing(keys: tuple[str, ...]) -> None:
    service = FakeService(view())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a", *keys)
        assert isinstance(app.screen, MainScreen)
        assert service.calls == []


async def test_enter_without_a_name_stays() -> None:
    app = make_app(FakeService(view()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a", "enter", "space", "enter")
        assert isinstance(app.screen, AddDialog)


async def test_letters_that_are_keys_elsewhere_are_letters_here() -> None:
    service = FakeService(view())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a", *"pPraqj?")
        assert app.screen.query_one(Input).value == "pPraqj?"
        assert service.calls == []


async def test_a_refusal_of_the_engine_is_shown() -> None:
    service = FakeService(view())
    service.error = BadNameError("no", "use https")
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a", *"m", "enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert [toast.message for toast in app._notifications] == ["no. use https"]


@pytest.mark.parametrize("size", [(40, 8), (50, 15), (120, 36)])
async def test_it_fits(size: tuple[int, int]) -> None:
    app = make_app(FakeService(view()))
    async with app.run_test(size=size) as pilot:
        await pilot.press("a", "x")
        app.screen.query_one(Input).value = "x" * 100  # typed in one go: each key waits for an idle screen
        await pilot.pause()
        frame = app.screen.query_one("#frame")
        assert frame.region.width <= size[0] and frame.region.height <= size[1]
        assert app.screen.query_one("#verdict").region.height == 3
