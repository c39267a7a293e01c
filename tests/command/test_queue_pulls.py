"""The commands for the queue beside real pulls: what these leave is shown, and gone on with."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from pulltui.demo import Model, Registry
from pulltui.desk import HELD
from pulltui.engine.queuefile import Entry
from support.command import Terminal, run, start
from support.commands import SIZE, SLOW, SOME, Command, blobs_of, whole
from support.queuefiles import Files
from support.registry import MB


class TestWithPulls:
    """The commands around pulls that really run."""

    @staticmethod
    def status(home: Path) -> tuple[int, dict[str, Any]]:
        """What `status --json` says about `models`, and its exit code."""
        shown = run(["status", "--json", "--models-dir", "models"], home)
        return shown.returncode, json.loads(shown.stdout)

    def test_a_pull_that_was_stopped_is_shown_paused_and_deleted(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        registry.faults = SLOW
        process = start(["pull", *registry.names(), "--models-dir", "models"], tmp_path)
        registry.counters.wait_for(lambda counters: counters.bytes_sent() > SOME, timeout=30)
        code, shown = self.status(tmp_path)
        assert (code, str(process.pid) in shown["held"]) == (HELD, True)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        code, shown = self.status(tmp_path)
        (pull,) = shown["pulls"]
        assert (code, shown["held"], pull["state"]) == (0, None, "queued")
        assert 0 < pull["done"] < pull["total"]
        for command in ("pause", "cancel --delete"):
            words = [*command.split(), *registry.names(), "--models-dir", "models"]
            assert run(words, tmp_path).returncode == 0
        assert self.status(tmp_path)[1]["pulls"] == []
        assert list((tmp_path / "models/.pulltui").glob("sha256-*")) == []

    def test_the_app_goes_on_with_what_waits_and_not_with_what_was_paused(
        self, registry: Registry, tiny: Model, tmp_path: Path
    ) -> None:
        registry.faults = SLOW
        with Terminal([*registry.names(), "--models-dir", "models"], tmp_path) as terminal:
            registry.counters.wait_for(lambda counters: counters.bytes_sent() > SOME, timeout=30)
            terminal.type(b"q")
            assert terminal.end() == 0
        registry.faults = ""
        mark = registry.counters.mark()
        assert run(["pause", "--all", "--models-dir", "models"], tmp_path).returncode == 0
        with Terminal(["--models-dir", "models"], tmp_path) as terminal:
            terminal.wait_for(rb"paused")
            terminal.type(b"q")
            assert terminal.end() == 0
        assert registry.counters.bytes_sent(since=mark) == 0
        assert run(["resume", *registry.names(), "--models-dir", "models"], tmp_path).returncode == 0
        with Terminal(["--models-dir", "models"], tmp_path) as terminal:
            terminal.wait_for(rb"is done")
            terminal.type(b"q")
            assert terminal.end() == 0
        assert blobs_of(tmp_path / "models") == whole(tiny)
        assert registry.counters.bytes_sent(since=mark) < SIZE, "what had come was not fetched again"
        assert self.status(tmp_path)[1]["pulls"] == []

    def test_a_headless_pull_leaves_and_tells_nothing_of_the_rest_of_the_queue(
        self, registry: Registry, here: Command, tmp_path: Path
    ) -> None:
        files = Files(tmp_path / "models")
        entry = Entry(name=f"{registry.host}/library/other:latest", scheme="http")
        files.save(entry)
        ended = here("pull", *registry.names(), "--models-dir", "models", "--json")
        assert ended.returncode == 0, ended.stderr
        names = {json.loads(line)["pull"] for line in ended.stdout.splitlines()}
        assert names == {None, registry.names()[0].removeprefix("http://")}
        assert files.entries == (entry,)
        assert not [record for record in registry.counters.records() if "other" in record.target]

    def test_a_cap_of_the_command_line_counts_when_it_runs(self, registry: Registry, tmp_path: Path) -> None:
        registry.faults = SLOW
        process = start(["pull", *registry.names(), "--models-dir", "models"], tmp_path)
        registry.counters.wait_for(lambda counters: counters.bytes_sent() > SOME, timeout=30)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        registry.faults = ""
        words = ["limit", registry.names()[0], "2 MB/s", "--models-dir", "models"]
        assert run(words, tmp_path).returncode == 0
        left = self.status(tmp_path)[1]["pulls"][0]
        ended = run(["pull", *registry.names(), "--models-dir", "models", "--json"], tmp_path)
        last = json.loads(ended.stdout.splitlines()[-1])
        assert last["done"] == 1
        assert (left["total"] - left["done"]) / last["seconds"] < 2.4 * MB
