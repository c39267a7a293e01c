"""A blob over networks that misbehave: pulltui beside others, each against the ideal.

    python tests/bench/network.py [--size 256] [--rows usual,mixes,stall,...] [--faults SPEC]
        [--clients pulltui,aria2c,curl,fixed] [--pairs 3] [--keep DIR] [--record FILE] [--directory DIR]

The embedded registry serves one blob from a process of its own, behind a link of 160 MB/s; what goes wrong
and what would be ideal is in scenarios.py. The clients (clients.py) run as their users run them, check the
digest, and write to a directory that is deleted afterwards. Columns, medians of the pairs, intervals the
bootstrap's of 95 %:

    seconds      from the command's start to its end, the digest checked
    of ideal     those seconds over the ideal's
    transfer     seconds from the first request for a blob to the last byte of the large one that was sent
    wire         bytes that the server sent to such requests over the blob's size
    connections  such requests in flight, the most at once
    still        the longest time in which the server sent none of the blob's bytes, from the first such
                 request until all were sent (or the client had ended), to 50 ms
    server       share of a core that the server used: near 100 % it is the server that was measured
    ours / its   the first client's seconds over this one's, where both always finished

`--faults SPEC` measures a mix of your own; scenarios.py says which waits its ideal knows. Who needs more than
five times the ideal and a minute is stopped: unfinished. A network that cannot be measured is said so and the
others go on; the exit code is 1 then. Needs Debian's aria2 and curl, as far as they take part.
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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

import httpx
from bench.checkout import environment
from bench.clients import CLIENTS, PATH, file_of
from bench.method import interval, ratio, told
from bench.options import add_directory, add_record, some_of
from bench.origin import Origin
from bench.record import Figure, figure, record
from bench.scenarios import GROUPS, USUAL, Scenario
from pulltui.demo import FaultError, parse

MB = 1_000_000
USUAL_CLIENTS = ("pulltui", "aria2c")
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
            digest, _ = origin.model(PATH)
            command = CLIENTS[client](origin, home)
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
    with file_of(client, home, digest).open("rb") as file:
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


def seconds_of(runs: Sequence[Run]) -> list[float]:
    """Their seconds; what did not finish took for ever."""
    return [run.seconds if run.outcome == DONE else math.inf for run in runs]


def against(ours: Sequence[Run], theirs: Sequence[Run]) -> tuple[float, float, float] | None:
    """The median ratio of their seconds with its interval, None if one did not finish."""
    if any(run.outcome != DONE for run in (*ours, *theirs)):
        return None
    return ratio(seconds_of(ours), seconds_of(theirs))


def shares_of(ours: Sequence[Run], theirs: Sequence[Run]) -> Iterator[float]:
    """Our seconds over theirs, pair by pair: 0 where only ours finished, for ever where ours did not."""
    for mine, its in zip(seconds_of(ours), seconds_of(theirs), strict=True):
        yield mine / its if math.isfinite(mine) else math.inf


HEAD = (
    f"{'network':13}{'ideal s':>8}  {'client':8}{'seconds':>9}{'of ideal':>22}{'transfer':>10}{'wire':>8}"
    f"{'connections':>13}{'still s':>9}{'server':>8}{'ours / its':>22}"
)


def rows(scenario: Scenario, size: int, found: Mapping[str, Sequence[Run]]) -> list[str]:
    """A row for each client, beneath `HEAD`."""
    ideal = scenario.ideal(size)
    first, *_ = found
    lines = []
    for client, runs in found.items():

        def middle(what: str, runs: Sequence[Run] = runs) -> float:
            return float(statistics.median(getattr(run, what) for run in runs))

        seconds = seconds_of(runs)
        bad = Counter(run.outcome for run in runs if run.outcome != DONE)
        if math.isfinite(statistics.median(seconds)):
            share = told(*interval([one / ideal for one in seconds]))
            cells = f"{statistics.median(seconds):9.2f}{share:>22}"
        else:
            cells = f"{max(bad):>9}{'':22}"
        beside = None if client == first else against(found[first], runs)
        lines.append(
            f"{scenario.name:13}{ideal:8.2f}  {client:8}{cells}{middle('transfer'):10.2f}"
            f"{middle('wire'):8.3f}{middle('connections'):13.0f}{middle('still'):9.2f}"
            f"{middle('server'):8.0%}{told(*beside) if beside else '':>22}"
            + "".join(f"  {count} of {len(runs)} {outcome}" for outcome, count in bad.items())
        )
    return lines


def figures(scenario: Scenario, size: int, found: Mapping[str, Sequence[Run]]) -> Iterator[Figure]:
    """What the rows say, to be recorded: `network SIZE NAME CLIENT of ideal`, `... wire`, and `network SIZE
    NAME FIRST/CLIENT`, 0 where only the first finished. The upper end is infinite if one run did not finish;
    of FIRST/CLIENT, one of the first.
    """
    network, ideal = f"network {size // MB} {scenario.name}", scenario.ideal(size)
    first, *_ = found
    for client, runs in found.items():
        share = figure(f"{network} {client} of ideal", [one / ideal for one in seconds_of(runs)])
        finished = all(run.outcome == DONE for run in runs)
        yield share if finished else replace(share, high=math.inf)
        yield figure(f"{network} {client} wire", [run.wire for run in runs])
        if client != first:
            beside = figure(f"{network} {first}/{client}", list(shares_of(found[first], runs)))
            ours = all(run.outcome == DONE for run in found[first])
            yield beside if ours else replace(beside, high=math.inf)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table, network by network; 1 if one could not be measured."""
    options = _options(arguments)
    size = options.size * MB
    print(f"{options.size} MB behind a link of 160 MB/s, verified; medians of {options.pairs} pairs, [95 %]")
    print(f"\n{HEAD}")
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    failed = False
    with tempfile.TemporaryDirectory(prefix="pulltui-bench-", dir=options.directory) as scratch:
        bench = Bench(size, Path(scratch), options.keep)
        for scenario in options.rows:
            try:
                found = interleaved(bench, scenario, options.clients, options.pairs)
            except (OSError, RuntimeError, httpx.HTTPError) as problem:
                print(f"{scenario.name}: failed: {problem}", flush=True)
                failed = True
                continue
            print("\n".join(rows(scenario, size, found)), flush=True)
            record(options.record, figures(scenario, size, found))
    return 1 if failed else 0


