"""The command as people run it: first words, exit codes, settings, real pulls from the embedded registry."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulltui import __version__
from pulltui.demo import Model, Registry
from pulltui.jsonlines import problems
from support.command import command_env, run, start
from support.registry import MB, make_model

SIZE = 6 * MB
SLOW = "link@2MB/s"


@pytest.fixture
def tiny() -> Model:
    return make_model("tiny", SIZE)


@pytest.fixture
def registry(tiny: Model) -> Iterator[Registry]:
    with Registry([tiny]) as started:
        yield started


def blobs_of(models: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in (models / "blobs").iterdir()}


def whole(model: Model) -> dict[str, int]:
    return {digest.replace(":", "-"): blob.size for digest, blob in model.blobs.items()}


class TestFirstWord:
    """What the first word makes of a command line."""

    def test_version_and_help(self, tmp_path: Path) -> None:
        for flag in ("--version", "-V"):
            assert run([flag], tmp_path).stdout == f"pulltui {__version__}\n"
        shown = run(["--help"], tmp_path)
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
        ],
    )
    def test_a_slip_is_refused_with_what_was_meant(self, word: str, meant: str, tmp_path: Path) -> None:
        refused = run([word, "gemma3"], tmp_path)
        assert refused.returncode == 2
        assert f"did you mean `{meant}`" in refused.stderr
        assert f"pulltui open {word}" in refused.stderr

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
        self, words: list[str], tmp_path: Path
    ) -> None:
        refused = run(words, tmp_path)
        assert refused.returncode == 2
        assert "needs a terminal" in refused.stderr
        assert "pulltui pull NAME" in refused.stderr
        assert list(tmp_path.iterdir()) == [], "nothing was made"

    @pytest.mark.parametrize(
        "words",
        [
            ["pull"],
            ["pull", "--connections", "0", "tiny"],
            ["pull", "--limit", "1MB/s", "tiny"],
            ["--nonsense"],
            ["pull", "--models-dir", "", "tiny"],
            ["config", "nonsense"],
            ["demo", "--faults", "nonsense"],
        ],
    )
    def test_wrong_usage_ends_with_2_and_without_a_traceback(self, words: list[str], tmp_path: Path) -> None:
        refused = run(words, tmp_path)
        assert refused.returncode == 2
        assert refused.stderr
        assert "Traceback" not in refused.stderr

    def test_bad_names_are_all_listed_before_anything_starts(self, tmp_path: Path) -> None:
        refused = run(["pull", "good", "bad name", "../../etc", "--models-dir", "models"], tmp_path)
        assert refused.returncode == 2
        assert "bad name" in refused.stderr
        assert "../../etc" in refused.stderr
        assert "good" not in refused.stderr
        assert not (tmp_path / "models").exists()


class TestConfig:
    """`pulltui config`."""

    @staticmethod
    def write(home: Path, text: str) -> Path:
        file = home / ".config" / "pulltui" / "config.toml"
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
        return file

    def test_path_names_every_place(self, tmp_path: Path) -> None:
        shown = run(["config", "path"], tmp_path).stdout
        assert f"{tmp_path}/.config/pulltui/config.toml" in shown
        assert f"{tmp_path}/.ollama/models" in shown
        assert "pulltui.log" in shown
        assert list(tmp_path.iterdir()) == []

    def test_show_has_every_value_and_where_it_comes_from(self, tmp_path: Path) -> None:
        file = self.write(tmp_path, '[transfer]\npart_size = "32 MB"\n')
        env = {"PULLTUI_RETRY_MAX_RETRIES": "9"}
        shown = run(["config", "show"], tmp_path, env=command_env(tmp_path, **env))
        assert shown.returncode == 0
        rows = {line.split()[0]: line for line in shown.stdout.splitlines()}
        assert re.search(rf'"32 MB"\s+file {re.escape(str(file))}$', rows["transfer.part_size"])
        assert re.search(r"9\s+environment PULLTUI_RETRY_MAX_RETRIES$", rows["retry.max_retries"])
        assert rows["retry.stall_timeout"].endswith("default")
        assert len(rows) > 25

    def test_check_tells_every_problem_in_a_line_and_ends_with_2(self, tmp_path: Path) -> None:
        file = self.write(
            tmp_path, '[transfer]\npart_size = "a lot"\nconections = 3\n[retry]\nmax_retries = -1\n'
        )
        checked = run(["config", "check"], tmp_path)
        assert checked.returncode == 2
        told = checked.stdout.splitlines()
        assert len(told) == 3
        assert told[0].startswith(f"error: {file}:2: transfer.part_size:")
        assert "did you mean" in told[1]
        assert told[1].startswith("warning:")
        assert "retry.max_retries" in told[2]

    def test_check_is_content_without_a_file(self, tmp_path: Path) -> None:
        checked = run(["config", "check"], tmp_path)
        assert checked.returncode == 0
        assert "does not exist" in checked.stdout

    def test_a_pull_is_not_started_with_settings_that_cannot_be_used(self, tmp_path: Path) -> None:
        self.write(tmp_path, '[transfer]\npart_size = "a lot"\n')
        refused = run(["pull", "tiny"], tmp_path)
        assert refused.returncode == 2
        assert "transfer.part_size" in refused.stderr
        assert not (tmp_path / ".ollama").exists()


class TestPull:
    """`pulltui pull` against the embedded registry."""

    def test_json_keeps_its_contract_and_the_model_is_there(
        self, registry: Registry, tiny: Model, tmp_path: Path
    ) -> None:
        name = registry.names()[0]
        ended = run(["pull", name, "--models-dir", "models", "--json"], tmp_path)
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


class TestStopping:
    """Ways to end a pull in the middle."""

    @pytest.fixture
    def slow(self, tiny: Model) -> Iterator[Registry]:
        with Registry([tiny], SLOW) as started:
            yield started

    @staticmethod
    def begin(registry: Registry, home: Path, *more: str) -> subprocess.Popen[str]:
        """Start a pull and return it once bytes have come in."""
        process = start(["pull", *registry.names(), "--models-dir", "models", "--json", *more], home)
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("done", 0) > 0:
                return process
        raise AssertionError(process.communicate())

    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
    )
    def test_a_signal_saves_and_the_same_command_goes_on(
        self, number: int, code: int, slow: Registry, tiny: Model, tmp_path: Path
    ) -> None:
        process = self.begin(slow, tmp_path)
        process.send_signal(number)
        sent = time.monotonic()
        out, err = process.communicate(timeout=30)
        assert process.returncode == code, err
        assert time.monotonic() - sent < 10
        assert err == ""
        last = json.loads(out.splitlines()[-1])
        assert (last["event"], last["unfinished"], last["exit_code"]) == ("summary", 1, code)
        slow.faults = ""
        ended = run(["pull", *slow.names(), "--models-dir", "models", "--json"], tmp_path)
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout.splitlines()[-1])["bytes"] < SIZE, (
            "what had come was not fetched again"
        )
        assert blobs_of(tmp_path / "models") == whole(tiny)

    def test_a_second_process_is_told_who_holds_the_directory(self, slow: Registry, tmp_path: Path) -> None:
        process = self.begin(slow, tmp_path)
        refused = run(["pull", *slow.names(), "--models-dir", "models"], tmp_path)
        assert refused.returncode == 4
        assert str(process.pid) in refused.stderr
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)

    def test_a_reader_that_goes_away_ends_it_without_a_traceback(
        self, slow: Registry, tmp_path: Path
    ) -> None:
        process = self.begin(slow, tmp_path)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=30) == 141

    def test_on_a_terminal_a_live_line_is_drawn_and_ctrl_c_says_that_the_state_is_kept(
        self, slow: Registry, tmp_path: Path
    ) -> None:
        master, slave = pty.openpty()
        command = ["pull", *slow.names(), "--models-dir", "models"]
        process = start(command, tmp_path, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        seen = b""
        while not re.search(rb"[1-9]\d*%  [^\r]*connection", seen):
            seen += os.read(master, 4096)
        assert b"\r\x1b[K" in seen
        process.send_signal(signal.SIGINT)
        try:
            while chunk := os.read(master, 4096):
                seen += chunk
        except OSError:
            pass  # how Linux says that nobody has the other end open
        os.close(master)
        assert process.wait(timeout=30) == 130
        assert b"Nothing is lost: run the same command again" in seen

    def test_a_terminal_that_stopped_reading_does_not_hold_a_signal_up(
        self, slow: Registry, tmp_path: Path
    ) -> None:
        read, write = os.pipe()
        os.set_blocking(write, False)
        while True:
            try:
                os.write(write, b"x" * 4096)
            except BlockingIOError:
                break
        os.set_blocking(write, True)
        process = start(["pull", *slow.names(), "--models-dir", "models"], tmp_path, stdout=write)
        os.close(write)
        slow.counters.wait_for(lambda counters: counters.bytes_sent() > 1 * MB)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
        os.close(read)


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
