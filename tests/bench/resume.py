"""What large blobs and long queues cost to go on with, and what the state files write.

    python tests/bench/resume.py [--rows start,queue,large,states,version] [--size 100GB] [--rounds 7]
        [--rates 1,10,160] [--seconds 20] [--record FILE] [--directory DIR]

    start    milliseconds until the first byte is asked for of a blob of `--size` (100 GB: 6,250 parts), from
             the command's start and from the engine's (Service.start, in this process): with half of it on
             disk, killed in the middle of eight parts, and with nothing
    queue    the same from the engine's start when it is the first of 1,000 queued pulls
    large    processor seconds a GB, resident memory in MB, MB/s of the command behind a link of 160 MB/s,
             with a blob of 2 GB and one of `--size`, over `--seconds` at most of 2 GB
    states   what the durable states write to the disk as a share of the blob's bytes written meanwhile, over
             `--seconds` at each of these rates (MB/s), the blob half there; `live` is the size in kB of the
             live state, a memory map that the kernel writes back when it likes
    version  milliseconds of `pulltui --version` and of `python -c pass`, and their median ratio

Medians of the rounds. A row that cannot be measured is said so and the others go on; the exit code is 1 then.
The embedded registry has a process of its own; the blob is sparse, its digest made up.
Linux only.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

with suppress(ImportError):
    # Several services, one after the other: pyreqwest must not be loaded first by a thread that ends.
    import pulltui.engine.fast  # noqa: F401
from bench.checkout import environment
from bench.longqueue import make_entries
from bench.method import PAIRS, interleave, measure, ratio, told
from bench.options import add_directory, add_record, some_of
from bench.origin import Origin
from bench.prepared import begun
from bench.record import Figure, figure, run
from bench.scenarios import LINK
from bench.tree import processor, resident
from msgspec.structs import replace
from pulltui.demo.values import read_size
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.names import parse
from pulltui.engine.partial import PartialPaths
from pulltui.engine.queuefile import Entry, QueueFile
from pulltui.engine.service import Service
from pulltui_config import Settings
from pulltui_config.settings import Storage, Transfer

MB = 1_000_000
PATH = "library/bench"
PART = 16 * MB
SMALL = 2_000 * MB
QUEUE = 1000
PATIENCE = 150.0
REPEATS = 5
"""How often what is very short is run for one figure."""
SETTINGS = Settings(storage=Storage(check_space=False), transfer=Transfer(part_size=PART, active_pulls=1))
"""Few disks have room for what is measured, but most of a sparse file is never written."""


class Bench:
    """A blob of `size` bytes, and a directory in which everything is made and deleted."""

    def __init__(self, size: int, scratch: Path) -> None:
        self.size = size
        self.scratch = scratch

    def from_command(self, there: bool) -> float:
        """Milliseconds from the command's start until it asks for the first byte; `there`: half is."""
        with self._origin() as (origin, digest), self._home(digest if there else None) as home:
            began = time.monotonic()
            with _command(origin, home):
                return (first_asked(origin, digest) - began) * 1e3

    def from_engine(self, there: bool, queued: int = 0) -> float:
        """Milliseconds from the engine's start until then; `queued`: from a queue of so many."""
        with self._origin() as (origin, digest), self._home(digest if there else None) as home:
            state = home / "state" if queued else None
            if state is not None:
                save_queue(origin, state, queued)
            service = Service(SETTINGS, home / "models", environ={}, state_dir=state)
            began = time.monotonic()
            service.start()
            try:
                if not queued:
                    service.add(origin.names[0])
                return (first_asked(origin, digest) - began) * 1e3
            finally:
                service.stop()

    def cost(self, size: int, seconds: float) -> tuple[float, float, float]:
        """Processor seconds a GB, bytes of memory at the end, bytes a second of a fresh pull."""
        with (
            self._origin(size=size) as (origin, digest),
            self._home() as home,
            _command(origin, home) as process,
        ):
            first_asked(origin, digest)
            time.sleep(1.0)  # until it has found its connections
            began, used, sent = time.monotonic(), processor(process.pid), origin.counters()["bytes"]
            time.sleep(min(seconds, 0.7 * size / LINK))
            origin.wait_for(sent + 1, PATIENCE)
            took, used = time.monotonic() - began, processor(process.pid) - used
            sent = origin.counters()["bytes"] - sent
            return used / (sent / 1e9), resident(process.pid), sent / took

    def states(self, rate: int, seconds: float) -> tuple[float, float, int]:
        """Share of the durable states in what is written, how many a second, bytes of the live one."""
        with self._origin(rate) as (origin, digest), self._home(digest) as home:
            service = Service(SETTINGS, home / "models", environ={})
            service.start()
            try:
                service.add(origin.names[0])
                first_asked(origin, digest)
                paths = PartialPaths(home / "models" / ".pulltui", blob_file_name(digest))
                changes = Changes(paths.durable)
                changes.until(1)  # begin and end with one of them
                before, began = _done(service), time.monotonic()
                changes.bytes = changes.count = 0
                while time.monotonic() < began + seconds or not changes.count or _done(service) == before:
                    changes.until(changes.count + 1)
                own, took = _done(service) - before, time.monotonic() - began
                return changes.bytes / own, changes.count / took, paths.live.stat().st_size
            finally:
                service.stop()

    @contextmanager
    def _origin(self, rate: int = LINK, size: int | None = None) -> Iterator[tuple[Origin, str]]:
        """A registry with the blob behind a link of `rate` bytes a second; the blob's digest."""
        with Origin([f"bench=~{size or self.size}B"], f"link@{rate}B/s") as origin:
            yield origin, origin.model(PATH)[0]

    @contextmanager
    def _home(self, digest: str | None = None) -> Iterator[Path]:
        """A directory for one run; with a `digest` its `models` have the blob half fetched."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as name:
            if digest is not None:
                begun(Path(name) / "models", digest, self.size, PART)
            yield Path(name)


class Changes:
    """Looks at a file that is replaced again and again: how often it was, bytes of all versions together."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        self.bytes = 0
        self._path = path
        self._seen = self._look()[0]

    def until(self, count: int) -> None:
        """Wait until so many changes were seen. Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE
        while self.count < count:
            seen, size = self._look()
            if seen != self._seen:
                self._seen = seen
                self.count += 1
                self.bytes += size
            elif time.monotonic() > deadline:
                raise TimeoutError(f"{self._path.name} does not change")
            time.sleep(0.01)

    def _look(self) -> tuple[tuple[int, int], int]:
        status = self._path.stat()
        return (status.st_ino, status.st_mtime_ns), status.st_size


@contextmanager
def _command(origin: Origin, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `pulltui pull` until the block is left."""
    pull = [sys.executable, "-m", "pulltui", "pull", origin.names[0], "--models-dir", str(home / "models")]
    null = subprocess.DEVNULL
    env = environment(home, PULLTUI_STORAGE_CHECK_SPACE="false")
    process = subprocess.Popen(pull, env=env, stdin=null, stdout=null, stderr=null)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _done(service: Service) -> int:
    return sum(blob.done for pull in service.view.pulls for blob in pull.blobs)


