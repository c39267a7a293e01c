"""What the screen costs, and how true its figures are.

    python tests/bench/screen.py [--rows draw,keys,frame,pull,figures,soak] [--rounds 7] [--minutes 10]
        [--record FILE]

    draw     8 blobs of 300 and of 3,000 parts, 64 receiving, at 10 Hz on a pseudo-terminal of 120 by 36;
             `still` is a bare Textual app that polls as often: share of a core, frames a second, a frame's
             processor time, bytes a second to the terminal, memory
    keys     a key among 1,000 queued pulls: milliseconds from the key to the first byte that answers it
    frame    seconds from the start of the process to the first frame, and until the queue is shown: `pulltui`
             beside a bare Textual app
    pull     share of a core and MB/s of a pull at 100 MB/s, on a terminal and headless
    figures  how far speed (over 5 s) and time left (after the first tenth of a steady pull) are off
    soak     memory and a frame's processor time in the first and the last quarter of so many minutes

Intervals are those of the median, 95 %. A row that cannot be measured is said so and the others go on; the
exit code is 1 then. The embedded registry has a process of its own. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

from bench import screen_app
from bench.checkout import environment
from bench.figures import figures
from bench.method import PAIRS, interval, ratio, told
from bench.options import add_record, some_of
from bench.origin import Origin
from bench.record import Figure, figure, run
from bench.tree import processor
from support import command, terminals

MB = 1_000_000
SIZE = (120, 36)
KEYS = 60
MOVES = "Gkjgjk"
"""Each of them moves the cursor, one after the other."""
PULLS = 1000
CAP = 100
WARM_UP = 2.0
HZ = 10.0
"""Pictures a second that the app draws."""


def on_terminal(*arguments: str) -> terminals.Terminal:
    """`screen_app.py` with these arguments on a terminal."""
    return terminals.Terminal([screen_app.__file__, *arguments], size=SIZE)


def measured(what: str, count: str, seconds: float) -> dict[str, Any]:
    """The report of one run, and the bytes a second it wrote."""
    with on_terminal(what, count, str(WARM_UP), str(seconds)) as terminal:
        began = time.monotonic()
        terminal.read_to_end(seconds + terminals.PATIENCE)
        report: dict[str, Any] = json.loads(terminal.told)
        report["bytes"] = len(terminal.screen) / (time.monotonic() - began)
    return report


def draw(rounds: int) -> list[Figure]:
    """Print the row `draw`; the shares of a core."""
    kinds = {"300": ("moving", "300"), "3000": ("moving", "3000"), "still": ("still", "-")}
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, (what, count) in kinds.items():
            found[kind].append(measured(what, count, 5.0))
    print(f"\n{'parts':>8}{'core':>8}{'Hz':>7}{'frame ms':>10}{'kB/s':>8}{'MB':>7}   medians of {rounds}")
    shares = []
    for kind, reports in found.items():
        # Of what takes longer than its turn there are fewer pictures: this is what all would cost.
        at_full_rate = [report["core"] * max(1, HZ / report["hz"]) for report in reports]
        shares.append(figure(f"screen draw {kind}", at_full_rate))
        core, hz, tick, sent, rss = (
            statistics.median(report[name] for report in reports)
            for name in ("core", "hz", "tick", "bytes", "rss")
        )
        print(
            f"{kind:>8}{core:8.1%}{hz:7.1f}{tick * 1000:10.2f}{sent / 1000:8.1f}{rss / MB:7.1f}"
            f"   core [{shares[-1].low:.1%}, {shares[-1].high:.1%}]",
            flush=True,
        )
    return shares


def keys() -> list[Figure]:
    """Print the row `keys`; the milliseconds of the slowest of ten keys."""
    answers = []
    with on_terminal("queue", str(PULLS), "0", "600") as terminal:
        _until_silent(terminal.master, 1.0)
        for number in range(KEYS):
            began = time.monotonic()
            terminal.press(MOVES[number % len(MOVES)])
            select.select([terminal.master], [], [], terminals.PATIENCE)
            answers.append((time.monotonic() - began) * 1000)
            _until_silent(terminal.master, 0.3)
    slowest = figure("screen key", [max(answers[n : n + 10]) for n in range(0, KEYS, 10)])
    answers.sort()
    print(f"\na key among {PULLS} pulls: median {statistics.median(answers):.1f} ms", end=", ")
    print(f"95 % within {answers[len(answers) * 95 // 100]:.1f} ms, worst {answers[-1]:.1f} ms", flush=True)
    return [slowest]


def _until_silent(descriptor: int, seconds: float) -> None:
    """Read until nothing comes for so long."""
    while select.select([descriptor], [], [], seconds)[0]:
        os.read(descriptor, 65536)


def frame(rounds: int) -> list[Figure]:
    """Print the row `frame`; the ratio to a bare app's."""

    def ours(home: Path) -> tuple[float, float]:
        began = time.monotonic()
        with command.Terminal(["open"], home, env=environment(home)) as terminal:
            terminal.wait_for(b"Looking what is queued")
            drawn = time.monotonic() - began
            terminal.wait_for(b"Nothing queued")
            return drawn, time.monotonic() - began

    def bare(home: Path) -> tuple[float]:
        began = time.monotonic()
        environ = environment(home)
        with terminals.Terminal([screen_app.__file__, "frame"], size=(160, 30), environ=environ) as terminal:
            terminal.read_until(screen=b"bare and ready")
            return (time.monotonic() - began,)

    took = _interleaved({"pulltui": ours, "bare Textual": bare}, rounds)
    floor = [only for (only,) in took["bare Textual"]]
    drawn, up = zip(*took["pulltui"], strict=True)
    print(f"\nfirst frame, {rounds} pairs: bare Textual {statistics.median(floor):.3f} s", end="")
    for name, times in {"pulltui": drawn, "with its queue": up}.items():
        print(f"; {name} {statistics.median(times):.3f} s, ratio {told(*ratio(times, floor))}", end="")
    print(flush=True)
    return [Figure("screen frame", *ratio(drawn, floor), rounds)]


