"""How things are compared here: in interleaved pairs, by the median ratio with a bootstrap interval.

What two runs beside each other cost is divided pair by pair, so that a machine that is slower for a while
slows both. The interval is the percentile bootstrap's (Efron and Tibshirani, An Introduction to the
Bootstrap, chapter 13) of the median.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.tree import MemoryWatch
from support import measured

PAIRS = 7
RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds by the clock, seconds of processor, peak of resident memory in bytes."""

    wall: float
    cpu: float
    rss: float


def measure(commands: Sequence[Sequence[str]], env: Mapping[str, str], scratch: Path) -> Cost:
    """Run commands one after the other; wall and processor add up, of memory the largest counts.

    A command's memory is that of all its processes together. Raises RuntimeError with the output of one that
    fails.
    """
    costs = []
    for command in commands:
        report, output = scratch / "report", scratch / "output"
        with output.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", measured.__file__, str(report), *command],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
            with MemoryWatch(process.pid) as memory:
                code = process.wait()
        if code:
            raise RuntimeError(f"{command[0]} ended with {code}:\n{output.read_text()}")
        found = json.loads(report.read_text())
        # The kernel's own peak is exact, but of the largest process only.
        costs.append(Cost(found["wall"], found["cpu"], max(found["rss"], memory.most)))
    return Cost(sum(c.wall for c in costs), sum(c.cpu for c in costs), max(c.rss for c in costs))


def interleave(runs: Mapping[str, Callable[[], Cost]], pairs: int) -> dict[str, list[Cost]]:
    """Run everything once to warm up, then `pairs` rounds, each in another order; the costs by name."""
    for run in runs.values():
        run()
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    order = list(runs)
    for number in range(pairs):
        os.sync()  # nobody pays for what another one left to be written
        for name in order[number % len(order) :] + order[: number % len(order)]:
            costs[name].append(runs[name]())
    return costs


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """The median, and its interval's two ends."""
    draw = random.Random(seed)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    edge = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    return statistics.median(values), medians[edge], medians[-1 - edge]


def ratio(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """The median of ours/theirs over the pairs, and its interval's two ends."""
    return interval([mine / other for mine, other in zip(ours, theirs, strict=True)], seed)


def told(middle: float, low: float, high: float) -> str:
    """A ratio with its interval, as all tables show it."""
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


HEAD = (
    f"{'':18}{'wall s':>9}{'processor s/GB':>16}{'memory MB':>11}"
    f"{'ours / its wall':>22}{'ours / its processor':>22}"
)


def rows(costs: Mapping[str, Sequence[Cost]], size: int) -> list[str]:
    """A line for each, medians, beneath `HEAD`; the others with the first one's ratios to them.

    `size` is what each run fetched, in bytes.
    """
    first, *_ = costs
    lines = []
    for name, found in costs.items():
        wall, cpu, rss = (
            statistics.median(getattr(c, what) for c in found) for what in ("wall", "cpu", "rss")
        )
        cells = [f"{name:18}{wall:9.2f}{cpu / (size / 1e9):16.2f}{rss / 1e6:11.1f}"]
        if name != first:
            for what in ("wall", "cpu"):
                ours, theirs = ([getattr(c, what) for c in costs[which]] for which in (first, name))
                cells.append(f"{told(*ratio(ours, theirs)):>22}")
        lines.append("".join(cells))
    return lines
