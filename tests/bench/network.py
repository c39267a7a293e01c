"""A blob over networks that misbehave: pulltui beside aria2c, each against the ideal.

    python tests/bench/network.py [--size 256] [--rows clean,stall,...] [--pairs N] [--keep DIR]

The embedded registry serves one blob from a process of its own, behind a link of 160 MB/s; what goes wrong
and what would be ideal is in scenarios.py. Both clients run as their users run them, check the digest, and
write to a directory that is deleted afterwards. Columns, medians of the pairs:

    seconds      from the command's start to its end, the digest checked
    of ideal     those seconds over the ideal's
    transfer     seconds from the first request for a blob to the last byte of the large one that was sent
    wire         bytes that the server sent to such requests over the blob's size
    connections  such requests in flight, the most at once
    still        the longest time in which the server sent none of the blob's bytes, from the first such
                 request until all were sent (or the client had ended), to 50 ms
    server       share of a core that the server used: near 100 % it is the server that was measured

`--faults SPEC` measures a mix of your own. Who needs more than five times the ideal and a minute is stopped:
unfinished. Needs Debian's aria2.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

from bench.checkout import environment
from bench.origin import Origin
from bench.scenarios import SCENARIOS, Scenario
from pulltui.demo import FaultError, parse
from support.debian import program

MB = 1_000_000
PATH = "library/bench"
CLIENTS = ("pulltui", "aria2c")
DONE = "done"


@dataclass(frozen=True)
class Run:
    """How one client fared: see the module's description; `outcome` is done, failed, unfinished or wrong
    bytes.
    """

    outcome: str
    seconds: float
    server: float
    transfer: float
    wire: float
    connections: int
    still: float


@dataclass(frozen=True)
class Bench:
    """What all runs share: bytes of the blob, the directory to work in, the one for what there is to say."""

    size: int
    scratch: Path
    keep: Path | None

    def run(self, client: str, scenario: Scenario, seed: int) -> Run:
        """Pull once, in a directory that is deleted; `seed` decides which requests the faults hit."""
        with (
            tempfile.TemporaryDirectory(dir=self.scratch) as name,
            Origin([f"bench={self.size // MB}MB"], scenario.plan, seed) as origin,
        ):
            home = Path(name)
            digest, url = origin.model(PATH)
            command = pulltui(origin, home) if client == "pulltui" else aria2c(url, digest, home)
            log = (self.keep or home) / f"{scenario.name}-{client}-{seed}.log"
            os.sync()  # nobody pays for what another one left to be written
            used = origin.cpu
            outcome, seconds = _timed(command, home, log, 5 * scenario.ideal(self.size) + 60)
            share = (origin.cpu - used) / seconds
            counters = origin.counters()
            if outcome == DONE and not _is_right(home, client, digest):
                outcome = "wrong bytes"
        if self.keep is not None:
            log.with_suffix(".json").write_text(json.dumps(counters))
        return Run(outcome, seconds, share, *_seen(counters, digest, self.size, outcome == DONE))


def _seen(
    counters: dict[str, Any], digest: str, size: int, complete: bool
) -> tuple[float, float, int, float]:
    """What the server saw: `transfer`, `wire`, `connections` and `still` of the run."""
    records = [r for r in counters["records"] if r["place"] == "blob"]
    slot, now = counters["slot"], counters["now"]
    slots = [number for number, _ in counters["flow"].get(digest, [])]
    began = records[0]["started"] if records else now
    ended = slots[-1] * slot if complete else now
    spans = ((r["started"], now if r["ended"] is None else r["ended"]) for r in records)
    still = longest_still([int(began / slot) - 1, *slots, int(ended / slot)]) * slot
    return ended - began, sum(r["sent"] for r in records) / size, at_once(spans), still


def pulltui(origin: Origin, home: Path) -> list[str]:
    """The command, its settings as they are unless somebody changes them."""
    pull = [sys.executable, "-m", "pulltui", "pull", origin.names[0], "--json"]
    return [*pull, "--models-dir", str(home / "models")]


def aria2c(url: str, digest: str, home: Path) -> list[str]:
    """The command; a minute of silence, its usual patience, would lose it every race against a stall."""
    split = ["-x16", "-s16", "-k1M", f"--checksum=sha-256={digest.removeprefix('sha256:')}"]
    patient = ["--max-tries=0", "--retry-wait=1", "--timeout=10", "--connect-timeout=10"]
    quiet = ["--no-conf", "--console-log-level=notice", "--summary-interval=0", "--file-allocation=none"]
    return [program("aria2c"), *split, *patient, *quiet, "-d", str(home), "-o", "blob", url]


def _timed(command: list[str], home: Path, log: Path, limit: float) -> tuple[str, float]:
    """Run it; its outcome and the seconds it took."""
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            outcome = "failed" if process.wait(limit) else DONE
        except subprocess.TimeoutExpired:
            outcome = "unfinished"
        finally:
            process.kill()
            process.wait()
    return outcome, time.monotonic() - began


def _is_right(home: Path, client: str, digest: str) -> bool:
    name = f"models/blobs/{digest.replace(':', '-')}" if client == "pulltui" else "blob"
    with (home / name).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == digest.removeprefix("sha256:")


def at_once(spans: Iterable[tuple[float, float]]) -> int:
    """How many of these spans (from, to) hold at the same time, at most; touching ones do not."""
    changes = sorted(change for start, stop in spans for change in ((start, 1), (stop, -1)))
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def longest_still(slots: Sequence[int]) -> int:
    """How many slots in a row are missing from an ascending sequence, at most."""
    return max((later - sooner - 1 for sooner, later in pairwise(slots)), default=0)


def line(scenario: Scenario, size: int, client: str, runs: Sequence[Run]) -> str:
    """A row of the table: medians; what did not finish counts as having taken for ever."""

    def middle(what: str) -> float:
        return float(statistics.median(getattr(run, what) for run in runs))

    ideal = scenario.ideal(size)
    seconds = statistics.median(run.seconds if run.outcome == DONE else math.inf for run in runs)
    bad = Counter(run.outcome for run in runs if run.outcome != DONE)
    took = f"{seconds:9.2f}{seconds / ideal:10.2f}" if math.isfinite(seconds) else f"{max(bad):>19}"
    cells = [
        f"{scenario.name:10}{ideal:8.2f}  {client:8}{took}{middle('transfer'):10.2f}{middle('wire'):8.3f}",
        f"{middle('connections'):13.0f}{middle('still'):8.2f}{middle('server'):8.0%}",
    ]
    some = ", ".join(f"{count} of {len(runs)} {outcome}" for outcome, count in bad.items())
    return "".join(cells) + (f"  {some}" if some and len(runs) > 1 else "")


HEAD = (
    f"{'network':10}{'ideal s':>8}  {'client':8}{'seconds':>9}{'of ideal':>10}{'transfer':>10}{'wire':>8}"
    f"{'connections':>13}{'still s':>8}{'server':>8}"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table, row by row."""
    options = _options(arguments)
    size = options.size * MB
    print(f"{options.size} MB behind a link of 160 MB/s, verified; medians of {options.pairs}\n\n{HEAD}")
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pulltui-bench-", dir=options.directory) as scratch:
        bench = Bench(size, Path(scratch), options.keep)
        for scenario in options.rows:
            runs: dict[str, list[Run]] = {client: [] for client in CLIENTS}
            for pair in range(options.pairs):
                for client in CLIENTS if pair % 2 == 0 else reversed(CLIENTS):
                    runs[client].append(bench.run(client, scenario, pair))
            for client in CLIENTS:
                print(line(scenario, size, client, runs[client]), flush=True)
    return 0


def _options(arguments: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(
        prog="python tests/bench/network.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--size", type=int, default=256, metavar="MB")
    rows = parser.add_mutually_exclusive_group()
    rows.add_argument("--rows", type=_rows, default=SCENARIOS, metavar="NAME,...")
    rows.add_argument(
        "--faults", type=_mix, dest="rows", metavar="SPEC", help="another mix; its ideal has no waits in it"
    )
    parser.add_argument("--pairs", type=int, default=3, metavar="N")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="for what clients and server have to say")
    parser.add_argument("--directory", type=Path, help="where everything goes, instead of the system's place")
    return parser.parse_args(arguments)


def _mix(text: str) -> list[Scenario]:
    try:
        parse(text)
    except FaultError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    return [Scenario("other", text)]


def _rows(text: str) -> list[Scenario]:
    known = {scenario.name: scenario for scenario in SCENARIOS}
    names = text.split(",")
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: known are {', '.join(known)}")
    return [known[name] for name in names]


if __name__ == "__main__":
    sys.exit(main())
