"""Memory does not grow with the blob: a small and a huge one need the same."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support import measured
from support.command import command_env

pytestmark = pytest.mark.long

MOST = 120_000_000
APART = 10_000_000
TIMES = 5
ENOUGH = 400_000_000
"""Bytes after which a pull is stopped."""
LINK = "link@40MB/s"
"""At full speed what waits for the disk, which may be slow just now, would be most of what is measured; the
benchmark of memory measures that."""


@contextmanager
def _registry(model: str) -> Iterator[str]:
    """The embedded registry in a process of its own with one model (NAME=SIZE); gives the name to pull."""
    with subprocess.Popen(
        [sys.executable, "-m", "pulltui.demo", "--faults", LINK, "--models", model],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        [name] = json.loads(process.stdout.readline())["names"]
        yield name
        process.terminate()
        process.stdout.read()  # its last words: without a reader it would complain


def _pull(name: str, home: Path) -> dict[str, Any]:
    """Pull headless, stop with SIGTERM after `ENOUGH` bytes; return what it cost (support.measured)."""
    os.sync()  # nobody pays for what another one left to be written
    report = home / "report"
    command = ["pull", name, "--models-dir", str(home / "models"), "--json"]
    with subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-S",
            measured.__file__,
            str(report),
            sys.executable,
            "-m",
            "pulltui",
            *command,
        ],
        env=command_env(home, PULLTUI_STORAGE_CHECK_SPACE="false"),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        stopped = False
        for line in process.stdout:
            found = json.loads(line)
            if not stopped and found["event"] == "progress" and found["done"] >= ENOUGH:
                process.terminate()
                stopped = True
    cost: dict[str, Any] = json.loads(report.read_text())
    return cost


def test_a_blob_of_50_gb_needs_no_more_memory_than_one_of_1_gb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    peaks = {}
    for model in ("small=1GB", "huge=~50GB"):
        costs = []
        with _registry(model) as name:
            for _ in range(TIMES):
                with TemporaryDirectory(dir=tmp_path) as home:
                    costs.append(_pull(name, Path(home)))
        assert {cost["code"] for cost in costs} == {128 + signal.SIGTERM}
        peaks[model] = sorted(cost["rss"] for cost in costs)
    with capsys.disabled():
        for model, found in peaks.items():
            print(f"\n{model}: peaks of {', '.join(f'{peak / 1e6:.1f}' for peak in found)} MB", end="")
    small, huge = (statistics.median(found) for found in peaks.values())
    assert abs(huge - small) < APART
    assert max(peak for found in peaks.values() for peak in found) < MOST
