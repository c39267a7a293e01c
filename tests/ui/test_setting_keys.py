"""Keys in the settings: finding a setting, taking it into force, giving it another value."""

from __future__ import annotations

from pathlib import Path

from pulltui.ui.screens.palette import PaletteDialog
from pulltui_config.template import template
from support.settings_app import SettingsApp


async def test_a_key_takes_the_comment_sign_away_and_puts_it_back(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path, "# prose\n[ui]\n#fps = 10\n  # bell = true\n\n")
    async with app.run_test(size=(100, 30)) as pilot:
        for _ in range(5):
            await pilot.press("ctrl+t", "down")
        assert app.editor.text == "# prose\n[ui]\nfps = 10\n  bell = true\n\n"
        await pilot.press("up", "up", "ctrl+t")
        assert app.editor.text == "# prose\n[ui]\nfps = 10\n  #bell = true\n\n"
        assert app.area("about").startswith("ui.bell is a comment now")


async def test_the_key_works_on_every_line_about_a_setting_and_says_where_there_is_none(
    tmp_path: Path,
) -> None:
    app = SettingsApp(tmp_path, template())
    async with app.run_test(size=(120, 40)) as pilot:
        lines = app.editor.document.lines
        row = lines.index("# How many connections a pull uses.")
        app.editor.move_cursor((row, 7))
        await pilot.press("ctrl+t")
        await pilot.pause()
        assert app.editor.document.lines[row + 3] == 'connections = "auto"'
        assert app.editor.selected_text == '"auto"'
        assert "transfer.connections" in app.area("about")
        await pilot.press("8", "ctrl+o")
        assert app.area("about").startswith('Saved: transfer.connections: "auto" -> 8.')
        for line, words in (
            ("# How blobs are fetched.", "[transfer] is a table: ^f"),
            ("", "no setting here: ^f"),
        ):
            app.editor.move_cursor((lines.index(line), 0))
            text = app.editor.text
            await pilot.press("ctrl+t")
            assert words in " ".join(app.area("about").split()) and app.editor.text == text


async def test_typing_into_a_comment_is_said_to_set_nothing(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path, template())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "comment" not in app.area("about"), "nothing was typed"
        lines = app.editor.document.lines
        app.editor.move_cursor((lines.index("# How many connections a pull uses."), 5))
        await pilot.press("8")
        await pilot.pause()
        about = " ".join(app.area("about").split())
        assert about.startswith(
            "This line is a comment: what is written in it sets nothing. ^t switches transfer."
        )
        await pilot.press("ctrl+o")
        assert app.area("about").startswith("Saved. It changes no setting.")
        app.editor.move_cursor((lines.index("#fps = 10"), 9))
        await pilot.press("backspace")
        await pilot.pause()
        about = " ".join(app.area("about").split())
        assert about.startswith("Still a comment: it sets nothing until ^t takes the # away.")
        await pilot.press("ctrl+t")
        await pilot.pause()
        assert "fps = 1" in app.editor.document.lines and "comment" not in app.area("about")


async def test_a_setting_is_found_by_its_name_and_by_what_it_does(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path, template())
    async with app.run_test(size=(120, 40)) as pilot:
        for words, line in (
            ("max_c", "#max_connections = 64"),
            ("silent", "#stall_timeout = 30"),
            ("schedule", "# Times with a bandwidth of their own, "),
        ):
            await pilot.press("ctrl+f", *words)
            assert isinstance(app.screen, PaletteDialog)
            await pilot.press("enter")
            await pilot.pause()
            assert app.editor.document.get_line(app.editor.cursor_location[0]).startswith(line)
        assert not app.settings.unsaved


async def test_a_setting_that_is_not_in_the_file_is_explained_and_put_there(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path, "[storage]\ncheck_space = true\n")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+f", *"connec", "enter")
        await pilot.pause()
        about = app.area("about")
        assert "It is not in this file: ^t or f4 puts it" in about and "transfer.connections" in about
        assert not app.settings.unsaved
        await pilot.press("down")
        assert "transfer.connections" not in app.area("about")
        await pilot.press("ctrl+f", *"connec", "enter", "ctrl+t", "1", "2")
        await pilot.pause()
        assert app.editor.text == "[storage]\ncheck_space = true\n\n[transfer]\nconnections = 12\n"
        await pilot.press("ctrl+z", "ctrl+z", "ctrl+z", "ctrl+z")
        assert app.editor.text == "[storage]\ncheck_space = true\n"


async def test_one_key_goes_through_the_values_of_a_setting(tmp_path: Path) -> None:
    app = SettingsApp(tmp_path, '[ui]\n#animations = true\nglyphs = "ascii" # mine\n#fps = 10\n\n')
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("down")
        seen = []
        for _ in range(3):
            await pilot.press("f4")
            seen.append(app.editor.document.get_line(1))
        assert seen == ["animations = false", "animations = true", "animations = false"]
        assert app.area("about").startswith("f4 again takes the next value.")
        await pilot.press("down", "f4")
        assert app.editor.document.get_line(2) == 'glyphs = "auto" # mine'
        await pilot.press("down", "f4", "4")
        assert app.editor.document.get_line(3) == "fps = 4", "what cannot be listed is typed over"
        await pilot.press("down", "f4")
        assert app.area("about").startswith("There is no setting here: ^f finds one.")
        app.rewrite("fps = 4", "fps =")
        app.rewrite("animations = false", "#animations = true")
        await pilot.press("f4")
        await pilot.pause()
        assert "First put line 4 right" in " ".join(app.area("about").split())
        app.rewrite("#animations = true", "animations = maybe")
        app.rewrite("fps =", "fps = 4")
        app.editor.move_cursor((1, 0))
        await pilot.press("f4", *"true")
        assert app.editor.document.get_line(1) == "animations = true"
