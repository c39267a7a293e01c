"""The benchmarks work, and their arithmetic is right. What they measure is nobody's test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bench import loopback
from bench.method import Cost, interleave, ratio


def test_the_median_ratio_lies_within_its_interval() -> None:
    assert ratio([2, 4, 6], [1, 2, 3]) == (2, 2, 2)
    middle, low, high = ratio([1, 2, 3, 4, 5, 6, 7], [1] * 7)
    assert middle == 4
    assert 1 <= low < middle < high <= 7


def test_every_pair_is_run_after_a_warm_up_in_another_order() -> None:
    ran: list[str] = []

    def run(name: str) -> Cost:
        ran.append(name)
        return Cost(1, 1, len(ran))

    costs = interleave({name: lambda name=name: run(name) for name in "ab"}, 2)  # type: ignore[misc]
    assert "".join(ran) == "ab" + "ab" + "ba"
    assert [cost.rss for cost in costs["a"]] == [3, 6]


@pytest.mark.long
def test_the_loopback_benchmark_prints_its_table(tmp_path: Path) -> None:
    command = [sys.executable, loopback.__file__, "--size", "32MiB", "--pairs", "2"]
    done = subprocess.run(
        [*command, "--directory", str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split()[0] for line in done.stdout.splitlines() if line]
    assert rows == ["32", "wall", "pulltui", "aria2c", "curl,", "median", "pulltui", "pulltui"]
    assert list(tmp_path.iterdir()) == []
