"""The panel as a widget: panes by key and by mouse, sentences that do what they say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pulltui.engine.views import Event, EventKind
from pulltui.ui.diary import Diary
from pulltui.ui.draw.panel import Pane
from pulltui.ui.glyphs import UNICODE
from pulltui.ui.widgets.blob_panel import BlobPanel
from support.dialogs import WidgetApp, text_of
from support.scenes import busy_pull, failed_pull, view

LOG = [
    Event(seq=1, at=1.0, kind=EventKind.NOTE, pull="pull1", name="qwen3:32b", why="about this one"),
    Event(seq=2, at=2.0, kind=EventKind.NOTE, pull="pull7", name="phi4:14b", why="about another"),
]


DIARY = Diary(lambda: datetime(2026, 3, 14, 12, tzinfo=UTC))
DIARY.take(LOG)


def panel() -> BlobPanel:
    made = BlobPanel(UNICODE, id="it")
    made.show_view(view(busy_pull()), busy_pull(), busy_pull().blobs[0], DIARY)
    return made


@pytest.mark.parametrize(
    ("width", "order"),
    [
        (80, [Pane.PARTS, Pane.DETAILS, Pane.LOG, Pane.PARTS]),
        (130, [Pane.ALL, Pane.PARTS, Pane.DETAILS, Pane.LOG, Pane.ALL]),
    ],
)
async def test_panes_come_one_after_another(width: int, order: list[Pane]) -> None:
    shown = panel()
    async with WidgetApp(shown).run_test(size=(width, 20)):
        seen = [shown.pane]
        for _ in order[1:]:
            shown.next_pane()
            seen.append(shown.pane)
        assert seen == order


async def test_the_log_is_the_pulls_own() -> None:
    shown = panel()
    app = WidgetApp(shown)
    async with app.run_test(size=(80, 20)):
        shown.next_pane()
        shown.next_pane()
        assert "about this one" in text_of(app, "it") and "about another" not in text_of(app, "it")


async def test_a_click_on_its_name_shows_a_pane() -> None:
    shown = panel()
    app = WidgetApp(shown)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.click("#it", offset=(text_of(app, "it").splitlines()[0].index("log"), 0))
        assert shown.pane is Pane.LOG
        await pilot.click("#it", offset=(3, 5))
        assert shown.pane is Pane.LOG and app.pressed == []


async def test_a_click_on_a_sentence_does_what_it_says() -> None:
    shown = panel()
    app = WidgetApp(shown)
    async with app.run_test(size=(80, 20)) as pilot:
        shown.show_view(view(failed_pull()), failed_pull(), failed_pull().blobs[0], DIARY)
        rows = text_of(app, "it").splitlines()
        row = next(n for n, text in enumerate(rows) if "tries again" in text)
        await pilot.click("#it", offset=(4, row))
        assert app.pressed == ["retry"]


async def test_a_wider_terminal_shows_all_at_once() -> None:
    shown = panel()
    app = WidgetApp(shown)
    async with app.run_test(size=(80, 20)) as pilot:
        assert "sha256:" not in text_of(app, "it")
        await pilot.resize_terminal(130, 30)
        await pilot.pause()
        assert "sha256:" in text_of(app, "it") and shown.pane is Pane.ALL


async def test_keys_are_called_as_configured() -> None:
    shown = panel()
    shown.keys = {"retry": "f5"}
    app = WidgetApp(shown)
    async with app.run_test(size=(80, 20)):
        assert ", f5 now" in text_of(app, "it")
