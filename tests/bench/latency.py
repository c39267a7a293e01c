"""What long runs gain where the first byte of an answer takes its time.

    python tests/bench/latency.py [--waits 100,250] [--size 1024] [--connections 8] [--pairs 5]
        [--directory DIR]

The engine, in this process with so many connections, pulls one blob (`--size` MB) from the embedded registry
behind a link of 160 MB/s of which each connection gets its share and no more, so that nobody uses what a
waiting one leaves: once as it is (a run asks for 4 to 6 s of its connection's speed) and once part by part
(runs of no length, so that each part of 16 MB is asked for by itself). Columns, medians of the pairs:

    wait      milliseconds until the first byte of every answer
    runs      how it asks
    seconds   from adding the pull until it is done
    of ideal  those over bytes / link and one wait
    requests  for bytes of the blob

and the median ratio of the pairs with its bootstrap 95 % interval.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

with suppress(ImportError):
    # Several services, one after the other: pyreqwest must not be loaded first by a thread that ends.
    import pulltui.engine.fast  # noqa: F401
from bench.method import ratio
from bench.origin import Origin
from bench.scenarios import LINK
from pulltui.engine import pace
from pulltui.engine.service import Service
from pulltui.engine.tuning import Tuning
from pulltui.engine.views import PullState
from pulltui_config import Settings
from pulltui_config.settings import Transfer

MB = 1_000_000
PATH = "library/bench"
PATIENCE = 300.0
RUNS = {"long": Tuning(), "by part": Tuning(run_seconds=0.0)}


@dataclass(frozen=True)
class Fetched:
    """One pull: the seconds it took, the requests for bytes of the blob."""

    seconds: float
    requests: int


def fetch(size: int, wait: float, connections: int, tuning: Tuning, scratch: Path) -> Fetched:
    """Pull `size` bytes where first bytes take `wait` seconds. Raises RuntimeError, TimeoutError."""
    faults = f"link@{LINK}B/s,rate@{LINK // connections}B/s,ttfb@{wait * 1000:.0f}ms"
    settings = Settings(transfer=Transfer(connections=connections))
    worth = pace.WORTH if tuning.run_seconds else 0  # a run is to be worth its first byte; a part is not
    with (
        tempfile.TemporaryDirectory(dir=scratch) as directory,
        Origin([f"bench={size}B"], faults) as origin,
        patch.object(pace, "WORTH", worth),
    ):
        digest, _ = origin.model(PATH)
        service = Service(settings, Path(directory), environ={}, tuning=tuning)
        service.start()
        try:
            began = time.monotonic()
            service.add(origin.names[0])
            _wait(service, began + PATIENCE)
            took = time.monotonic() - began
        finally:
            service.stop()
        records = origin.counters()["records"]
    return Fetched(took, sum(r["place"] == "blob" and r["digest"] == digest for r in records))


def _wait(service: Service, deadline: float) -> None:
    while not any(pull.state is PullState.DONE for pull in service.view.pulls):
        if failed := [pull.error for pull in service.view.pulls if pull.state is PullState.FAILED]:
            raise RuntimeError(failed[0])
        if time.monotonic() > deadline:
            raise TimeoutError(f"the pull does not end: {service.view}")
        time.sleep(0.01)


HEAD = f"{'wait ms':>7}  {'runs':8}{'seconds':>9}{'of ideal':>10}{'requests':>10}"


def rows(wait: float, size: int, found: dict[str, list[Fetched]]) -> list[str]:
    """The table's rows for one wait, and the ratio of the first kind of runs to the second."""
    lines, ideal = [], size / LINK + wait
    for name, fetched in found.items():
        seconds = statistics.median(one.seconds for one in fetched)
        requests = statistics.median(one.requests for one in fetched)
        lines.append(f"{wait * 1000:7.0f}  {name:8}{seconds:9.2f}{seconds / ideal:10.2f}{requests:10.0f}")
    ours, theirs = ([one.seconds for one in fetched] for fetched in found.values())
    middle, low, high = ratio(ours, theirs)
    return [*lines, f"{'':7}  {' / '.join(found):17}{middle:10.2f} [{low:.2f}, {high:.2f}]"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table, wait by wait."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench/latency.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--waits", type=_waits, default=[0.1, 0.25], metavar="MS,...")
    parser.add_argument("--size", type=int, default=1024, metavar="MB")
    parser.add_argument("--connections", type=int, default=8, metavar="N")
    parser.add_argument("--pairs", type=int, default=5, metavar="N")
    parser.add_argument("--directory", type=Path, help="where everything goes, instead of the system's place")
    options = parser.parse_args(arguments)
    size = options.size * MB
    print(f"{options.size} MB, {options.connections} connections, medians of {options.pairs}\n\n{HEAD}")
    with tempfile.TemporaryDirectory(prefix="pulltui-bench-", dir=options.directory) as scratch:
        for wait in options.waits:
            found: dict[str, list[Fetched]] = {name: [] for name in RUNS}
            for pair in range(options.pairs):
                for name in list(RUNS)[:: -1 if pair % 2 else 1]:
                    found[name].append(fetch(size, wait, options.connections, RUNS[name], Path(scratch)))
            print("\n".join(rows(wait, size, found)), flush=True)
    return 0


def _waits(text: str) -> list[float]:
    return [float(part) / 1000 for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