def pull(rounds: int) -> list[Figure]:
    """Print the row `pull`; what the app adds, as a share of a core, and its rate over the headless one's."""

    def on_a_terminal(name: str, home: Path) -> AbstractContextManager[Any]:
        return command.Terminal(["open", name], home, env=_unchecked(home))

    def headless(name: str, home: Path) -> AbstractContextManager[Any]:
        return _Headless(name, home)

    ways = {"terminal": on_a_terminal, "headless": headless}
    runs = {name: lambda home, start=start: _steady(start, home) for name, start in ways.items()}
    found = _interleaved(runs, rounds)
    print(f"\na pull at {CAP} MB/s, medians of {rounds}:", end=" ")
    for name, shares in found.items():
        cores, rates = zip(*shares, strict=True)
        core, rate = statistics.median(cores), statistics.median(rates)
        print(f"{name} {core:.1%} of a core, {rate:.1f} MB/s", end="; ")
    more = [ours[0] - theirs[0] for ours, theirs in zip(found["terminal"], found["headless"], strict=True)]
    middle, low, high = interval(more)
    print(f"the app costs {middle:.1%} [{low:.1%}, {high:.1%}]", flush=True)
    shown, plain = ([rate for _, rate in found[name]] for name in ways)
    return [
        Figure("screen pull core", middle, low, high, rounds),
        Figure("screen pull rate", *ratio(shown, plain), rounds),
    ]


def _unchecked(home: Path) -> dict[str, str]:
    # Few disks have room for the whole blob, of which next to nothing is written.
    return environment(home, PULLTUI_STORAGE_CHECK_SPACE="false")


class _Headless:
    """`pulltui pull` with its output thrown away."""

    def __init__(self, name: str, home: Path) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        env = _unchecked(home)
        self.process = command.start(["pull", name], home, stdout=null, stderr=null, env=env)
        os.close(null)

    def __enter__(self) -> _Headless:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def _steady(
    start: Callable[[str, Path], AbstractContextManager[Any]], home: Path, seconds: float = 6.0
) -> tuple[float, float]:
    """Share of a core and MB/s of a pull that has been under way for a while."""
    with Origin(["bench=~10GB"], f"link@{CAP}MB/s") as origin, start(origin.names[0], home) as running:
        origin.wait_for(2 * CAP * MB, terminals.PATIENCE)
        began, used, sent = time.monotonic(), processor(running.process.pid), origin.counters()["bytes"]
        time.sleep(seconds)
        origin.wait_for(sent + 1, terminals.PATIENCE)
        took = time.monotonic() - began
        share = (processor(running.process.pid) - used) / took
        return share, (origin.counters()["bytes"] - sent) / took / MB


def _interleaved(runs: Mapping[str, Callable[[Path], Any]], rounds: int) -> dict[str, list[Any]]:
    """Results of everything, once to warm up and then in rounds, each in the other order."""
    found: dict[str, list[Any]] = {name: [] for name in runs}
    for number in range(-1, rounds):
        for name in list(runs)[:: 1 if number % 2 else -1]:
            with tempfile.TemporaryDirectory(prefix="pulltui-bench-") as home:
                result = runs[name](Path(home))
            if number >= 0:
                found[name].append(result)
    return found


def how_true() -> list[Figure]:
    """Print the row `figures`; it has no budget."""
    figures()
    return []


def soak(minutes: float) -> dict[str, float]:
    """Print what so long a time costs, and return it."""
    report = measured("moving", "300", minutes * 60)
    grown = report["rss_last"] - report["rss_first"]
    print(
        f"\n{minutes:g} minutes at {report['hz']:.1f} Hz: memory {report['rss_last'] / MB:.1f} MB,", end=" "
    )
    print(f"{grown / MB:+.2f} MB from the first quarter to the last;", end=" ")
    print(
        f"a frame {report['first_tick'] * 1000:.2f} ms, then {report['last_tick'] * 1000:.2f} ms", flush=True
    )
    return report


def soaked(minutes: float) -> list[Figure]:
    """The row `soak`, for which there is no budget."""
    soak(minutes)
    return []


ROWS = ("draw", "keys", "frame", "pull", "figures", "soak")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print what is asked for; 1 if some of it could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench/screen.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rows", type=some_of(ROWS), default=ROWS, metavar="NAME,...")
    parser.add_argument("--rounds", type=int, default=PAIRS, metavar="N")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the soak takes")
    add_record(parser)
    options = parser.parse_args(arguments)
    print(f"on a terminal of {SIZE[0]} by {SIZE[1]}")
    rounds = options.rounds
    rows: dict[str, Callable[[], list[Figure]]] = {
        "draw": lambda: draw(rounds),
        "keys": keys,
        "frame": lambda: frame(rounds),
        "pull": lambda: pull(rounds),
        "figures": how_true,
        "soak": lambda: soaked(options.minutes),
    }
    return run({name: rows[name] for name in options.rows}, options.record)


if __name__ == "__main__":
    sys.exit(main())
