"""What is left where there is next to no room."""

from __future__ import annotations

import pytest
from pulltui.engine.views import EngineView
from rich.cells import cell_len
from support.apps import make_app, selected, shown
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
