"""The benchmarks work, and their arithmetic is right. What they measure is nobody's test."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench import loopback, network, rates
from bench.method import Cost, interleave, interval, ratio, rows
from bench.network import at_once, longest_still
from bench.rates import most_in_a_second
from bench.scenarios import GROUPS, LINK, Scenario
from bench.tree import STEP, MemoryWatch, descendants, peak, resident
from pulltui.demo import parse
from support import benchmark


def test_the_median_ratio_lies_within_its_interval() -> None:
    assert ratio([2, 4, 6], [1, 2, 3]) == (2, 2, 2)
    assert interval([3]) == (3, 3, 3)
    assert interval([1, math.inf, math.inf])[0] == math.inf
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
        assert 0 < resident(process.pid) <= peak(process.pid)
        deadline = time.monotonic() + 30
        with MemoryWatch(process.pid) as memory:
            while memory.most < size and time.monotonic() < deadline:
                time.sleep(STEP)
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ProcessLookupError, match="has ended"):
            peak(process.pid)
    assert len(below) == 2
    assert memory.most > size
    assert resident(process.pid) == 0


TWO_SECONDS = 2 * LINK
WAITS = {"503": 4, "latency": 0.25, "loss": 20, "paced+ttfb": 0.25, "max+ttfb": 0.25, "expire+ttfb": 1}


@pytest.mark.parametrize("scenario", [*GROUPS["usual"], *GROUPS["mixes"]], ids=lambda one: one.name)
def test_every_scenario_can_be_ordered(scenario: Scenario) -> None:
    assert parse(scenario.plan).number("link") == LINK
    assert scenario.ideal(TWO_SECONDS) == 2 + WAITS.get(scenario.name, 0)


@pytest.mark.parametrize(
    ("plan", "ideal"),
    [
        ("link@80MB/s", 4),
        ("max@4,rate@5MB/s", 16),
        ("slow@10MB/s,rate@20MB/s,max@2", 16),
        ("norange,rate@5MB/s,max@4", 64),
        ("norange=1/2,max@100,rate@5MB/s", 2),
        ("manifest:503@2s,resolve:ttfb@1s,503@4s,ttfb@250ms", 2 + 2 + 1 + 4.25),
        ("503@4s,429@3s", 6),
        ("ttfb=1/2@1s,503=1/3@1s,resolve:ttfb@1s*1,429*3", 2),
        ("quiet@3s", 5),
        ("outage@3s-9s", 2),
        ("ttfb@1500ms,outage@3s-9s", 2 + 1.5 + 6),
        ("resolve:ttfb@1500ms,outage@3s-9s", 2 + 1.5),
        ("resolve:ttfb@1500ms,offline@3s-9s", 2 + 1.5 + 6),
        ("offline@0s-5s", 7),
    ],
)
def test_the_ideal_knows_the_waits_that_nobody_avoids(plan: str, ideal: float) -> None:
    assert Scenario("other", plan).ideal(TWO_SECONDS) == ideal


def test_what_the_server_saw_is_counted_right() -> None:
    assert at_once([]) == 0
    assert at_once([(0, 1), (1, 2), (1.5, 3), (1.6, 1.7), (4, 5)]) == 3
    assert longest_still([]) == longest_still([4]) == 0
    assert longest_still([3, 4, 9, 12]) == 4
    flow = {0: 9, 10: 1, 20: 5, 29: 5, 30: 7, 49: 100}
    assert most_in_a_second(flow, 1, 48, 0.05) == 17
    assert most_in_a_second(flow, 45, 49, 0.05) == 100


@pytest.mark.long
def test_the_network_benchmark_prints_its_table(tmp_path: Path) -> None:
    command = [sys.executable, network.__file__, "--size", "16", "--pairs", "1", "--rows", "clean,reset"]
    clients = ["pulltui", "aria2c", "curl", "fixed"]
    places = ["--keep", str(tmp_path / "kept"), "--directory", str(tmp_path), "--clients", ",".join(clients)]
    done = benchmark.run([*command, *places])
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()[3:]]
    assert [row[0] for row in rows] == ["clean"] * 4 + ["reset"] * 4
    assert [row[2] for row in rows] == clients * 2
    assert [float(row[8]) >= 1 for row in rows[:4]] == [True] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert len(list((tmp_path / "kept").iterdir())) == 16


@pytest.mark.long
def test_the_benchmark_of_the_cap_prints_its_table(tmp_path: Path) -> None:
    command = [sys.executable, rates.__file__, "--seconds", "0.5", "--pulls", "2"]
    done = benchmark.run([*command, "--directory", str(tmp_path)])
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
        "--transports",
        "fast,httpx",
    ]
    done = benchmark.run([*command, "--directory", str(tmp_path)])
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split()[0] for line in done.stdout.splitlines() if line]
    group = ["pulltui", "pulltui", "aria2c", "curl"]
    assert rows == ["32", "wall", *["http,", *group] * 2, *["https,", *group] * 2]
    assert list(tmp_path.iterdir()) == []