def first_asked(origin: Origin, digest: str) -> float:
    """The monotonic time at which the first of a blob's bytes were asked for. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        counters = origin.counters()
        zero: float = counters["origin"]  # its clock is this process's
        for record in counters["records"]:
            if record["place"] == "blob" and record["digest"] == digest:
                return zero + float(record["started"])
        time.sleep(0.02)
    raise TimeoutError(f"nothing was asked for within {PATIENCE:g} s")


def save_queue(origin: Origin, state: Path, count: int) -> None:
    """Leave a queue of `count` pulls, the origin's first; none of them is paused."""
    name = parse(origin.names[0])
    first = Entry(name=f"{name.host}/{name.repository}:{name.tag}", scheme="http")
    others, manifests = make_entries(count - 1)
    QueueFile(state).save([first, *(replace(entry, paused=False) for entry in others)], manifests)


def _times(work: Callable[[bool], float], there: bool, rounds: int) -> list[float]:
    return [work(there) for _ in range(rounds)]


def start(bench: Bench, options: argparse.Namespace) -> list[Figure]:
    """Print the row `start`; the milliseconds with half of it there."""
    found = []
    print(f"{'ms to the first byte asked for':40}{'half there':>12}{'nothing there':>15}")
    for what, work in (("the command", bench.from_command), ("the engine", bench.from_engine)):
        there, fresh = (_times(work, have, options.rounds) for have in (True, False))
        half, none = statistics.median(there), statistics.median(fresh)
        print(f"{f'from the start of {what}':40}{half:12.0f}{none:15.0f}", flush=True)
        found.append(figure(f"resume {bench.size} start of {what}", there))
    return found


