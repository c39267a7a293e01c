"""Upstream's reading of what we wrote: at each event of a real pull, Ollama would list the model exactly from
the moment on when we say that it is done, and would delete nothing of ours.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from pulltui.engine.log import EventLog
from pulltui.engine.views import EventKind, PullState
from support import ollama, watched
from support.counting import Witness
from support.engine import Engine
from support.gguf import RealRegistry
from support.progress import until_progress
from support.reading import TWO_HOURS, Look, age, complaints, look_at_each_event

pytestmark = pytest.mark.real

MB = 1_000_000

Engines = Callable[..., Engine]


def check(looks: list[Look], name: str, registry: RealRegistry, before: dict[str, str]) -> None:
    """`before` was listed all the time, `name` from `done` on, and nothing was ever to be deleted."""
    assert [look for look in looks if look.complaints] == []
    done = [look.kind for look in looks].index(EventKind.DONE)
    ours = {name: sha256(registry.manifest).hexdigest()}
    assert [look for look in looks[:done] if look.listed != before] == []
    assert [look for look in looks[done:] if look.listed != before | ours] == []


def check_between(models: Path, before: dict[str, str]) -> None:
    """The same while nothing runs, and hours later."""
    now = time.time()
    assert complaints(models, now) + complaints(models, now + TWO_HOURS) == []
    assert ollama.listed(models) == before
    age(models)


def is_past(it: Engine, pull: str, goal: int) -> bool:
    return it.pull(pull).done > goal


def test_paused_and_resumed_and_stopped_beside_an_older_model(
    registry: RealRegistry, slow: Witness, engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older model has the small blobs in common with it, and came two hours before."""
    small = [layer for layer in json.loads(registry.manifest)["layers"] if layer["size"] < MB]
    config = json.loads(registry.manifest)["config"]
    older = json.dumps({"schemaVersion": 2, "config": config, "layers": small}).encode()
    it = engine(part_size=4 * MB)
    for entry in (*small, config):
        blob = it.directory / "blobs" / entry["digest"].replace(":", "-")
        blob.write_bytes(registry.server.blob(entry["digest"]).read_bytes())
    place = it.directory / "manifests" / slow.host / "library" / "older"
    place.mkdir(parents=True)
    (place / "latest").write_bytes(older)
    before = {f"{slow.host}/library/older:latest": sha256(older).hexdigest()}
    check_between(it.directory, before)
    looks: list[Look] = []
    monkeypatch.setattr(EventLog, "emit", look_at_each_event(it.directory, looks.append))
    name = registry.name_at(slow.host)
    pull = it.add(name)
    for goal in (40 * MB, 90 * MB):
        it.until(partial(is_past, it, pull, goal), f"{goal} bytes")
        it.pause(pull)
        check_between(it.directory, before)
        it.resume(pull)
    it.until(partial(is_past, it, pull, 140 * MB), "a good part of it")
    assert it.stop()
    check_between(it.directory, before)
    it = engine(part_size=4 * MB)
    pull = it.add(name)
    it.until_done(pull)
    assert it.pull(pull).state is PullState.DONE
    kinds = [look.kind for look in looks]
    assert {EventKind.PAUSED, EventKind.RESUMED, EventKind.RESOLVED, EventKind.VERIFIED} <= {*kinds}
    assert kinds.count(EventKind.PAUSED) == 2
    check(looks, name, registry, before)
    assert complaints(it.directory, time.time() + TWO_HOURS) == []


def test_killed_and_interrupted(registry: RealRegistry, slow: Witness, tmp_path: Path) -> None:
    models, file = tmp_path / "models", tmp_path / "looks"
    name = registry.name_at(slow.host)
    # More connections would be through before it is time to end them.
    arguments = ["pull", name, "--connections", "3", "--models-dir", str(models), "--json"]
    ends = [(40 * MB, signal.SIGKILL), (90 * MB, signal.SIGTERM), (140 * MB, signal.SIGKILL)]
    for goal, end in ends:
        with watched.start(models, file, arguments, tmp_path) as process:
            until_progress(process, goal)
            process.send_signal(end)
            process.communicate()
        assert process.returncode == (128 + end if end == signal.SIGTERM else -end)
        check_between(models, {})
    with watched.start(models, file, arguments, tmp_path) as process:
        process.communicate()
    assert process.returncode == 0
    looks = watched.looks(file)
    kinds = [look.kind for look in looks]
    assert kinds.count(EventKind.RESOLVED) == len(ends) + 1
    assert kinds.count(EventKind.VERIFIED) >= len(registry.sizes)
    check(looks, name, registry, {})
    assert complaints(models, time.time() + TWO_HOURS) == []
    registry.check(models, slow.host)
