"""What happens around the command when a pull ends: hooks, the bell; and settings that change before that."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from pulltui.demo import Registry
from pulltui.jsonlines import problems
from support.command import Terminal, command_env, run, start
from support.commands import SIZE, SLOW
from support.registry import MB

RUNG = rb"\x1b\]9;pulltui: [^\x07]*tiny:latest is done, 6.00 MB\x07\x07"


def settings_of(home: Path) -> Path:
    """The settings file of `home`, in a directory that is there."""
    file = home / ".config" / "pulltui" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def rewrite(file: Path, text: str) -> None:
    """Change the settings file in one step: whoever looks finds the old text or the new."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def pull(registry: Registry, *more: str) -> list[str]:
    return ["pull", *registry.names(), "--models-dir", "models", *more]


class TestHooks:
    """`hooks.on_done` and `hooks.on_failed` of a command."""

    def test_the_command_waits_for_them(self, registry: Registry, tmp_path: Path) -> None:
        hook = ["/bin/sh", "-c", 'sleep 0.3; echo "$PULLTUI_NAME $PULLTUI_MODELS_DIR" > done']
        settings_of(tmp_path).write_text(f"[hooks]\non_done = {json.dumps(hook)}\n")
        ended = run(pull(registry), tmp_path)
        assert (ended.returncode, ended.stderr) == (0, "")
        name = registry.names()[0].removeprefix("http://")
        assert (tmp_path / "done").read_text() == f"{name} {tmp_path}/models\n"

    def test_one_that_fails_is_told_in_lines_and_in_json(self, registry: Registry, tmp_path: Path) -> None:
        env = command_env(tmp_path, PULLTUI_HOOKS_ON_DONE='["/bin/sh", "-c", "echo bad luck; exit 7"]')
        ended = run(pull(registry), tmp_path, env=env)
        why = "hooks.on_done: exit status 7: bad luck"
        assert ended.returncode == 0, "the pull is done all the same"
        assert f"tiny:latest: {why}\n" in ended.stdout
        again = run(pull(registry, "--json"), tmp_path, env=env)
        lines = [json.loads(line) for line in again.stdout.splitlines()]
        assert [problem for line in lines for problem in problems(line)] == []
        assert [line["why"] for line in lines if line["event"] == "note"] == [why]
        assert why in (tmp_path / ".local/state/pulltui/log/pulltui.log").read_text()

    def test_a_signal_ends_them(self, registry: Registry, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "alive")
        env = command_env(tmp_path, PULLTUI_HOOKS_ON_DONE='["/bin/sh", "-c", "exec 3> alive; sleep 1000"]')
        process = start(pull(registry), tmp_path, env=env)
        with (tmp_path / "alive").open("rb") as alive:  # when the hook has it open, too
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
            assert alive.read() == b""
        assert (process.returncode, err) == (0, "")
        assert "hooks.on_done: ended because pulltui ends" in out


class TestBell:
    """`ui.bell` of a command."""

    def test_it_rings_on_a_terminal(self, registry: Registry, tmp_path: Path) -> None:
        env = command_env(tmp_path, PULLTUI_UI_BELL="true")
        with Terminal(pull(registry), tmp_path, env=env) as terminal:
            terminal.wait_for(RUNG)
            assert terminal.end() == 0

    @pytest.mark.parametrize(("bell", "more"), [("false", []), ("true", ["--json"])])
    def test_it_is_silent_otherwise(
        self, bell: str, more: list[str], registry: Registry, tmp_path: Path
    ) -> None:
        env = command_env(tmp_path, PULLTUI_UI_BELL=bell)
        with Terminal(pull(registry, *more), tmp_path, env=env) as terminal:
            assert terminal.end() == 0
            assert b"\x07" not in terminal.seen
        piped = run(pull(registry, *more), tmp_path, env=env)
        assert "\x07" not in piped.stdout + piped.stderr

    def test_it_rings_in_the_app_between_two_frames(self, registry: Registry, tmp_path: Path) -> None:
        env = command_env(tmp_path, PULLTUI_UI_BELL="true")
        with Terminal([*registry.names(), "--models-dir", "models"], tmp_path, env=env) as terminal:
            terminal.wait_for(RUNG)
            terminal.type(b"q")
            assert terminal.end() == 0


class TestChanges:
    """Settings that change under a command that runs."""

    def test_they_count_at_once_and_are_told(self, registry: Registry, tmp_path: Path) -> None:
        file = settings_of(tmp_path)
        file.write_text('[transfer]\nbandwidth = "500 KB/s"\n')
        process = start(pull(registry, "--json"), tmp_path)
        registry.counters.wait_for(lambda counters: counters.bytes_sent() > 0, timeout=30)
        rewrite(file, '[transfer]\nbandwidth = "unlimited"\n[ui]\nfps = 200\n')
        assert process.stdout is not None and process.stderr is not None
        lines = map(json.loads, process.stdout)
        told = next(line for line in lines if line["event"] == "note")
        assert told["why"].startswith(f"settings stay as they are: {file}:4: ui.fps: 200")
        rewrite(file, '[transfer]\nbandwidth = "unlimited"\nconnections = 3\n')
        notes = [line for line in lines if line["event"] == "note"]
        assert (process.wait(timeout=30), process.stderr.read()) == (0, "")
        assert [(line["pull"], line["why"]) for line in notes] == [
            (
                None,
                'settings: transfer.connections: "auto" -> 3; transfer.bandwidth: "500 KB/s" -> "unlimited"',
            )
        ]

    def test_a_limit_of_the_command_line_holds_against_the_file(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        file = settings_of(tmp_path)
        file.write_text("")
        process = start(pull(registry, "--json", "--limit", "3 MB/s"), tmp_path)
        registry.counters.wait_for(lambda counters: counters.bytes_sent() > 0, timeout=30)
        rewrite(file, '[transfer]\nbandwidth = "unlimited"\nactive_pulls = 3\n')
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        lines = [json.loads(line) for line in out.splitlines()]
        assert "settings: transfer.active_pulls: 2 -> 3" in [line.get("why") for line in lines]
        assert SIZE / lines[-1]["seconds"] < 3.5 * MB


def test_the_app_shows_a_change_of_the_settings(registry: Registry, tmp_path: Path) -> None:
    registry.faults = SLOW
    file = settings_of(tmp_path)
    file.write_text("")
    with Terminal([*registry.names(), "--models-dir", "models"], tmp_path) as terminal:
        registry.counters.wait_for(lambda counters: counters.bytes_sent() > 0, timeout=30)
        rewrite(file, "[transfer]\nactive_pulls = 5\n")
        terminal.wait_for(rb"transfer.active_pulls: 2")
        terminal.type(b"q")
        terminal.wait_for(rb"pulltui: 1 pull is unfinished. Everything received is recorded")
        assert terminal.end() == 0
