"""How exactly the bandwidth cap is kept: at 2, 10 and 50 MB/s, changed live, by one pull and by three.

    python tests/bench/rates.py [--seconds 10] [--pulls 1,3] [--directory DIR]

The engine runs in this process with 64 connections allowed, the embedded registry in one of its own behind a
link of 160 MB/s. Each phase begins with the change of the cap, so that the change itself is part of it:

    cap          MB/s
    read         MB/s that came off the engine's sockets over the phase, by its views; how far off the cap
    sent         MB/s that the registry handed to its kernel, so what kernels buffer ahead counts; how far off
    worst        MB/s that was sent in the phase's most generous second; how far off
    connections  answers under way at once in the phase, at most: over for the registry as soon as its kernel
                 has the last byte
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

with suppress(ImportError):
    # Two services, one after the other: pyreqwest must not be loaded first by a thread that ends.
    import pulltui.engine.fast  # noqa: F401
from bench.network import at_once
from bench.origin import Origin
from bench.scenarios import LINK
from pulltui.engine.service import Service
from pulltui.engine.views import EngineView
from pulltui_config import Settings
from pulltui_config.settings import Storage, Transfer

MB = 1_000_000
CAPS = (2, 10, 50)
CONNECTIONS = 64
# A made-up digest, more bytes than all phases need: nobody gets to the end of it.
MODEL = "~10GB"
PATIENCE = 60.0
HEAD = (
    f"{'pulls':>5}{'cap':>6}{'read':>9}{'off':>8}{'sent':>9}{'off':>8}{'worst':>9}{'off':>8}"
    f"{'connections':>13}"
)


class Edge:
    """What both sides had counted at one moment: the engine's clock and bytes, the registry's."""

    def __init__(self, service: Service, origin: Origin) -> None:
        view = service.view
        self.at = view.now
        self.read = _read(view)
        counters = origin.counters()
        self.slot: float = counters["slot"]
        self.sent_at: float = counters["now"]
        self.flow = _sum(counters["flow"].values())
        self.sent = sum(self.flow.values())
        self.spans = [
            (record["started"], self.sent_at if record["ended"] is None else record["ended"])
            for record in counters["records"]
            if record["place"] == "blob"
        ]


def _read(view: EngineView) -> int:
    """The bytes that came off the sockets."""
    return sum(blob.received for pull in view.pulls for blob in pull.blobs)


def _sum(flows: Any) -> dict[int, int]:
    """The bytes of all blobs by slot."""
    total: dict[int, int] = {}
    for flow in flows:
        for slot, size in flow:
            total[slot] = total.get(slot, 0) + size
    return total


def most_in_a_second(flow: dict[int, int], first: int, last: int, slot: float) -> int:
    """The bytes of the fullest second that lies within these slots (both included)."""
    width = round(1 / slot)
    starts = range(first, max(first, last - width + 1) + 1)
    return max(sum(flow.get(number, 0) for number in range(s, s + width)) for s in starts)


def row(pulls: int, cap: int, before: Edge, after: Edge) -> str:
    """A row of the table, for the phase between two edges."""
    read = (after.read - before.read) / (after.at - before.at) / MB
    sent = (after.sent - before.sent) / (after.sent_at - before.sent_at) / MB
    first, last = int(before.sent_at / after.slot) + 1, int(after.sent_at / after.slot) - 1
    worst = most_in_a_second(after.flow, first, last, after.slot) / MB
    cells = "".join(f"{value:9.2f}{value / cap - 1:+8.1%}" for value in (read, sent, worst))
    most = at_once(span for span in after.spans if span[1] > before.sent_at)
    return f"{pulls:5}{cap:6}{cells}{most:13}"


def measure(pulls: int, seconds: float, scratch: Path) -> None:
    """Pull so many models through all phases; prints a row after each."""
    settings = Settings(
        storage=Storage(check_space=False),  # most of a sparse file is never written
        transfer=Transfer(connections=CONNECTIONS, active_pulls=pulls),
    )
    models = [f"bench{number}={MODEL}" for number in range(pulls)]
    with (
        tempfile.TemporaryDirectory(dir=scratch) as directory,
        Origin(models, f"link@{LINK // MB}MB/s") as origin,
    ):
        service = Service(settings, Path(directory), environ={})
        service.start()
        try:
            service.set_limit(CAPS[0] * MB).result()
            for name in origin.names:
                service.add(name).result()
            # Some have come, so that the first phase has no start in it.
            _wait(service, lambda view: _read(view) > MB)
            edge = Edge(service, origin)
            for cap in CAPS:
                service.set_limit(cap * MB).result()
                time.sleep(seconds)
                _wait(service, lambda view, before=edge: view.now > before.at)  # type: ignore[misc]
                before, edge = edge, Edge(service, origin)
                print(row(pulls, cap, before, edge), flush=True)
        finally:
            service.stop()


def _wait(service: Service, there: Callable[[EngineView], bool]) -> None:
    """Wait until a view is as it should be. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while not there(service.view):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing came within {PATIENCE:g} s: {service.view}")
        time.sleep(0.01)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table, row by row."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench/rates.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="how long a phase takes")
    parser.add_argument("--pulls", type=_counts, default=(1, 3), metavar="N,...")
    parser.add_argument("--directory", type=Path, help="where everything goes, instead of the system's place")
    options = parser.parse_args(arguments)
    print(f"MB/s, {options.seconds:g} s a phase, up to {CONNECTIONS} connections\n\n{HEAD}")
    with tempfile.TemporaryDirectory(prefix="pulltui-bench-", dir=options.directory) as scratch:
        for pulls in options.pulls:
            measure(pulls, options.seconds, Path(scratch))
    return 0


def _counts(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
