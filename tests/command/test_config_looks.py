"""`pulltui config check` knows what only the app can refuse: keys and themes."""

from __future__ import annotations

import pytest
from support.commands import Command


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{ pauze = ['x'] }", 'ui.keys.pauze: there is no action called "pauze"; did you mean "pause"?'),
        ("{ quit = [] }", "ui.keys.quit: quit must have a key"),
    ],
)
def test_keys_that_the_app_refuses(
    here: Command, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    monkeypatch.setenv("PULLTUI_UI_KEYS", text)
    done = here("config", "check")
    assert (done.returncode, done.stdout) == (2, f"error: {sentence}\n")


def test_a_theme_that_does_not_exist(here: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLTUI_UI_THEME", "pulltui-drak")
    done = here("config", "check")
    assert done.returncode == 2
    assert done.stdout.startswith("error: ui.theme: there is no theme called 'pulltui-drak'")


def test_keys_that_it_takes(here: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLTUI_UI_KEYS", '{ pause = ["p", "f9"] }')
    done = here("config", "check")
    assert done.returncode == 0 and "error" not in done.stdout