def queue(bench: Bench, options: argparse.Namespace) -> list[Figure]:
    """Print the row `queue`; the milliseconds."""
    took = [bench.from_engine(True, QUEUE) for _ in range(options.rounds)]
    print(f"{f'the engine with {QUEUE:,} queued pulls':40}{statistics.median(took):12.0f}", flush=True)
    return [figure(f"resume {bench.size} queue", took)]


def large(bench: Bench, options: argparse.Namespace) -> list[Figure]:
    """Print the row `large`, for which there is no budget."""
    print(f"{'at 160 MB/s':40}{'processor s/GB':>16}{'memory MB':>12}{'MB/s':>9}")
    for size in (SMALL, bench.size):
        found = [bench.cost(size, options.seconds) for _ in range(min(3, options.rounds))]
        cpu, rss, rate = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{f'a blob of {size / 1e9:g} GB':40}{cpu:16.2f}{rss / MB:12.1f}{rate / MB:9.1f}", flush=True)
    return []


def states(bench: Bench, options: argparse.Namespace) -> list[Figure]:
    """Print the row `states`; the shares of what is written."""
    found = []
    print(f"{'what durable states write':40}{'share':>12}{'a second':>12}{'live kB':>10}")
    for rate in options.rates:
        share, often, live = bench.states(rate * MB, options.seconds)
        print(f"{f'at {rate} MB/s':40}{share:12.2%}{often:12.2f}{live / 1e3:10.0f}", flush=True)
        found.append(figure(f"resume {bench.size} states {rate}", [share]))
    return found


def version(bench: Bench, options: argparse.Namespace) -> list[Figure]:
    """Print the row `version`; the ratio."""
    ours = [str(Path(sys.executable).with_name("pulltui")), "--version"]
    commands = {"pulltui --version": ours, "python -c pass": [sys.executable, "-c", "pass"]}
    env = environment(bench.scratch)
    runs = {
        name: partial(measure, [command] * REPEATS, env, bench.scratch) for name, command in commands.items()
    }
    costs = interleave(runs, options.rounds)
    own, bare = ([cost.wall for cost in found] for found in costs.values())
    for name, walls in zip(commands, (own, bare), strict=True):
        print(f"{f'ms of {name}':40}{statistics.median(walls) / REPEATS * 1e3:12.1f}")
    found = ratio(own, bare)
    print(f"{'median ratio of pairs':45}{told(*found)}", flush=True)
    return [Figure("resume version", *found, options.rounds)]


Row = Callable[[Bench, argparse.Namespace], list[Figure]]
ROWS: dict[str, Row] = {"start": start, "queue": queue, "large": large, "states": states, "version": version}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print what is asked for; 1 if some of it could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench/resume.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rows", type=some_of(ROWS), default=list(ROWS), metavar="NAME,...")
    parser.add_argument("--size", type=read_size, default="100GB", metavar="SIZE")
    parser.add_argument("--rounds", type=int, default=PAIRS, metavar="N")
    parser.add_argument("--rates", type=_rates, default=[1, 10, 160], metavar="MB/s,...")
    parser.add_argument("--seconds", type=float, default=20.0)
    add_directory(parser)
    add_record(parser)
    options = parser.parse_args(arguments)
    print(f"a blob of {options.size / 1e9:g} GB in {-(-options.size // PART):,} parts", flush=True)
    with tempfile.TemporaryDirectory(prefix="pulltui-bench-", dir=options.directory) as scratch:
        bench = Bench(options.size, Path(scratch))
        rows = {name: partial(_row, ROWS[name], bench, options) for name in options.rows}
        return run(rows, options.record)


def _row(row: Row, bench: Bench, options: argparse.Namespace) -> list[Figure]:
    print()
    os.sync()  # it does not pay for what the one before left to be written
    return row(bench, options)


def _rates(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
