"""How much memory a pull takes: headless and with the app, of a blob of 1 GB and of one of 100 GB.

    python tests/bench/memory.py [--sizes 1GB,100GB] [--rounds 7] [--megabytes 800] [--record FILE]
        [--directory DIR]

Peak of resident memory of the command's process, in MB, by the time that so many megabytes were sent to it
behind a link of 160 MB/s; medians of the rounds and their 95 % interval. The blobs are sparse, their digests
made up; the embedded registry has a process of its own. Linux only.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

from bench.checkout import environment
from bench.method import PAIRS
from bench.options import add_directory, add_record
from bench.origin import Origin
from bench.record import Figure, figure, run
from bench.scenarios import LINK
from bench.tree import peak
from pulltui.demo.values import read_size
from support import command

MB = 1_000_000
PATIENCE = 120.0


@contextmanager
def headless(name: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `pulltui pull`, its output thrown away, until the block is left."""
    null = subprocess.DEVNULL
    process = command.start(["pull", name], home, stdout=null, stderr=null, env=_environment(home))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def with_the_app(name: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `pulltui open` on a terminal until the block is left."""
    with command.Terminal(["open", name], home, env=_environment(home)) as terminal:
        yield terminal.process


WAYS = {"headless": headless, "app": with_the_app}


def _environment(home: Path) -> dict[str, str]:
    # Few disks have room for the large one, of which next to nothing is written.
    return environment(home, PULLTUI_STORAGE_CHECK_SPACE="false")


def most(way: str, size: int, wanted: int, scratch: Path) -> float:
    """The bytes of memory of one run, when `wanted` bytes of a blob of `size` were sent. Raises TimeoutError,
    RuntimeError when the command ends.
    """
    os.sync()  # nobody pays for what another one left to be written
    with (
        tempfile.TemporaryDirectory(dir=scratch) as home,
        Origin([f"bench=~{size}B"], f"link@{LINK}B/s") as origin,
        WAYS[way](origin.names[0], Path(home)) as process,
    ):
        deadline = time.monotonic() + PATIENCE
        while origin.counters()["bytes"] < wanted:
            if process.poll() is not None:
                raise RuntimeError(f"the command ended with {process.returncode}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"less than {wanted} bytes came in {PATIENCE:g} s")
            time.sleep(0.05)
        return peak(process.pid)


def row(way: str, size: int, options: argparse.Namespace, scratch: Path) -> list[Figure]:
    """Print a row of the table; its figure."""
    values = [most(way, size, options.megabytes * MB, scratch) for _ in range(options.rounds)]
    found = figure(f"memory {way} {size / 1e9:g}GB", values)
    middle, low, high = (value / MB for value in (found.middle, found.low, found.high))
    print(f"{way:10}{size / 1e9:8g}{middle:10.1f} [{low:.1f}, {high:.1f}]", flush=True)
    return [found]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table, row by row; 1 if one could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench/memory.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--sizes", type=_sizes, default=[10**9, 10**11], metavar="SIZE,...")
    parser.add_argument("--rounds", type=int, default=PAIRS, metavar="N")
    parser.add_argument("--megabytes", type=int, default=800, metavar="MB")
    add_directory(parser)
    add_record(parser)
    options = parser.parse_args(arguments)
    print(f"medians of {options.rounds}, [95 %]\n\n{'':10}{'blob GB':>8}{'peak MB':>10}")
    with tempfile.TemporaryDirectory(prefix="pulltui-bench-", dir=options.directory) as scratch:
        rows = {
            f"{way} {size}": partial(row, way, size, options, Path(scratch))
            for way in WAYS
            for size in options.sizes
        }
        return run(rows, options.record)


def _sizes(text: str) -> list[int]:
    return [read_size(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
