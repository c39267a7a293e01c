"""The command as people run it: first words, exit codes, settings, real pulls from the embedded registry."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from pulltui import __version__, opening
from pulltui.__main__ import main
from pulltui.demo import Model, Registry
from pulltui.engine.errors import PullError
from pulltui.engine.service import Service
from pulltui.jsonlines import problems
from pulltui.session import Session
from pulltui.start import read_start
from pulltui.ui.app import Ended
from pulltui_config import Locations
from support.command import Terminal, command_env, run, start
from support.commands import SIZE, Command, blobs_of, whole


class TestFirstWord:
    """What the first word makes of a command line."""

    def test_version_and_help(self, here: Command) -> None:
        for flag in ("--version", "-V"):
            assert here(flag).stdout == f"pulltui {__version__}\n"
        shown = here("--help")
        assert shown.returncode == 0
        assert all(word in shown.stdout for word in ("open", "pull", "demo", "config", "Exit codes"))
        assert max(map(len, shown.stdout.splitlines())) <= 80

    @pytest.mark.parametrize(
        ("word", "meant"),
        [
            ("pul", "pulltui pull"),
            ("Pull", "pulltui pull"),
            ("confg", "pulltui config"),
            ("help", "pulltui --help"),
            ("rm", "pulltui cancel"),
            ("list", "pulltui status"),
            ("stop", "pulltui pause"),
        ],
    )
    def test_a_slip_is_refused_with_what_was_meant(self, word: str, meant: str, here: Command) -> None:
        refused = here(word, "gemma3")
        assert refused.returncode == 2
        assert f"did you mean `{meant}`" in refused.stderr
        assert f"pulltui open {word}" in refused.stderr

    def test_what_there_is_no_command_for_is_no_model_either(self, here: Command) -> None:
        refused = here("verify", "gemma3")
        assert refused.returncode == 2
        assert "'verify' is not a command. For a model of that name: `pulltui open verify`" in refused.stderr

    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["gemma3:270m"],
            ["library/pul"],
            ["open", "pul"],
            ["--models-dir", "somewhere", "tiny"],
            ["open", "list"],
        ],
    )
    def test_anything_else_is_for_the_app_which_needs_a_terminal(
        self, words: list[str], tmp_path: Path, here: Command
    ) -> None:
        refused = here(*words)
        assert refused.returncode == 2
        assert "needs a terminal" in refused.stderr
        assert "pulltui pull NAME" in refused.stderr
        assert list(tmp_path.iterdir()) == [], "nothing was made"

    @pytest.mark.parametrize(
        "words",
        [
            ["pull"],
            ["pull", "--connections", "0", "tiny"],
            ["pull", "--limit", "5", "tiny"],
            ["pause"],
            ["resume", "--all", "tiny"],
            ["cancel", "bad name"],
            ["limit", "tiny"],
            ["limit", "tiny", "5"],
            ["limit", "tiny", "0 MB/s"],
            ["--nonsense"],
            ["pull", "--models-dir", "", "tiny"],
            ["config", "nonsense"],
            ["demo", "--faults", "nonsense"],
        ],
    )
    def test_wrong_usage_ends_with_2_and_without_a_traceback(self, words: list[str], here: Command) -> None:
        refused = here(*words)
        assert refused.returncode == 2
        assert refused.stderr
        assert "Traceback" not in refused.stderr

    def test_bad_names_are_all_listed_before_anything_starts(self, tmp_path: Path, here: Command) -> None:
        refused = here("pull", "good", "bad name", "../../etc", "--models-dir", "models")
        assert refused.returncode == 2
        assert "bad name" in refused.stderr
        assert "../../etc" in refused.stderr
        assert "good" not in refused.stderr
        assert list(tmp_path.iterdir()) == []


class TestConfig:
    """`pulltui config`."""

    @staticmethod
    def write(home: Path, text: str) -> Path:
        file = home / ".config" / "pulltui" / "config.toml"
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
        return file

    def test_path_names_every_place(self, tmp_path: Path, here: Command) -> None:
        shown = here("config", "path").stdout
        assert f"{tmp_path}/.config/pulltui/config.toml" in shown
        assert f"{tmp_path}/.ollama/models" in shown
        assert "pulltui.log" in shown
        assert list(tmp_path.iterdir()) == []

    def test_show_has_every_value_and_where_it_comes_from(
        self, tmp_path: Path, here: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = self.write(tmp_path, '[transfer]\npart_size = "32 MB"\n')
        monkeypatch.setenv("PULLTUI_RETRY_MAX_RETRIES", "9")
        shown = here("config", "show")
        assert shown.returncode == 0
        rows = {line.split()[0]: line for line in shown.stdout.splitlines()}
        assert re.search(rf'"32 MB"\s+file {re.escape(str(file))}$', rows["transfer.part_size"])
        assert re.search(r"9\s+environment PULLTUI_RETRY_MAX_RETRIES$", rows["retry.max_retries"])
        assert rows["retry.stall_timeout"].endswith("default")
        assert len(rows) > 25

    def test_check_tells_every_problem_in_a_line_and_ends_with_2(self, tmp_path: Path, here: Command) -> None:
        file = self.write(
            tmp_path, '[transfer]\npart_size = "a lot"\nconections = 3\n[retry]\nmax_retries = -1\n'
        )
        checked = here("config", "check")
        assert checked.returncode == 2
        told = checked.stdout.splitlines()
        assert len(told) == 3
        assert told[0].startswith(f"error: {file}:2: transfer.part_size:")
        assert "did you mean" in told[1]
        assert told[1].startswith("warning:")
        assert "retry.max_retries" in told[2]

    def test_check_is_content_without_a_file(self, here: Command) -> None:
        checked = here("config", "check")
        assert checked.returncode == 0
        assert "does not exist" in checked.stdout

    def test_a_pull_is_not_started_with_settings_that_cannot_be_used(
        self, tmp_path: Path, here: Command
    ) -> None:
        self.write(tmp_path, '[transfer]\npart_size = "a lot"\n')
        refused = here("pull", "tiny")
        assert refused.returncode == 2
        assert "transfer.part_size" in refused.stderr
        assert not (tmp_path / ".ollama").exists()


class TestPull:
    """`pulltui pull` against the embedded registry."""

    def test_json_keeps_its_contract_and_the_model_is_there(
        self, registry: Registry, tiny: Model, tmp_path: Path
    ) -> None:
        registry.faults = "link@10MB/s"  # slow enough to be seen under way
        ended = run(["pull", *registry.names(), "--models-dir", "models", "--json"], tmp_path)
        assert (ended.returncode, ended.stderr) == (0, "")
        lines = [json.loads(line) for line in ended.stdout.splitlines()]
        assert [problem for line in lines for problem in problems(line)] == []
        events = [line["event"] for line in lines]
        assert {"resolved", "progress", "verified", "done"} <= set(events)
        assert events[-1] == "summary"
        assert lines[-1]["done"] == 1
        assert lines[-1]["models_dir"] == str(tmp_path / "models")
        assert blobs_of(tmp_path / "models") == whole(tiny)

    def test_plain_lines_say_what_happened_and_where(self, registry: Registry, tmp_path: Path) -> None:
        ended = run(["pull", *registry.names(), "--models-dir", "models"], tmp_path)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "\x1b" not in ended.stdout
        assert "\r" not in ended.stdout
        assert "verified sha256:" in ended.stdout
        assert ended.stdout.splitlines()[-1].endswith(f"models directory: {tmp_path}/models")

    def test_everything_here_already_is_done_at_once(self, registry: Registry, tmp_path: Path) -> None:
        command = ["pull", *registry.names(), "--models-dir", "models", "--json"]
        assert run(command, tmp_path).returncode == 0
        again = run(command, tmp_path)
        assert again.returncode == 0
        assert json.loads(again.stdout.splitlines()[-1])["bytes"] == 0

    def test_an_unknown_model_fails_with_1_while_the_other_comes_in(
        self, registry: Registry, tiny: Model, tmp_path: Path
    ) -> None:
        unknown = registry.names()[0].replace("tiny", "unknown")
        ended = run(["pull", unknown, *registry.names(), "--models-dir", "models"], tmp_path)
        assert ended.returncode == 1
        assert "unknown" in ended.stderr
        assert "failed" in ended.stderr
        assert blobs_of(tmp_path / "models") == whole(tiny)

    def test_no_secret_and_no_screen_text_in_the_log(self, registry: Registry, tmp_path: Path) -> None:
        run(["pull", *registry.names(), "--models-dir", "models"], tmp_path)
        log = (tmp_path / ".local/state/pulltui/log/pulltui.log").read_text(encoding="utf-8")
        assert "ended with exit code 0" in log
        assert "?" not in "".join(re.findall(r"https?://\S+", log)), "queries of signed URLs are secrets"

    def test_stdin_and_stdout_may_be_closed(self, registry: Registry, tiny: Model, tmp_path: Path) -> None:
        def close() -> None:
            os.close(0)
            os.close(1)
            os.close(2)

        process = start(
            ["pull", *registry.names(), "--models-dir", "models"],
            tmp_path,
            stdin=None,
            stdout=None,
            stderr=None,
            preexec_fn=close,
        )
        assert process.wait(timeout=60) == 0
        assert blobs_of(tmp_path / "models") == whole(tiny)


class TestApp:
    """The app as the command starts it; what it shows has tests of its own."""

    def test_a_name_opens_the_app_and_q_leaves_the_terminal_whole(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        with Terminal([*registry.names(), "--models-dir", "models"], tmp_path) as terminal:
            registry.counters.wait_for(lambda counters: counters.bytes_sent() >= SIZE, timeout=30)
            terminal.type(b"q")
            assert terminal.end() == 0
        assert terminal.seen.count(b"\x1b[?1049h") == 1
        assert b"\x1b[?1049l" in terminal.seen

    @pytest.mark.parametrize("words", [[], ["open", "tiny"], ["demo", "--faults", ""]])
    @pytest.mark.usefixtures("here")
    def test_an_engine_that_hangs_does_not_keep_the_process(
        self, words: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        shown: list[list[str]] = []

        def show(session: Session, names: Sequence[str], notices: Sequence[str] = ()) -> Ended:
            shown.append(list(notices))
            session.service.stop()
            return Ended(130, saved=False)

        def exit_at_once(code: int) -> None:
            raise SystemExit(1000 + code)

        monkeypatch.setattr(Session, "show", show)
        monkeypatch.setattr(opening, "on_terminal", lambda: True)
        monkeypatch.setattr(os, "_exit", exit_at_once)
        monkeypatch.setenv("PULLTUI_UI_FPS", "99")
        monkeypatch.setattr(sys, "argv", ["pulltui", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1130
        if words[:1] != ["demo"]:
            assert "PULLTUI_UI_FPS" in shown[0][0] and "PULLTUI_UI_FPS" in capfd.readouterr().err

    def test_an_engine_that_broke_is_told_of(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def run_app(service: Service, **_: object) -> Ended:
            service.stop()
            monkeypatch.setattr(service._thread, "failure", AssertionError("defect"))
            return Ended(1, saved=False)

        monkeypatch.setattr("pulltui.ui.app.run_app", run_app)
        start = read_start(
            Locations(config_dir=tmp_path, state_dir=tmp_path, log_dir=tmp_path), {}, tmp_path, {}
        )
        with pytest.raises(PullError, match="AssertionError: defect"), Session(start) as session:
            session.show(["tiny"])
        assert "AssertionError: defect" in start.locations.log_file.read_text()

    def test_a_demo_that_is_ended_by_a_signal_cleans_up(self, tmp_path: Path) -> None:
        temporary = tmp_path / "tmp"
        temporary.mkdir()
        env = command_env(tmp_path, TMPDIR=str(temporary))
        with Terminal(["demo"], tmp_path, env=env) as terminal:
            terminal.wait_for(rb"\x1b\[\?1049h")
            terminal.process.send_signal(signal.SIGTERM)
            assert terminal.end() == 143
        assert list(temporary.iterdir()) == []


class TestDemo:
    """`pulltui demo`."""

    def test_headless_it_ends_verified_and_leaves_nothing_behind(self, tmp_path: Path) -> None:
        temporary = tmp_path / "tmp"
        temporary.mkdir()
        ended = run(["demo", "--faults", ""], tmp_path, env=command_env(tmp_path, TMPDIR=str(temporary)))
        assert ended.returncode == 0, ended.stderr
        assert "stall_timeout" in ended.stdout
        assert "4 of 4 done" in ended.stdout
        assert list(temporary.iterdir()) == []
        assert [path.name for path in tmp_path.iterdir()] == ["tmp"], "nothing of the user's own was touched"

    def test_the_plan_of_faults_is_explained_when_it_cannot_be_read(self, tmp_path: Path) -> None:
        refused = run(["demo", "--faults", "nonsense=1/3"], tmp_path)
        assert refused.returncode == 2
        assert "nonsense" in refused.stderr
