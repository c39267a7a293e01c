"""What tests of the app share: no blinking, no colours taken from outside, no timers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pulltui_config.settings import Ui
from support.fake_service import FakeService
from textual.widgets import Input

from pulltui.engine.views import EngineView
from pulltui.ui.app import PulltuiApp
from pulltui.ui.glyphs import UNICODE

MakeApp = Callable[..., PulltuiApp]


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same screen whatever the environment, at any moment."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("TEXTUAL_THEME", raising=False)
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def make_app(service: FakeService) -> MakeApp:
    """Make an app over the fake service that is polled by hand."""

    def make(view: EngineView | None = None, **changes: Any) -> PulltuiApp:
        if view is not None:
            service.view = view
        arguments: dict[str, Any] = {
            "ui": Ui(fps=0, animations=False),
            "glyphs": UNICODE,
            "clock": lambda: 0.0,
        }
        return PulltuiApp(service, **(arguments | changes))

    return make
