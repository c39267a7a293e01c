"""The benchmarks work, and their arithmetic is right. What they measure is nobody's test."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench import loopback, network, rates
from bench.method import Cost, interleave, ratio, rows
from bench.network import Run, at_once, line, longest_still
from bench.rates import most_in_a_second
from bench.scenarios import SCENARIOS, Scenario
from bench.tree import STEP, MemoryWatch, descendants, resident
from pulltui.demo import parse


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


def test_a_group_of_rows_has_medians_and_the_first_ones_ratios() -> None:
    costs = {
        "a": [Cost(1, 2, 5e6), Cost(2, 2, 6e6), Cost(3, 8, 9e6)],
        "b": [Cost(2, 1, 1e6), Cost(4, 1, 1e6), Cost(6, 4, 1e6)],
    }
    first, second = (line.split() for line in rows(costs, 2_000_000_000))
    assert first == ["a", "2.00", "1.00", "6.0"]
    assert second == ["b", "4.00", "0.50", "1.0", "0.50", "[0.50,", "0.50]", "2.00", "[2.00,", "2.00]"]


def test_the_memory_of_a_command_is_that_of_all_its_processes() -> None:
    size = 50_000_000
    child = f"import sys; x = b'1' * {size}; print('there', flush=True); sys.stdin.read()"
    parent = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"
    command = [sys.executable, "-c", parent, "-c", parent, "-c", child]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "there\n"
        below = descendants(process.pid)
        deadline = time.monotonic() + 30
        with MemoryWatch(process.pid) as memory:
            while memory.most < size and time.monotonic() < deadline:
                time.sleep(STEP)
        process.stdin.close()
    assert len(below) == 2
    assert memory.most > size
    assert resident(process.pid) == 0


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_scenario_can_be_ordered(scenario: Scenario) -> None:
    assert parse(scenario.plan).number("link") == 160_000_000
    assert scenario.ideal(320_000_000) == 2 + scenario.waits


def test_what_the_server_saw_is_counted_right() -> None:
    assert at_once([]) == 0
    assert at_once([(0, 1), (1, 2), (1.5, 3), (1.6, 1.7), (4, 5)]) == 3
    assert longest_still([]) == longest_still([4]) == 0
    assert longest_still([3, 4, 9, 12]) == 4
    flow = {0: 9, 10: 1, 20: 5, 29: 5, 30: 7, 49: 100}
    assert most_in_a_second(flow, 1, 48, 0.05) == 17
    assert most_in_a_second(flow, 45, 49, 0.05) == 100


def test_a_row_has_medians_and_says_what_did_not_finish() -> None:
    def cells(*runs: Run) -> list[str]:
        return line(Scenario("x", "", 1.0), 160_000_000, "pulltui", runs).split()

    done, failed = Run("done", 4.0, 0.1, 3.0, 1.0, 8, 0.5), Run("failed", 1.0, 0.3, 0.9, 0.5, 2, 0.1)
    assert cells(done) == ["x", "2.00", "pulltui", "4.00", "2.00", "3.00", "1.000", "8", "0.50", "10%"]
    assert cells(failed)[3:5] == ["failed", "0.90"]
    assert cells(done, failed, done)[3:5] == ["4.00", "2.00"]
    assert cells(done, failed, done)[-4:] == ["1", "of", "3", "failed"]
    assert cells(failed, failed, done)[3] == "failed"


@pytest.mark.long
def test_the_network_benchmark_prints_its_table(tmp_path: Path) -> None:
    command = [sys.executable, network.__file__, "--size", "16", "--pairs", "1", "--rows", "clean,reset"]
    places = ["--keep", str(tmp_path / "kept"), "--directory", str(tmp_path)]
    done = subprocess.run([*command, *places], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()[3:]]
    assert [row[0] for row in rows] == ["clean", "clean", "reset", "reset"]
    assert [row[2] for row in rows] == ["pulltui", "aria2c"] * 2
    assert [float(row[6]) >= 1 for row in rows[:2]] == [True, True]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert len(list((tmp_path / "kept").iterdir())) == 8


@pytest.mark.long
def test_the_benchmark_of_the_cap_prints_its_table(tmp_path: Path) -> None:
    command = [sys.executable, rates.__file__, "--seconds", "0.5", "--pulls", "2"]
    done = subprocess.run(
        [*command, "--directory", str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[:2] for line in done.stdout.splitlines()[3:]] == [
        ["2", "2"],
        ["2", "10"],
        ["2", "50"],
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_the_loopback_benchmark_prints_its_table(tmp_path: Path) -> None:
    command = [
        sys.executable,
        loopback.__file__,
        "--size",
        "32MiB",
        "--pairs",
        "2",
        "--connections",
        "auto,4",
    ]
    done = subprocess.run(
        [*command, "--directory", str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split()[0] for line in done.stdout.splitlines() if line]
    group = ["pulltui", "aria2c", "curl"]
    assert rows == ["32", "wall", *["http,", *group] * 2, *["https,", *group] * 2]
    assert list(tmp_path.iterdir()) == []
