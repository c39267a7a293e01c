"""The settings screen: judging while one types, saving, and never losing anybody's text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulltui.reload import Reload
from pulltui.ui import themes
from pulltui.ui.glyphs import ASCII, UNICODE
from pulltui.ui.screens.choice import ChoiceDialog
from pulltui.ui.screens.settings import SettingsScreen
from pulltui.ui.settings_file import SettingsFile
from pulltui.ui.widgets.line_view import LineView
from pulltui_config.template import template
from support.apps import make_app
from support.drawn import drawn
from support.fake_service import FakeService
from support.settings import make_start
from support.settings_app import TEXT, SettingsApp


async def test_typing_is_judged_at_once_and_the_problem_stands_beside_its_line(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.press("down", "end", "backspace", "backspace", *"mat", '"')
        await pilot.pause()
        assert app.editor.document.get_line(1) == 'connections = "autmat"'
        line = next(line for line in drawn(app).splitlines() if "connections = " in line)
        assert '✗ "autmat" is not allowed; did you mean "auto"?' in line
        assert "line 2: transfer.connections" in app.area("about")
        assert "unsaved · 1 problem" in app.area("top")
        await pilot.press("backspace", "backspace", "backspace", "backspace", *"o", '"')
        await pilot.pause()
        assert "problem" not in app.area("top")
        assert "✗" not in drawn(app)


async def test_a_file_that_is_no_toml_shows_where(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(120, 30)) as pilot:
        app.rewrite("[ui]", "[ui")
        await pilot.pause()
        assert [problem.line for problem in app.settings.problems] == [4]
        assert "✗ the ] behind the table's name is missing" in drawn(app)
        assert "line 4: this is not TOML: the ]" in " ".join(app.area("about").split())


async def test_the_key_under_the_cursor_is_explained(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause()
        assert "How blobs are fetched." in app.area("about")
        await pilot.press("down")
        assert "transfer.connections" in app.area("about") and '"auto" or 1 to 64' in app.area("about")
        await pilot.press("down", "down", "down")
        assert "ui.fps" in app.area("about")
        assert "in force  10 (default)" in app.area("about")


async def test_what_is_in_force_follows_the_program(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.press("down", "down", "down", "down")
        app.now = make_start(tmp_path, "[ui]\nfps = 3\n").loaded
        app.settings._look()
        assert "in force  3 (from config.toml)" in app.area("about")


@pytest.mark.parametrize("key", ["ctrl+o", "f2"])
async def test_saving_writes_the_text_and_says_so(tmp_path: Path, key: str) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        app.rewrite("#fps = 10", "fps = 5")
        await pilot.pause()
        assert app.settings.unsaved
        await pilot.press(key)
        assert app.file.read_text() == TEXT.replace("#fps = 10", "fps = 5")
        assert not app.settings.unsaved and "saved" in app.area("top") and "unsaved" not in app.area("top")
        await pilot.press(key)
        assert app.area("about").startswith("Nothing has changed")
        await pilot.press("up")
        assert "Nothing has changed" not in app.area("about"), "it stays until the cursor moves"


async def test_what_is_wrong_is_saved_only_when_asked_twice(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        app.rewrite("#fps = 10", "fps = 500")
        await pilot.press("ctrl+o")
        assert app.file.read_text() == TEXT
        assert " ".join(app.area("about").split()).startswith("Not saved: line 5: 500 is not allowed")
        app.rewrite("fps = 500", "fps = 600")
        await pilot.press("ctrl+o")
        assert app.file.read_text() == TEXT, "another text, another question"
        await pilot.press("ctrl+o")
        assert "fps = 600" in app.file.read_text()


async def test_a_file_that_changed_meanwhile_is_left_alone_and_read_again_when_wanted(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        app.rewrite("#fps = 10", "fps = 5")
        await pilot.pause()
        mine = app.editor.text
        app.file.write_text("[ui]\nfps = 7\n")
        for answer in ("e", "escape", "enter", "r"):
            await pilot.press("ctrl+o")
            assert isinstance(app.screen, ChoiceDialog), answer
            assert "ctrl+z" in drawn(app)
            await pilot.press(answer)
            await pilot.pause()
            assert not isinstance(app.screen, ChoiceDialog)
            assert app.file.read_text() == "[ui]\nfps = 7\n"
            assert app.editor.text == ("[ui]\nfps = 7\n" if answer == "r" else mine)
        assert not app.settings.unsaved
        await pilot.press("ctrl+z")
        assert app.editor.text == mine, "nobody's text is lost"
        await pilot.press("ctrl+o")
        assert app.file.read_text() == mine


async def test_a_file_that_cannot_be_written_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        app.rewrite("#fps = 10", "fps = 5")

        def refuse(*_: object, **__: object) -> tuple[int, str]:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("tempfile.mkstemp", refuse)
        await pilot.press("ctrl+o")
        assert "cannot be written: Permission denied" in " ".join(app.area("about").split())
        assert app.settings.unsaved and app.file.read_text() == TEXT


async def test_leaving_asks_only_when_something_is_not_saved(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("escape")
        assert app.screen is not app.settings
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        app.rewrite("#fps = 10", "fps = 5")
        await pilot.press("escape", "enter")
        assert app.screen is app.settings, "the harmless answer has the focus"
        await pilot.press("escape", "ctrl+c")
        assert app.screen is app.settings, "nor does closing the question do harm"
        await pilot.press("escape", "right", "enter")
        assert app.screen is not app.settings
        assert "fps = 5" in app.file.read_text()


async def test_quitting_asks_about_what_is_not_saved(tmp_path: Path) -> None:
    start = make_start(tmp_path, TEXT)
    service = FakeService()
    reload = Reload(start.watched(), service.change_settings)
    app = make_app(service, reload=reload, file=SettingsFile(start))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("comma")
        await pilot.pause()
        await pilot.press("x", "ctrl+q")
        await pilot.pause()
        assert isinstance(app.screen, ChoiceDialog)
        for key in (
            "ctrl+q",
            "escape",
            "ctrl+f",
            "ctrl+c",
        ):  # asked while it asks, and from what finds settings
            await pilot.press(key)
            await pilot.pause()
        assert isinstance(app.screen, ChoiceDialog) and len(app.screen_stack) == 3
        assert not app._leaving


@pytest.mark.parametrize(
    ("answer", "left", "saved"), [("e", False, False), ("d", True, False), ("s", True, True)]
)
async def test_the_answers_to_leaving(tmp_path: Path, answer: str, left: bool, saved: bool) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        app.rewrite("#fps = 10", "fps = 5")
        await pilot.press("ctrl+c", answer)
        await pilot.pause()
        assert (app.screen is not app.settings) is left
        assert ("fps = 5" in app.file.read_text()) is saved


async def test_ctrl_c_copies_what_is_selected(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("f6", "ctrl+c")
        assert app.clipboard == "[transfer]"
        assert app.screen is app.settings


async def test_the_cursor_stays_in_sight_when_the_size_changes(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path, template())
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("ctrl+f", *"on_failed", "enter")
        for size in ((50, 15), (40, 8), (200, 60), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert "#on_failed = []" in drawn(app), size


async def test_problems_are_where_the_cursor_is_at_first(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path, "[ui]\nfsp = 1\nfps = 99\n")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert app.editor.cursor_location == (2, 0), "not at what is only ignored"


async def test_a_key_goes_from_problem_to_problem(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path, "[ui]\nfps = 99\n\nfsp = 1\n")
    async with app.run_test(size=(100, 30)) as pilot:
        rows = []
        for key in ("f8", "ctrl+n", "f8"):
            await pilot.press(key)
            rows.append(app.editor.cursor_location[0])
        assert rows == [3, 1, 3], "it began at the first"
        app.rewrite("fps = 99", "fps = 9")
        app.rewrite("fsp = 1", "")
        await pilot.press("f8")
        assert app.area("about").startswith("There is no problem.")


async def test_a_file_that_cannot_be_edited_here_says_why(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path, b"# \xff\n")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        assert app.screen is not app.settings
        assert "not UTF-8" in app.told[0] and "config edit" in app.told[0]


async def test_no_escape_sequence_of_the_file_reaches_the_screen(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path, 'x = "\x1b]2;evil\x07[bold]"\n[ui]\n"\\u001b[1m" = 1\n')
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        assert "\x1b" not in app.area("about") + app.area("top")
        assert all(problem.message.isprintable() for problem in app.settings.problems)


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (60, 20), (59, 20), (40, 8), (200, 60)])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
async def test_it_fits_every_size(tmp_path: Path, size: tuple[int, int], glyphs: Any) -> None:
    app = SettingsApp(tmp_path, glyphs=glyphs)
    async with app.run_test(size=size) as pilot:
        app.rewrite("#fps = 10", "fps = 99")
        await pilot.pause()
        await pilot.pause()
        text = drawn(app)
        assert "settings" in text and "esc leave" in text and "save" in text
        assert "fps = 99" in text and "99 is not allowed" in text
        side = app.settings.query_one("#side").region
        assert (side.x > 0) is (size[0] >= 76), "beside it, or below"
        assert side.height >= 2
        if glyphs is ASCII:
            assert text.isascii()


async def test_it_can_be_drawn_in_every_theme(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(100, 20)) as pilot:
        app.rewrite("#fps = 10", "fps = 99")
        for theme in themes.names():
            app.theme = theme
            await pilot.pause()
            assert "99 is not allowed" in drawn(app), theme


async def test_what_the_footer_names_can_be_clicked(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        app.rewrite("#fps = 10", "fps = 5")
        for word in ("save", "leave"):
            await pilot.click("#foot", offset=(app.area("foot").index(word), 0))
        await pilot.pause()
        assert "fps = 5" in app.file.read_text()
        assert app.screen is not app.settings


async def test_reading_again_never_loses_what_was_typed(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        app.rewrite("#fps = 10", "fps = 5")
        mine = app.editor.text
        app.file.write_bytes(b"\xff")
        await pilot.press("ctrl+r")
        assert "not UTF-8" in app.area("about")
        assert app.editor.text == mine and app.screen is app.settings
        app.file.write_bytes(b"[ui]\r\nfps = 3\r\n")
        await pilot.press("ctrl+r")
        assert app.editor.text == "[ui]\r\nfps = 3\r\n"
        assert not app.settings.unsaved
        app.file.write_bytes(b"[ui]\r\nfps = 4\r\n")
        await pilot.press("ctrl+r")
        assert not app.settings.unsaved
        await pilot.press("ctrl+z")
        assert app.editor.text == "[ui]\r\nfps = 3\r\n"


async def test_what_is_saved_in_the_app_takes_effect_at_once_and_is_told(tmp_path: Path) -> None:
    start = make_start(tmp_path, "[transfer]\nactive_pulls = 2\n")
    service, now = FakeService(), [0.0]
    reload = Reload(start.watched(), service.change_settings)
    app = make_app(service, file=SettingsFile(start), reload=reload, clock=lambda: now[0])
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.press("comma")
        await pilot.press("down", "end", "backspace", "6", "ctrl+o")
        now[0] += 2
        app.poll()
        await pilot.pause()
        assert [toast.message for toast in app._notifications] == ["settings: transfer.active_pulls: 2 -> 6"]
        ((_, settings),) = [call for call in service.calls if call[0] == "change_settings"]
        assert settings.transfer.active_pulls == 6
        assert isinstance(app.screen, SettingsScreen)
        app.screen._look()
        about = app.screen.query_one("#about", LineView).lines
        assert any("in force  6 (from config.toml)" in line.text for line in about)
