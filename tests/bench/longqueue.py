"""What a long queue costs: loading, saving, showing, and adding one more.

    python tests/bench/longqueue.py [--entries 1000] [--rounds 7] [--directory DIR]

The queue is made of paused pulls with manifests of five blobs each; nothing is fetched. Times are medians of
the rounds in milliseconds, the loop's longest hold is the worst of all rounds: how late anything else in the
engine's loop may have been, found by a task that asks to be woken every half a millisecond.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

from msgspec.structs import replace
from pulltui.engine import queuefile
from pulltui.engine.queuefile import Entry, QueueFile
from pulltui.engine.service import Service
from pulltui_config import Settings

BLOBS = 5
HEARTBEAT = 0.0005


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a long queue costs.")
    parser.add_argument("--entries", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--directory", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        rows = measure(Path(directory), options.entries, options.rounds)
    print(f"{options.entries} entries, medians of {options.rounds} rounds")
    for what, value in rows.items():
        print(f"{what:44}{value:10.2f}")


def measure(directory: Path, count: int, rounds: int) -> dict[str, float]:
    """Return the figures by what they are, all but the file's size in milliseconds."""
    entries, manifests = make_entries(count)
    state = directory / "state"
    QueueFile(state).save(entries, manifests)
    changed = [[*entries[:-1], replace(entries[-1], limit=n + 1.0)] for n in range(rounds)]
    files = QueueFile(state)
    files.save(entries)
    rows = {
        "queue.toml, kB": (state / "queue.toml").stat().st_size / 1e3,
        "load the file ms": median(rounds, lambda _: QueueFile(state).load()),
        "load it with all manifests ms": median(rounds, lambda _: load_all(QueueFile(state))),
        "save it all anew ms": median(rounds, lambda _: save_anew(files, entries)),
        "save it, one entry changed ms": median(rounds, lambda n: files.save(changed[n])),
    }
    service = Service(Settings(), directory / "models", environ={}, state_dir=state, resume=False)
    began = time.perf_counter()
    service.start()
    rows["start of the engine ms"] = (time.perf_counter() - began) * 1e3
    try:
        rows |= adding(service, rounds)
    finally:
        service.stop()
    return rows


def make_entries(count: int) -> tuple[list[Entry], dict[str, bytes]]:
    """Return entries, and their manifests by digest."""
    entries, manifests = [], {}
    for number in range(count):
        layers = [
            {
                "mediaType": "application/vnd.ollama.image.model",
                "digest": f"sha256:{hashlib.sha256(f'{number} {blob}'.encode()).hexdigest()}",
                "size": 10**9 + blob,
            }
            for blob in range(BLOBS)
        ]
        raw = json.dumps({"schemaVersion": 2, "layers": layers}).encode()
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        manifests[digest] = raw
        name = f"registry.invalid/library/model-{number}:latest"
        entries.append(Entry(name=name, scheme="https", paused=True, manifest=digest, size=BLOBS * 10**9))
    return entries, manifests


def median(rounds: int, work: Callable[[int], object]) -> float:
    """Return the median time of a call, in milliseconds."""
    times = []
    for number in range(rounds):
        began = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def save_anew(files: QueueFile, entries: list[Entry]) -> None:
    """Save the queue as after a start: every entry is put into words."""
    queuefile._text.cache_clear()
    files.save(entries)


def load_all(files: QueueFile) -> None:
    """Load the queue as the engine does when it starts."""
    for entry in files.load().entries:
        assert files.manifest(entry) is not None


def adding(service: Service, rounds: int) -> dict[str, float]:
    """Add one pull after the other to the engine's queue, while its loop is watched."""
    core, thread = service._core, service._thread
    assert core is not None
    assert thread is not None
    while core.queue._peeks:  # it still looks what is on disk
        time.sleep(0.01)
    holds: list[float] = []
    heart = asyncio.run_coroutine_threadsafe(beat(holds), thread.loop)

    def add(number: int) -> None:
        # Paused in the same turn of the loop: nobody asks a registry that is not there.
        pull = service.add(f"registry.invalid/library/more-{number}")
        service.pause([pull.result(30)]).result(30)

    async def look() -> float:
        began = time.perf_counter()
        core.viewer.view()
        return (time.perf_counter() - began) * 1e3

    service.pause([]).result(30)
    idle = max(holds, default=0.0)
    holds.clear()
    acknowledged = median(rounds, add)
    busy = max(holds, default=0.0)
    heart.cancel()
    views = [asyncio.run_coroutine_threadsafe(look(), thread.loop).result(30) for _ in range(rounds)]
    return {
        "make a view ms": statistics.median(views),
        "add one and pause it, both acknowledged ms": acknowledged,
        "longest hold of the loop before ms": idle * 1e3,
        "longest hold of the loop while adding ms": busy * 1e3,
    }


async def beat(holds: list[float]) -> None:
    """Note how late each wake-up is, in seconds."""
    while True:
        due = time.perf_counter() + HEARTBEAT
        await asyncio.sleep(HEARTBEAT)
        holds.append(max(0.0, time.perf_counter() - due))


if __name__ == "__main__":
    main()
