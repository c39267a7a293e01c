"""Kills a pull at random moments until it has been killed so many times, and tells what that cost."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pulltui.demo.intervals import intersection, total, union
from support import command, ollama
from support.counting import Request, Witness
from support.disk import Disk, examine
from support.gguf import REPOSITORY, TAG, RealRegistry
from support.tmux import Terminal

MOST_AGAIN = 16 << 20
"""Bytes that a kill may cost (design: the promise)."""
LONGEST = 6.0
"""Seconds that a run may live at most before it is killed; a whole pull takes about five times as long."""
RATE = 1_000_000
"""Bytes a second of each connection: all of them together send less than a kill may cost even while a busy
machine's disk stands still for two seconds.
"""
PATIENCE = 120.0
_SHOWN = re.compile(r"([\d.]+) ([KMG]?)B of [\d.]+ [KMG]?B")
_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3}


@dataclass(frozen=True)
class Life:
    """One run of pulltui: the least progress it showed (bytes), and whether it was killed."""

    shown: int | None
    killed: bool


@dataclass
class Kill:
    """One kill: which run, when, what the disk held then, and what it cost."""

    run: int
    after: float
    """Seconds from the start of the process."""
    disk: Disk
    again: int = 0
    """Bytes asked for by the next run although they were right on disk."""
    sent_again: int = 0
    """Bytes sent to this run or one before, and sent again to the next: what was on its way is among them."""
    shown: int | None = None
    """The least that the next run showed as done."""


def headless(host: str, models: Path, run: int, home: Path, kill_after: float) -> Life:
    """Run `pulltui pull --json`; kill it `kill_after` seconds later unless it has ended by then.

    Raises AssertionError if it ends badly by itself.
    """
    arguments = ["pull", f"{host}/{REPOSITORY}:{TAG}", "--models-dir", str(models), "--json"]
    with (
        (home / "stderr").open("w+") as errors,
        command.start(arguments, home, env=_env(home, run), stderr=errors) as process,
    ):
        timer = threading.Timer(kill_after, process.kill)
        timer.start()
        shown = []
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith("\n"):  # the last one may be cut
                shown += _done(json.loads(line))
        code = process.wait()
        timer.cancel()
        errors.seek(0)
        assert code in (0, -signal.SIGKILL), errors.read()
    return Life(min(shown, default=None), killed=code != 0)


def _done(line: dict[str, Any]) -> list[int]:
    return [line["done"]] if line["event"] == "progress" and line["total"] else []


def in_the_app(host: str, models: Path, run: int, home: Path, kill_after: float) -> Life:
    """Open the app on a terminal; kill it `kill_after` seconds later unless the model is done by then.

    Raises AssertionError if it ends badly by itself, TimeoutError if nothing more happens.
    """
    name = f"{host}/{REPOSITORY}:{TAG}"
    arguments = [sys.executable, "-m", "pulltui", "open", name, "--models-dir", str(models)]
    shown: list[int] = []

    def look(screen: str) -> bool:
        header = screen.partition("\n")[0]
        if (found := _SHOWN.search(header)) is not None:
            shown.append(round(float(found[1]) * _UNITS[found[2]]))
        return " 1 done" in header

    directory = home / f"terminal-{run}"
    directory.mkdir()
    with Terminal(arguments, _env(home, run), directory) as terminal:
        timer = threading.Timer(kill_after, os.kill, (terminal.pid, signal.SIGKILL))
        timer.start()
        terminal.wait(look, PATIENCE)
        timer.cancel()
        timer.join()
        if terminal.code is None:
            terminal.keys("q")
            terminal.wait(lambda screen: False, PATIENCE)
        code = terminal.code
        assert code in (0, 128 + signal.SIGKILL), terminal.screen()
    return Life(min(shown, default=None), killed=code != 0)


def _env(home: Path, run: int) -> dict[str, str]:
    # What is on its way when a process is killed grows with the connections: kernels buffer for each. These
    # are as many as "auto" begins with.
    return command.command_env(
        home, LANG="C.UTF-8", PULLTUI_NETWORK_USER_AGENT=f"run-{run}", PULLTUI_TRANSFER_CONNECTIONS="8"
    )


def series(
    registry: RealRegistry,
    live: Callable[[str, Path, int, Path, float], Life],
    count: int,
    directory: Path,
    seed: int,
) -> list[Kill]:
    """Pull the model again and again, killed at random moments, until it was killed `count` times.

    Each pull goes on where the killed one left it, until it is done; then the next begins in an empty models
    directory. Raises AssertionError if what a pull ends with is not the model, byte for byte.
    """
    moments = random.Random(seed)
    kills: list[Kill] = []
    pulls = 0
    while len(kills) < count:
        pulls += 1
        place = directory / str(pulls)
        place.mkdir()
        kills += _one_pull(registry, live, count - len(kills), place, moments)
    return kills


def _one_pull(
    registry: RealRegistry,
    live: Callable[[str, Path, int, Path, float], Life],
    most: int,
    place: Path,
    moments: random.Random,
) -> list[Kill]:
    """Pull once, with up to `most` kills on the way."""
    models = place / "models"
    witness = Witness(place, registry.server.port, RATE)
    kills: list[Kill] = []
    try:
        for run in range(most + 1):
            after = moments.uniform(0, LONGEST) if run < most else PATIENCE
            life = live(witness.host, models, run, place, after)
            if kills:
                kills[-1].shown = life.shown
            if not life.killed:
                break
            kills.append(Kill(run, after, examine(models, registry.truth)))
        requests = witness.testimony(registry.sizes)
    finally:
        witness.close()
    _check_end(registry, models)
    for kill in kills:
        _count(kill, requests)
    return kills


def _count(kill: Kill, requests: list[Request]) -> None:
    for digest, right in kill.disk.right.items():
        of_blob = [request for request in requests if request.digest == digest]
        asked = [request.asked for request in of_blob if request.run == kill.run + 1]
        sent = [request.sent for request in of_blob if request.run == kill.run + 1]
        before = [request.sent for request in of_blob if request.run <= kill.run]
        kill.again += total(intersection(asked, right))
        kill.sent_again += total(intersection(sent, before))


def _check_end(registry: RealRegistry, models: Path) -> None:
    [manifest] = ollama.listed(models).values()
    assert manifest == sha256(registry.manifest).hexdigest()
    end = examine(models, registry.truth)
    assert {digest: union(right) for digest, right in end.right.items()} == {
        digest: [(0, size)] for digest, size in registry.sizes.items()
    }
    work = models / ".pulltui"
    assert sorted(path.name for path in work.iterdir()) == ["lock", "sums"], "nothing is left over"


def report(kills: list[Kill], seed: int) -> str:
    """The kills as a table."""
    lines = [
        f"seed {seed}",
        "kill  after s  claims  claimed MB  false  shown MB  asked for again B  sent again B",
    ]
    for n, kill in enumerate(kills, start=1):
        disk = kill.disk
        shown = "-" if kill.shown is None else f"{kill.shown / 1e6:.1f}"
        lines.append(
            f"{n:4}  {kill.after:7.3f}  {disk.claims:6}  {disk.claimed_bytes / 1e6:10.1f}"
            f"  {len(disk.false_claims):5}  {shown:>8}  {kill.again:17}  {kill.sent_again:12}"
        )
    return "\n".join(lines)
