"""Help, settings, keys that were configured: what belongs to the app as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulltui.reload import Reload
from pulltui.ui.app import PulltuiApp
from pulltui.ui.keymap import ACTIONS, ELSEWHERE, GROUPS, IN_DIALOGS
from pulltui.ui.screens.help import HelpDialog
from pulltui.ui.screens.main import MainScreen
from pulltui.ui.screens.notices import NoticesDialog
from pulltui.ui.screens.settings import SettingsScreen
from pulltui.ui.settings_file import SettingsFile
from pulltui.ui.widgets.line_view import LineView
from pulltui_config.settings import Ui
from support.apps import make_app, said, settle, shown, toasts
from support.fake_service import FakeService
from support.scenes import queue
from support.settings import make_start
from textual.widgets import TextArea


def app_with_file(directory: Path, service: FakeService, text: str = "", **more: Any) -> PulltuiApp:
    """An app over a settings file, with the settings in it."""
    start = make_start(directory, text)
    reload = Reload(start.watched(), service.change_settings)
    return make_app(service, reload=reload, file=SettingsFile(start), ui=start.settings.ui, **more)


def ui(**keys: tuple[str, ...]) -> Ui:
    return Ui(fps=0, animations=False, keys=keys)


async def test_comma_opens_the_settings_and_escape_comes_back(tmp_path: Path) -> None:
    app = app_with_file(tmp_path, FakeService(queue()))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("comma")
        await pilot.pause()
        assert isinstance(app.screen, SettingsScreen)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, MainScreen)


async def test_what_is_saved_there_counts_at_once_and_is_said(tmp_path: Path) -> None:
    now = [0.0]
    service = FakeService(queue())
    app = app_with_file(tmp_path, service, clock=lambda: now[0])
    async with app.run_test(size=(100, 30)) as pilot:
        app.poll()
        await pilot.press("comma")
        assert isinstance(app.screen, SettingsScreen)
        app.screen.query_one("#text").load_text("[transfer]\nactive_pulls = 5\n")  # type: ignore[attr-defined]
        await pilot.pause()
        await pilot.press("f2", "escape")
        now[0] += 2
        app.poll()
        await pilot.pause()
        ((_, settings),) = [call for call in service.calls if call[0] == "change_settings"]
        assert settings.transfer.active_pulls == 5
        assert any("transfer.active_pulls" in text for text in said(app))


@pytest.mark.parametrize("key", ["comma", "e"])
async def test_without_a_file_there_is_nothing_to_edit(key: str) -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press(key)
        assert said(app) == ["there is no settings file here"]


async def test_an_editor_needs_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.delenv("VISUAL", raising=False)
    app = app_with_file(tmp_path, FakeService(queue()))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("e")
        assert said(app) == ["an editor needs a terminal of its own"]


async def test_configured_keys_work_and_the_old_ones_do_not() -> None:
    service = FakeService(queue())
    app = make_app(service, ui=ui(pause=("f9", "x"), retry_failed=()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("p", "R")
        await settle(pilot)
        assert service.calls == []
        await pilot.press("f9", "x")
        await settle(pilot)
        assert service.calls == [("pause", "pull1")] * 2


async def test_configured_keys_are_what_the_screen_shows() -> None:
    app = make_app(FakeService(queue()), ui=ui(pause=("f9",), tab_failed=("F",), help=("f1",), retry=("f5",)))
    async with app.run_test(size=(80, 24)) as pilot:
        assert "f9 pause" in shown(app, "keys").lower() and "f1 help" in shown(app, "keys").lower()
        assert "F:Failed 1" in shown(app, "tabs")
        await pilot.press("F")
        assert "f5 tries again" in shown(app, "panel").lower()
        await pilot.press("f1")
        assert isinstance(app.screen, HelpDialog)
        text = shown(app, "help", app.screen)
        line = next(line for line in text.splitlines() if "Pause the marked" in line)
        assert line.lower().startswith("f9 ")


async def test_bad_keys_are_told_at_the_start_and_none_of_them_count() -> None:
    service = FakeService(queue())
    app = make_app(service, ui=ui(pause=("f9",), quit=(), pauze=("x",)))
    async with app.run_test(size=(80, 24)) as pilot:
        assert isinstance(app.screen, NoticesDialog)
        text = " ".join(line.text for line in app.screen.query_one("LineView").lines)  # type: ignore[attr-defined]
        assert "quit must have a key" in text and "pauze" in text
        await pilot.press("enter", "p")
        await settle(pilot)
        assert service.calls == [("pause", "pull1")]


@pytest.mark.parametrize(("keys", "key"), [("", "comma"), ('keys = { settings = ["f4"] }', "f4"), ("", "")])
async def test_what_is_found_at_the_start_leads_to_the_settings(tmp_path: Path, keys: str, key: str) -> None:
    app = app_with_file(tmp_path, FakeService(queue()), f"[ui]\n{keys}\nfps = 99\n", notices=["fps is 99"])
    async with app.run_test(size=(80, 24)) as pilot:
        assert isinstance(app.screen, NoticesDialog)
        lines = app.screen.query_one("#notices", LineView).lines
        assert lines[-1].text == f"{'f4' if key == 'f4' else ','} edit the settings"
        if key:
            await pilot.press(key)
        else:
            await pilot.click(
                "#notices", offset=(4, len(app.screen.query_one("#notices", LineView).lines) - 1)
            )
        await pilot.pause()
        assert isinstance(app.screen, SettingsScreen)
        assert app.screen.query_one(TextArea).cursor_location == (2, 0), "where the problem is"
        await pilot.press("escape")
        assert len(app.screen_stack) == 1


async def test_keys_change_while_it_runs(tmp_path: Path) -> None:
    now = [0.0]
    service = FakeService(queue())
    app = app_with_file(tmp_path, service, clock=lambda: now[0])
    file = make_start(tmp_path).locations.config_file
    async with app.run_test(size=(80, 24)) as pilot:
        app.poll()
        for text, key in (('[ui]\nkeys = { pause = ["x"] }\n', "x"), ("[ui]\nkeys = { quit = [] }\n", "p")):
            file.write_text(text)
            now[0] += 2
            app.poll()
            await pilot.pause()
            assert shown(app, "keys").strip().startswith(f"{key} pause")
            await pilot.press(key)
            await settle(pilot)
        assert service.calls.count(("pause", "pull1")) == 2
        assert any("quit must have a key" in toast.message for toast in toasts(app))


async def test_help_lists_every_action_in_groups() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("question_mark")
        text = " ".join(shown(app, "help", app.screen).split())
        assert all(title in text for title in (*GROUPS, *ELSEWHERE))
        assert all(fixed.what in text for fixed in IN_DIALOGS)
        assert all(action.tooltip in text for action in ACTIONS.values())


async def test_a_theme_that_does_not_exist_is_told() -> None:
    app = make_app(FakeService(queue()), ui=Ui(fps=0, animations=False, keys={}, theme="pulltui-drak"))
    async with app.run_test(size=(80, 24)):
        assert isinstance(app.screen, NoticesDialog)
        assert app.theme == "pulltui-dark"


async def test_the_keys_of_the_settings_change_while_one_is_there(tmp_path: Path) -> None:
    now = [0.0]
    app = app_with_file(tmp_path, FakeService(queue()), clock=lambda: now[0])
    async with app.run_test(size=(120, 30)) as pilot:
        app.poll()
        await pilot.press("comma")
        screen = app.screen
        assert isinstance(screen, SettingsScreen)
        assert shown(app, "foot", screen).startswith(" ^o save  esc leave")
        text = '[ui]\nkeys = { settings_save = ["f3"], settings_leave = ["f5"] }\n'
        screen.query_one(TextArea).load_text(text)
        await pilot.pause()
        await pilot.press("ctrl+o")
        now[0] += 2
        app.poll()
        await pilot.pause()
        assert shown(app, "foot", screen).startswith(" f3 save  f5 leave")
        screen.query_one(TextArea).load_text(text + "fps = 5\n")
        await pilot.pause()
        await pilot.press("ctrl+o")
        assert screen.unsaved, "that key is for nothing now"
        await pilot.press("f3")
        assert not screen.unsaved
        await pilot.press("escape", "f5")
        await pilot.pause()
        assert isinstance(app.screen, MainScreen)
