"""`pulltui config set`, `unset` and `edit`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from pulltui_config.schema import schema_text
from pulltui_config.template import template
from support.command import Terminal, command_env
from support.commands import Command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".config" / "pulltui" / "config.toml"


@pytest.fixture
def editor(tmp_path: Path) -> str:
    """An editor that writes its words into the file, the next ones each time; a path with a blank in it."""
    script = tmp_path / "my editor.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\n*texts, file = sys.argv[1:]\ncount = Path(f'{file}.count')\n"
        "turn = len(count.read_text()) if count.exists() else 0\ncount.write_text('x' * (turn + 1))\n"
        "sys.exit(3) if texts[turn] == 'fail' else Path(file).write_text(texts[turn])\n"
    )
    return shlex.join([sys.executable, str(script)])


class TestSet:
    """`pulltui config set`."""

    def test_the_first_one_makes_the_file_and_its_schema(self, file: Path, here: Command) -> None:
        done = here("config", "set", "transfer.part_size", "32 MB")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f'transfer.part_size = "32 MB"  (file {file})\n'
        assert file.read_text() == template().replace('#part_size = "16 MB"', 'part_size = "32 MB"')
        assert (file.parent / "config.schema.json").read_text() == schema_text()

    def test_it_changes_nothing_else_in_a_file(self, file: Path, here: Command) -> None:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"\xef\xbb\xbf[ui]\r\n  fps=5 # five\r\nmine = 1")
        assert here("config", "set", "ui.fps", "6").returncode == 0
        assert file.read_bytes() == b"\xef\xbb\xbf[ui]\r\n  fps=6 # five\r\nmine = 1"

    @pytest.mark.parametrize(
        ("key", "value", "line"),
        [
            ("transfer.bandwidth", "20 MB/s", 'bandwidth = "20 MB/s"'),
            ("transfer.bandwidth", '"20 MB/s"', 'bandwidth = "20 MB/s"'),
            ("transfer.connections", "auto", 'connections = "auto"'),
            ("transfer.connections", "12", "connections = 12"),
            ("transfer.per_host", '{ "a.b" = 2 }', 'per_host = { "a.b" = 2 }'),
            ("ui.theme", "true", 'theme = "true"'),
            ("hooks.on_done", '["a", "b c"]', 'on_done = ["a", "b c"]'),
        ],
    )
    def test_a_value_is_toml_or_else_text(
        self, file: Path, here: Command, key: str, value: str, line: str
    ) -> None:
        assert here("config", "set", key, value).returncode == 0
        assert f"\n{line}\n" in file.read_text()

    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            ("transfer.part_size", "a lot", "allowed: 1 MB to 1 GB"),
            ("transfer.bandwidth", "20", 'write "20 MB/s"'),
            ("retry.max_retries", "-1", "allowed: 0 to 1000"),
            ("transfer.part_sise", "1 MB", "did you mean transfer.part_size?"),
            ("fps", "5", "did you mean ui.fps?"),
            ("transfer", "5", "this is a table"),
        ],
    )
    def test_what_is_not_allowed_is_refused_and_nothing_written(
        self, file: Path, here: Command, key: str, value: str, said: str
    ) -> None:
        refused = here("config", "set", key, value)
        assert refused.returncode == 2
        assert refused.stderr.startswith(f"error: {key}: ")
        assert said in refused.stderr
        assert refused.stdout == ""
        assert not file.exists()

    def test_a_file_that_is_no_toml_is_left_alone(self, file: Path, here: Command) -> None:
        file.parent.mkdir(parents=True)
        file.write_text("[ui\n")
        refused = here("config", "set", "ui.fps", "5")
        assert refused.returncode == 2
        assert "put this right first" in refused.stderr
        assert file.read_text() == "[ui\n"

    def test_that_the_environment_overrides_it_is_said(
        self, file: Path, here: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PULLTUI_UI_FPS", "3")
        done = here("config", "set", "ui.fps", "6")
        assert done.returncode == 0
        assert "\nfps = 6\n" in file.read_text()
        assert done.stdout == "ui.fps = 3  (environment PULLTUI_UI_FPS)\n"
        assert done.stderr == "warning: PULLTUI_UI_FPS in the environment counts, not the file\n"

    def test_what_counts_from_the_next_start_is_said_without_its_password(
        self, file: Path, here: Command
    ) -> None:
        done = here("config", "set", "network.proxy", "http://me:hunter2@proxy:3128")
        assert "next start" in done.stdout
        assert "hunter2" in file.read_text()
        shown = here("config", "show")
        assert '"http://***@proxy:3128"' in shown.stdout
        assert "hunter2" not in done.stdout + done.stderr + shown.stdout + shown.stderr

    def test_a_home_that_cannot_be_written_is_an_error(self, tmp_path: Path, here: Command) -> None:
        (tmp_path / ".config").write_text("a file where a directory belongs")
        refused = here("config", "set", "ui.fps", "5")
        assert refused.returncode == 2
        assert "cannot be written" in refused.stderr


class TestUnset:
    """`pulltui config unset`."""

    def test_it_brings_the_default_back_and_the_file_to_what_it_was(self, file: Path, here: Command) -> None:
        here("config", "set", "ui.fps", "6")
        done = here("config", "unset", "ui.fps")
        assert (done.returncode, done.stdout) == (0, "ui.fps = 10  (default)\n")
        assert file.read_text() == template()

    def test_an_unknown_key_is_refused(self, here: Command) -> None:
        refused = here("config", "unset", "ui.fsp")
        assert refused.returncode == 2
        assert "did you mean ui.fps?" in refused.stderr


class TestEdit:
    """`pulltui config edit`."""

    def test_it_opens_the_template_at_first(
        self, file: Path, here: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy = "import sys; t = open(sys.argv[1]).read(); open(sys.argv[1] + '.seen', 'w').write(t)"
        monkeypatch.setenv("VISUAL", shlex.join([sys.executable, "-c", copy]))
        monkeypatch.setenv("EDITOR", "false")
        done = here("config", "edit")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert Path(f"{file}.seen").read_text() == template()

    def test_what_is_wrong_afterwards_is_said(
        self, file: Path, here: Command, monkeypatch: pytest.MonkeyPatch, editor: str
    ) -> None:
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", f"{editor} '[ui]\nfps = 99'")
        done = here("config", "edit")
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {file}:2: ui.fps: 99 is not allowed")
        assert file.read_text() == "[ui]\nfps = 99"

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            ("no-such-editor -w", "no-such-editor cannot be started"),
            ("'", "EDITOR cannot be understood"),
            ("{editor} fail", "ended with exit code 3"),
        ],
    )
    def test_an_editor_that_does_not_work_is_named(
        self, here: Command, monkeypatch: pytest.MonkeyPatch, editor: str, command: str, said: str
    ) -> None:
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", command.replace("{editor}", editor))
        done = here("config", "edit")
        assert done.returncode == 2
        assert said in done.stderr

    def test_without_a_word_the_first_editor_there_is_opens(
        self, tmp_path: Path, here: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.delenv("EDITOR", raising=False)
        tools = tmp_path / "bin"
        tools.mkdir()
        monkeypatch.setenv("PATH", str(tools))
        done = here("config", "edit")
        assert (done.returncode, "set EDITOR" in done.stderr) == (2, True)
        nano = tools / "nano"
        nano.write_text('#!/bin/sh\necho nano opened "$1" >&2\n')
        nano.chmod(0o755)
        done = here("config", "edit")
        assert done.returncode == 0
        assert done.stderr.startswith("nano opened /")

    def test_on_a_terminal_it_offers_to_go_on(self, tmp_path: Path, file: Path, editor: str) -> None:
        env = command_env(tmp_path, EDITOR=f"{editor} '[ui' '[ui]\nfps = 5'")
        with Terminal(["config", "edit"], tmp_path, env=env) as terminal:
            terminal.wait_for(rb"this is not TOML[^$]*Edit again\?")
            terminal.type(b"y\n")
            assert terminal.end() == 0
        assert file.read_text() == "[ui]\nfps = 5"
