"""The app over a fake engine, polled by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pulltui.engine.api import EngineApi
from pulltui.ui.app import PulltuiApp
from pulltui.ui.glyphs import UNICODE
from pulltui.ui.widgets.line_view import LineView
from pulltui.ui.widgets.pull_list import PullList
from pulltui_config.settings import Ui
from support.engine import PATIENCE
from textual.notifications import Notification
from textual.pilot import Pilot
from textual.screen import Screen


def make_app(service: EngineApi, **changes: Any) -> PulltuiApp:
    """Return an app without timers and animations; `changes` are arguments of PulltuiApp."""
    arguments: dict[str, Any] = {
        "ui": Ui(fps=0, animations=False, theme="pulltui-dark"),
        "glyphs": UNICODE,
        "clock": lambda: 0.0,
        "now": lambda: datetime(2026, 3, 14, 14, 3, 12, tzinfo=UTC),
    }
    return PulltuiApp(service, **(arguments | changes))


def shown(app: PulltuiApp, area: str, screen: Screen[Any] | None = None) -> str:
    """All text of one area of the main screen, or of another one."""
    place = screen or app.screen_stack[0]
    return "\n".join(line.text for line in place.query_one(f"#{area}", LineView).lines)


def selected(app: PulltuiApp) -> str:
    row = app.screen_stack[0].query_one(PullList).row
    assert row is not None
    return f"{row.pull.name} {row.key.blob[:12]}".strip()


def toasts(app: PulltuiApp) -> list[Notification]:
    return list(app._notifications)


def said(app: PulltuiApp) -> list[str]:
    """What the toasts say, oldest first."""
    return [toast.message for toast in toasts(app)]


async def until(app: PulltuiApp, predicate: Callable[[], object]) -> None:
    """Poll the app as its timer would until `predicate()` holds."""
    deadline = time.monotonic() + PATIENCE
    while not predicate():
        assert time.monotonic() < deadline, app.screen
        app.poll()
        await asyncio.sleep(0.005)
    app.poll()


async def settle(pilot: Pilot[Any]) -> None:
    """Let commands that were sent come back."""
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
