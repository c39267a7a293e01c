"""The app over a fake engine, polled by hand."""

from __future__ import annotations

from typing import Any

from pulltui.engine.api import EngineApi
from pulltui.ui.app import PulltuiApp
from pulltui.ui.glyphs import UNICODE
from pulltui_config.settings import Ui


def make_app(service: EngineApi, **changes: Any) -> PulltuiApp:
    """Return an app without timers and animations; `changes` are arguments of PulltuiApp."""
    arguments: dict[str, Any] = {
        "ui": Ui(fps=0, animations=False),
        "glyphs": UNICODE,
        "clock": lambda: 0.0,
    }
    return PulltuiApp(service, **(arguments | changes))
