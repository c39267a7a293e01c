"""What is left where there is next to no room."""

from __future__ import annotations

import pytest
from pulltui.engine.views import EngineView
from pulltui.ui.telling import TINY_TOAST
from rich.cells import cell_len
from support.apps import make_app, said, selected, settle, shown, toasts
from support.drawn import drawn
from support.fake_service import FakeService
from support.scenes import queue, view


@pytest.mark.parametrize("scene", [queue(), view()], ids=["queue", "empty"])
@pytest.mark.parametrize(
    "size", [(40, 8), (44, 30), (45, 12), (50, 15), (120, 9), (40, 2), (20, 4), (60, 20)]
)
async def test_the_way_out_is_seen_at_every_size(size: tuple[int, int], scene: EngineView) -> None:
    app = make_app(FakeService(scene))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        lines = drawn(app).splitlines()
        assert any("? help  q quit" in line for line in lines)
        assert all(cell_len(line) <= size[0] for line in lines)


async def test_a_tiny_screen_shows_the_pull_that_keys_act_on() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(40, 8)) as pilot:
        await pilot.press("j", "j", "j")
        await pilot.pause()
        (row,) = [line for line in shown(app, "pulls").splitlines() if line.startswith("▌")]
        assert selected(app).startswith("hf.co/bartowski") and "Q4_K_M" in row
        await pilot.press("slash", *"gem")
        assert app.screen.query_one("#filter").region.height == 1
        assert "gemma3:27b" in shown(app, "pulls").splitlines()[0]


@pytest.mark.parametrize("size", [(40, 8), (40, 2), (44, 30)])
async def test_what_a_key_did_is_told_in_one_line_for_a_moment(size: tuple[int, int]) -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("d")
        await settle(pilot)
        (text,) = said(app)
        (toast,) = app.screen.query("Toast")
        assert text in drawn(app) and text.startswith("removed qwen3:32b") and toast.region.height == 1
        assert [each.timeout for each in toasts(app)] == [TINY_TOAST]
        assert "▼" in drawn(app).splitlines()[0], "the sum of everything stays"


async def test_a_message_stands_where_the_keys_are_when_there_are_few_lines() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(40, 8), notifications=True) as pilot:
        app.notify("that is so")
        await pilot.pause()
        assert "that is so" in drawn(app).splitlines()[7]
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "? help" in drawn(app).splitlines()[23] and "that is so" in drawn(app).splitlines()[22]
