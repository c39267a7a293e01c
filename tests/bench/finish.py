"""How soon a blob is verified after its last byte.

    python tests/bench/finish.py [--size 2GiB] [--rounds 7] [--record FILE] [--directory DIR]

The engine, in this process with its usual settings (fixed layout), pulls one blob from the embedded registry,
which has a process of its own behind a link of 160 MB/s: slow enough that the hasher keeps up. Columns,
medians of the rounds and their 95 % interval, from the moment when the registry had sent the last byte (to
50 ms, in doubt the earlier one):

    verified  milliseconds until the engine says that the digest is right
    done      milliseconds until the model is there, its files and manifest synced
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

with suppress(ImportError):
    # Several services, one after the other: pyreqwest must not be loaded first by a thread that ends.
    import pulltui.engine.fast  # noqa: F401
from bench.clients import PATH
from bench.method import PAIRS
from bench.options import add_directory, add_record
from bench.origin import Origin
from bench.record import figure, record
from bench.scenarios import LINK
from pulltui.demo.values import read_size
from pulltui.engine.service import Service
from pulltui.engine.views import EventKind
from pulltui_config import Settings

PATIENCE = 60.0
"""Seconds beyond five times what the link needs."""
LOOK = 0.002


def finish(size: int, scratch: Path) -> tuple[float, float]:
    """Seconds from the last byte of a blob of `size` until it is verified, and until its pull is done.

    Raises RuntimeError when the pull fails, TimeoutError.
    """
    with (
        tempfile.TemporaryDirectory(dir=scratch) as directory,
        Origin([f"bench={size}B"], f"link@{LINK}B/s") as origin,
    ):
        digest, _ = origin.model(PATH)
        service = Service(Settings(), Path(directory), environ={})
        service.start()
        try:
            service.add(origin.names[0]).result(PATIENCE)
            verified, done = _times(service, digest, 5 * size / LINK + PATIENCE)
        finally:
            service.stop()
        counters = origin.counters()
        sent: float = counters["origin"] + last_byte(counters, digest)  # its clock is this process's
    return verified - sent, done - sent


def _times(service: Service, digest: str, patience: float) -> tuple[float, float]:
    """When (monotonic) it says that the blob is verified, and that the pull is done."""
    deadline = time.monotonic() + patience
    seen, verified = 0, 0.0
    while time.monotonic() < deadline:
        for event in service.events(seen):
            seen = event.seq
            if event.kind is EventKind.VERIFIED and event.digest == digest:
                verified = time.monotonic()
            elif event.kind is EventKind.DONE:
                return verified, time.monotonic()
            elif event.kind is EventKind.FAILED:
                raise RuntimeError(event.why)
        time.sleep(LOOK)
    raise TimeoutError(f"the pull does not end: {service.view}")


def last_byte(counters: dict[str, Any], digest: str) -> float:
    """When the registry (by its clock) had sent the last byte of a blob: when the last answer ended, if that
    was in the last slot in which bytes were sent, else the beginning of that slot.
    """
    slot: float = counters["slot"]
    last: int = max(number for number, _ in counters["flow"][digest])
    ends = [r["ended"] for r in counters["records"] if r["digest"] == digest and r["ended"] is not None]
    return max([last * slot, *(float(end) for end in ends if int(end / slot) == last)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench/finish.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--size", type=read_size, default="2GiB", metavar="SIZE")
    parser.add_argument("--rounds", type=int, default=PAIRS, metavar="N")
    add_directory(parser)
    add_record(parser)
    options = parser.parse_args(arguments)
    print(f"{options.size / 2**20:.0f} MiB, medians of {options.rounds}, [95 %]\n\nms after the last byte")
    with tempfile.TemporaryDirectory(prefix="pulltui-bench-", dir=options.directory) as scratch:
        took = [finish(options.size, Path(scratch)) for _ in range(options.rounds)]
    for name, values in zip(("verified", "done"), zip(*took, strict=True), strict=True):
        found = figure(f"finish {options.size} {name}", values)
        middle, low, high = (value * 1e3 for value in (found.middle, found.low, found.high))
        print(f"{name:10}{middle:8.0f} [{low:.0f}, {high:.0f}]", flush=True)
        record(options.record, [found])
    return 0


if __name__ == "__main__":
    sys.exit(main())
