"""What a start is made from."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulltui.demo.session import Session as Demo
from pulltui.start import demo_start


def test_a_demo_looks_as_the_user_wants_and_takes_nothing_else_from_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PULLTUI_UI_GLYPHS", "ascii")
    monkeypatch.setenv("PULLTUI_UI_ANIMATIONS", "false")
    monkeypatch.setenv("PULLTUI_STORAGE_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("PULLTUI_TRANSFER_CONNECTIONS", "3")
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    with Demo("", tmp_path) as place:
        start = demo_start(place)
        settings = start.settings
        assert (settings.ui.glyphs, settings.ui.animations) == ("ascii", False)
        assert settings.transfer.connections == "auto" and settings.retry.stall_timeout == 5
        assert start.models == place.models_dir.resolve()
        assert not start.loaded.problems
        assert start.watched().loaded.settings.ui.glyphs == "ascii", "and stays so"