def interleaved(bench: Bench, scenario: Scenario, clients: Sequence[str], pairs: int) -> dict[str, list[Run]]:
    """The runs of each client: so many rounds, each in another order and with another seed."""
    found: dict[str, list[Run]] = {client: [] for client in clients}
    for pair in range(pairs):
        first = pair % len(clients)
        for client in [*clients[first:], *clients[:first]]:
            found[client].append(bench.run(client, scenario, pair))
    return found


def _options(arguments: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(
        prog="python tests/bench/network.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--size", type=int, default=256, metavar="MB")
    some = parser.add_mutually_exclusive_group()
    some.add_argument(
        "--rows", type=_rows, default=USUAL, metavar="NAME,...", help=f"networks, or {' or '.join(GROUPS)}"
    )
    some.add_argument(
        "--faults", type=_mix, dest="rows", metavar="SPEC", help="a mix of your own, called other"
    )
    parser.add_argument("--clients", type=some_of(CLIENTS), default=USUAL_CLIENTS, metavar="NAME,...")
    parser.add_argument("--pairs", type=int, default=3, metavar="N")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="for what clients and server have to say")
    add_directory(parser)
    add_record(parser)
    return parser.parse_args(arguments)


def _mix(text: str) -> list[Scenario]:
    try:
        parse(text)
    except FaultError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    return [Scenario("other", text)]


def _rows(text: str) -> list[Scenario]:
    known: dict[str, Sequence[Scenario]] = {one.name: [one] for group in GROUPS.values() for one in group}
    known |= GROUPS
    return [scenario for name in some_of(known)(text) for scenario in known[name]]


if __name__ == "__main__":
    sys.exit(main())
