"""What clicks do, and what is pasted."""

from __future__ import annotations

from pulltui.ui.screens.add import AddDialog
from pulltui.ui.screens.help import HelpDialog
from support.apps import make_app, selected, settle, shown
from support.fake_service import FakeService
from support.scenes import queue
from textual import events
from textual.widgets import Input


def place(app: object, area: str, text: str) -> tuple[int, int]:
    """Where a text stands in an area's first line."""
    return shown(app, area).splitlines()[0].index(text) + 1, 0  # type: ignore[arg-type]


async def test_tabs_are_chosen_by_clicks() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click("#tabs", offset=place(app, "tabs", "Failed"))
        assert "[5:Failed 1]" in shown(app, "tabs") and selected(app) == "phi4:14b"


async def test_the_footers_keys_are_buttons() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click("#keys", offset=place(app, "keys", "pause"))
        await settle(pilot)
        assert service.calls == [("pause", "pull1")]
        await pilot.click("#keys", offset=place(app, "keys", "help"))
        await pilot.pause()
        assert isinstance(app.screen, HelpDialog)


async def test_columns_sort_by_clicks() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        seen = []
        for _ in range(3):
            await pilot.click("#head", offset=place(app, "head", "size"))
            seen.append(shown(app, "tabs").partition("by ")[2].strip())
        assert seen == ["size ▼", "size ▲", ""]
        await pilot.click("#head", offset=(0, 0))
        assert "by " not in shown(app, "tabs")


async def test_a_double_click_on_a_row_opens_it() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.double_click("#pulls", offset=(10, 1))
        await pilot.pause()
        assert app.screen.query_one("#pulls").size.height == 1
        assert selected(app).startswith("qwen3:32b sha256")


async def test_a_click_beside_everything_does_nothing() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(120, 36)) as pilot:
        for area in ("#header", "#keys", "#tabs"):
            await pilot.click(area, offset=(119, 0))
        assert service.calls == [] and selected(app) == "qwen3:32b"


async def test_a_paste_opens_the_add_dialog_filled() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(events.Paste("  \n"))
        await pilot.pause()
        assert len(app.screen_stack) == 1
        app.post_message(events.Paste("qwen3:4b gemma3"))
        await pilot.pause()
        await pilot.pause()
        assert isinstance(app.screen, AddDialog)
        assert app.screen.query_one(Input).value == "qwen3:4b gemma3"
        await pilot.press("enter")
        await settle(pilot)
        adds = [call for call in service.calls if call[0] == "add"]
        assert adds == [("add", "qwen3:4b"), ("add", "gemma3")]


async def test_a_paste_while_filtering_is_a_filter() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash")
        app.post_message(events.Paste("gem"))
        await pilot.pause()
        await pilot.pause()
        assert len(app.screen_stack) == 1 and "/ gem" in shown(app, "tabs")
