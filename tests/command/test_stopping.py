"""Signals, broken outputs, a second process: how the command ends, with everything saved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulltui.demo import Model, Registry
from support.command import Terminal, run, start
from support.commands import SIZE, SLOW, SOME, blobs_of, whole


class TestStopping:
    """Ways to end a pull in the middle."""

    @pytest.fixture
    def slow(self, tiny: Model) -> Iterator[Registry]:
        with Registry([tiny], SLOW) as started:
            yield started

    @staticmethod
    def begin(registry: Registry, home: Path, *more: str) -> subprocess.Popen[str]:
        """Start a pull and return it once some of the large blob has come in."""
        process = start(["pull", *registry.names(), "--models-dir", "models", "--json", *more], home)
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("done", 0) > SOME:
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
        out, err = process.communicate(timeout=30)
        assert process.returncode == code, err
        assert err == ""
        last = json.loads(out.splitlines()[-1])
        assert (last["event"], last["unfinished"], last["exit_code"]) == ("summary", 1, code)
        slow.faults = ""
        mark = slow.counters.mark()
        ended = run(["pull", *slow.names(), "--models-dir", "models", "--json"], tmp_path)
        assert ended.returncode == 0, ended.stderr
        assert slow.counters.bytes_sent(since=mark) < SIZE, "what had come was not fetched again"
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
        with Terminal(["pull", *slow.names(), "--models-dir", "models"], tmp_path) as terminal:
            terminal.wait_for(rb"\r\x1b\[K[^\r]*[1-9]\d*%  [^\r]*connection")
            terminal.type(b"\x03")
            assert terminal.end() == 130
        assert b"run the same command again" in terminal.seen.lower()

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
        slow.counters.wait_for(lambda counters: counters.bytes_sent() > SOME)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
        os.close(read)
