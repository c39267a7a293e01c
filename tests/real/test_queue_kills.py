"""Ten pulls and a process that is killed with -9 again and again: what was acknowledged is never forgotten.

Prints its seed; PULLTUI_TEST_SEED repeats one, PULLTUI_TEST_KILLS says how many kills.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pulltui.demo import Model as Content
from pulltui.demo import Registry
from pulltui.demo.intervals import intersection, total
from pulltui.engine.names import parse
from pulltui.engine.order import moved
from pulltui.engine.queuefile import QueueFile
from support.registry import make_model

KILLS = int(os.environ.get("PULLTUI_TEST_KILLS", "20"))
SIZE = 12_000_000
MOST_AGAIN = 16 << 20
LONGEST = 1.5
"""Seconds that a life lasts at most, once it has told what it found."""
PATIENCE = 120.0


@dataclass
class Model:
    """What the queue must be: names in order, and whether they are paused."""

    paused: dict[str, bool] = field(default_factory=dict)

    def after(self, what: str, name: str, by: int) -> Model:
        """Return what a command makes of it. Which pulls wait for their turn is the engine's to know."""
        paused = dict(self.paused)
        if what == "add":
            paused[name] = False
        elif name not in paused:
            return self
        elif what == "remove":
            del paused[name]
        elif what in {"pause", "resume"}:
            paused[name] = what == "pause"
        elif what == "move":
            paused = {each: paused[each] for each in moved(list(paused), {name}, by)}
        return Model(paused)

    def agrees(self, found: list[list[Any]], done: Callable[[str], bool], *, loose: str = "") -> bool:
        """Whether this is what a restart found; what is missing is done, `loose` may be anywhere."""
        names = [name for name, _, _ in found]
        expected = [name for name in self.paused if name in names]
        if set(names) - set(self.paused) or len(set(names)) != len(names):
            return False
        if any(not done(name) for name in self.paused if name not in names):
            return False
        if [name for name in names if name != loose] != [name for name in expected if name != loose]:
            return False
        # One that was being put in its place when it was told to pause was done instead.
        return all(
            self.paused[name] == paused or (self.paused[name] and whole) for name, paused, whole in found
        )


class Life:
    """A process that is killed `after` seconds once it has told what it found; None: it ends by itself."""

    def __init__(self, arguments: list[str], after: float | None) -> None:
        self.lines: list[list[Any]] = []
        command = [sys.executable, "-m", "support.queuelife", *arguments]
        place = Path(__file__).parents[1]
        with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True) as process:
            watch = threading.Timer(PATIENCE, process.kill)
            watch.start()
            assert process.stdout is not None
            for line in process.stdout:
                if not line.endswith("\n"):
                    break  # cut by the kill
                self.lines.append(json.loads(line))
                if len(self.lines) == 1 and after is not None:
                    watch.cancel()
                    watch = threading.Timer(after, process.kill)
                    watch.start()
            process.wait()
            watch.cancel()
        self.code = process.returncode

    @property
    def restored(self) -> list[list[Any]]:
        """What it found: name, paused, whether all bytes are there."""
        assert self.lines[0][0] == "restored"
        found: list[list[Any]] = self.lines[0][1]
        return found


@pytest.mark.long
def test_a_queue_that_is_killed_again_and_again_forgets_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("PULLTUI_TEST_SEED") or random.SystemRandom().randrange(1, 10**6))
    chance = random.Random(seed)
    content = [make_model(f"m{number}", SIZE, seed=200 + number) for number in range(10)]
    with Registry(content, "link@8MB/s") as server:
        again, acknowledged = kill_often(server, content, tmp_path, chance)
    with capsys.disabled():
        print(f"\nseed {seed}: {KILLS} kills, {acknowledged} commands acknowledged, bytes sent again {again}")
    for model in content:
        for digest in model.blobs:
            data = (tmp_path / "models" / "blobs" / digest.replace(":", "-")).read_bytes()
            assert f"sha256:{hashlib.sha256(data).hexdigest()}" == digest
    assert max(again) <= MOST_AGAIN


def kill_often(
    server: Registry, content: list[Content], place: Path, chance: random.Random
) -> tuple[list[int], int]:
    """Live and be killed, then live to the end; the bytes sent again after each kill, the commands."""
    names = [parse(name).short for name in server.names()]
    models, state = place / "models", place / "state"
    possible = [(Model(), "")]
    acknowledged = 0
    again: list[int] = []

    def done(name: str) -> bool:
        return models.joinpath("manifests", *parse(name).path_parts).exists()

    def live(seed: int, after: float | None) -> Life:
        mark = server.counters.mark()
        sent = {digest: server.counters.sent(digest) for model in content for digest in model.blobs}
        life = Life([str(models), str(state), str(seed), *names], after)
        server.counters.wait_for(lambda counters: counters.open_now() == 0)
        parts = [intersection(server.counters.sent(each, mark), before) for each, before in sent.items()]
        again.append(sum(map(total, parts)))
        return life

    for _ in range(KILLS):
        life = live(chance.randrange(1, 10**9), chance.uniform(0, LONGEST))
        assert life.code == -9
        check_restored(life, possible, done)
        possible, acks = follow(life)
        acknowledged += acks
        assert QueueFile(state).read().damage == ""
    life = live(0, None)
    assert life.code == 0
    check_restored(life, possible, done)
    assert sorted(life.lines[-1][1]) == sorted(names)
    return again[1:], acknowledged  # before the first life there was no kill


def check_restored(life: Life, possible: list[tuple[Model, str]], done: Callable[[str], bool]) -> None:
    """It found what was acknowledged, or what one command more made of it."""
    assert any(model.agrees(life.restored, done, loose=loose) for model, loose in possible), (
        life.restored,
        possible,
    )


def follow(life: Life) -> tuple[list[tuple[Model, str]], int]:
    """Return what the queue may be after a life (and who may be anywhere in it), and the acknowledgements."""
    model = pending = Model({name: paused for name, paused, _ in life.restored})
    possible, loose, acknowledged = [(model, "")], "", 0
    for kind, *rest in life.lines[1:]:
        if kind == "do":
            what, name, by = rest
            pending, loose = model.after(what, name, by), name if what == "start_next" else ""
            possible = [(model, ""), (pending, loose)]
        elif kind == "ack":
            model, acknowledged = pending, acknowledged + 1
            possible = [(model, loose)]
        elif kind == "order":
            [order] = rest
            if loose:  # who waits for its turn just then is the engine's to know
                assert [each for each in order if each != loose] == [
                    each for each in model.paused if each != loose
                ]
                model = Model({each: model.paused[each] for each in order})
            assert order == list(model.paused)
            possible = [(model, "")]
    return possible, acknowledged
