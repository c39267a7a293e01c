"""What tests of the app share: no blinking, no colours taken from outside."""

from __future__ import annotations

import pytest
from support.idle import until_idle
from textual.widgets import Input


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same screen whatever the environment, at any moment."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("TEXTUAL_THEME", raising=False)
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was pressed has had its effect when the app has nothing left to do, and not later."""
    for place in ("app", "pilot"):
        monkeypatch.setattr(f"textual.{place}.wait_for_idle", until_idle)
