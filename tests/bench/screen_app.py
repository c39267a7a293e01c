"""What is measured on a terminal: the app over views that move, or a bare Textual app.

What it cost is one line of JSON on standard output.

python tests/bench/screen_app.py moving PARTS WARMUP SECONDS    the app with 8 blobs of PARTS parts
python tests/bench/screen_app.py queue PULLS WARMUP SECONDS     the app with so many queued pulls
python tests/bench/screen_app.py still - WARMUP SECONDS         a bare app that polls as often: the floor
python tests/bench/screen_app.py frame                          a bare app that ends after its first frame
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

HZ = 10
YARD = 1000


def resident() -> int:
    """Bytes of this process in memory, Linux only."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def written() -> int:
    """Bytes that this process has written so far, Linux only."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))


def yardstick() -> None:
    """A piece of work that is always the same, of the kind that drawing is: many small strings."""
    " ".join(sorted(str(number) for number in range(YARD)))


class Tick(NamedTuple):
    """One moment at which the process looks."""

    at: float
    """Monotonic."""
    used: float
    """The processor's seconds so far, but for all yardsticks."""
    yard: float
    """The processor's seconds of this tick's yardstick: how swift the machine is just now."""
    rss: int
    """Bytes in memory."""
    out: int
    """Bytes written so far."""


class Meter:
    """The process's cost from tick to tick."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self._own = 0.0

    def tick(self) -> None:
        """Note one; about once a second the memory as well, which costs a system call."""
        began, out = time.process_time(), written()
        rss = resident() if len(self.ticks) % HZ == 0 else self.ticks[-1].rss
        before = time.thread_time()
        yardstick()
        yard = time.thread_time() - before
        self.ticks.append(Tick(time.monotonic(), began - self._own, yard, rss, out))
        self._own += yard

    def report(self, began: float) -> dict[str, Any]:
        """What it cost from `began` (monotonic) on: see the fields. `drawn` is the share of the ticks in the
        last quarter since which something was written by the next; `first_yard` and `last_yard` are what the
        yardstick cost in the quarters of `first_tick` and `last_tick`.
        """
        ticks = [tick for tick in self.ticks if tick.at >= began]
        wall, cpu = ticks[-1].at - ticks[0].at, ticks[-1].used - ticks[0].used
        costs = [later.used - sooner.used for sooner, later in pairwise(ticks)]
        quarter = len(costs) // 4
        last = ticks[-quarter - 1 :]
        return {
            "core": cpu / wall,
            "hz": len(costs) / wall,
            "tick": statistics.median(costs),
            "first_tick": statistics.median(costs[:quarter]),
            "last_tick": statistics.median(costs[-quarter:]),
            "first_yard": statistics.median(tick.yard for tick in ticks[:quarter]),
            "last_yard": statistics.median(tick.yard for tick in ticks[-quarter:]),
            "drawn": statistics.mean(later.out > sooner.out for sooner, later in pairwise(last)),
            "rss": ticks[-1].rss,
            "rss_first": max(tick.rss for tick in ticks[: max(1, quarter)]),
            "rss_last": max(tick.rss for tick in ticks[-quarter:]),
        }


def run(what: str, count: str, warm_up: float, seconds: float) -> dict[str, Any]:
    """Run an app for so long and return its report."""
    meter = Meter()
    app = bare(meter) if what == "still" else ours(what, int(count), meter)
    began = time.monotonic() + warm_up
    timer = threading.Timer(warm_up + seconds, lambda: app.call_from_thread(app.exit))
    timer.daemon = True
    timer.start()
    gc.collect()
    app.run()
    return meter.report(began)


def ours(what: str, count: int, meter: Meter) -> Any:
    """The app over views that were made before."""
    from bench.moving import MovingService, busy_views, long_queue
    from pulltui.ui.app import PulltuiApp
    from pulltui.ui.glyphs import UNICODE
    from pulltui_config.settings import Ui

    class Metered(PulltuiApp):
        def poll(self) -> None:
            meter.tick()
            super().poll()

    views = busy_views(count) if what == "moving" else long_queue(count)
    return Metered(MovingService(views), ui=Ui(fps=HZ, animations=False), glyphs=UNICODE)


def bare(meter: Meter | None) -> Any:
    """An app with a line of text and a footer, which polls, if there is a meter, and shows nothing new."""
    from textual.app import App, ComposeResult
    from textual.binding import Binding
    from textual.widgets import Footer, Static

    class Bare(App[None]):
        BINDINGS = [Binding("q", "quit", "Quit")]  # noqa: RUF012 - Textual's own way
        ENABLE_COMMAND_PALETTE = False

        def compose(self) -> ComposeResult:
            yield Static("bare and ready")
            yield Footer()

        def on_mount(self) -> None:
            if meter is not None:
                self.set_interval(1 / HZ, meter.tick)

    return Bare()


def main() -> None:
    """Run what is asked for."""
    if sys.argv[1] == "frame":
        bare(None).run()
        return
    report = run(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
    os.write(1, (json.dumps(report) + "\n").encode())


if __name__ == "__main__":
    main()
