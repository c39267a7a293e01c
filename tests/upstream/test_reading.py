"""What Ollama would make of a models directory while pulltui is at work in it: at every moment, also when
its files are hours old, it would delete nothing of ours, and list nothing that is not complete.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulltui.demo import BytesBlob, GeneratedBlob, Layer, Model, Registry, build_model
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.views import EventKind, PullState
from support import ollama
from support.engine import KB, Engine
from support.reading import age, complaints

WEIGHTS = Layer("model", GeneratedBlob(900 * KB, seed=300))
TEMPLATE = Layer("template", BytesBlob(b"{{ .Prompt }}"))
ONE = build_model("library/one", [WEIGHTS, TEMPLATE, Layer("system", BytesBlob(b"one"))])
TWO = build_model("library/two", [WEIGHTS, TEMPLATE, Layer("system", BytesBlob(b"two"))])
ONE_LATER = build_model(
    "library/one",
    [Layer("model", GeneratedBlob(900 * KB, seed=301)), TEMPLATE, Layer("system", BytesBlob(b"1"))],
)

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


class Witness:
    """Starts Ollama, in thought, after each change that the engine makes to the directory.

    `unwanted` are blobs that nobody needs any more: those it may delete.
    """

    def __init__(self, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.models = models
        self.unwanted: set[str] = set()
        self.looks = 0
        self.complaints: list[str] = []
        for name in ("replace", "utime", "unlink", "mkdir", "ftruncate"):
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            result = real(*arguments, **options)
            self.look(f"after {name}")
            return result

        return call

    def look(self, when: str = "") -> bool:
        """Note what it would do wrong at this moment. Always False, so that one can look while waiting."""
        self.looks += 1
        if (self.models / "blobs").is_dir():
            manifests = [path for path in (self.models / "manifests").rglob("*") if path.is_file()]
            found = complaints(self.models, time.time(), self.unwanted)
            self.complaints += [f"{complaint} {when}" for complaint in found]
            # The engine may add one between the two looks.
            if len(ollama.listed(self.models)) < len(manifests):
                self.complaints.append(f"cannot read one of {manifests} {when}")
        return False


def in_ollamas_list(host: str, *models: Model) -> dict[str, str]:
    return {
        f"{host}/{model.path}:{model.tag}": hashlib.sha256(model.manifest).hexdigest() for model in models
    }


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Witness:
    return Witness(tmp_path / "models", monkeypatch)


def test_a_pull_paused_for_hours(registry: Registries, engine: Engines, witness: Witness) -> None:
    server = registry(ONE, faults="link@1MB/s")
    it = engine()
    pull = it.add(server.names()[0])
    for goal in (100 * KB, 400 * KB, 700 * KB):

        def reached(goal: int = goal) -> bool:
            # The small ones are verified, and wait.
            return witness.look() or (it.pull(pull).done > goal and bool(it.events(EventKind.VERIFIED)))

        it.until(reached, f"{goal} bytes")
        it.pause(pull)
        age(it.directory)
        witness.look("paused for hours")
        it.resume(pull)
    server.faults = ""
    it.until(lambda: witness.look() or it.pull(pull).state is PullState.DONE, "done")
    assert it.stop()
    assert witness.complaints == []
    assert witness.looks > 50
    assert ollama.listed(it.directory) == in_ollamas_list(server.host, ONE)
    age(it.directory)
    assert ollama.doomed(it.directory, time.time()) == []


def test_a_second_pull_that_shares_blobs(registry: Registries, engine: Engines, witness: Witness) -> None:
    server = registry(ONE, TWO, faults="link@500KB/s")
    it = engine()
    pulls = [it.add(name) for name in server.names()]
    it.until(lambda: witness.look() or all(it.pull(pull).done > 300 * KB for pull in pulls), "both move")
    it.pause(pulls[0])
    age(it.directory)
    server.faults = ""
    it.until(lambda: witness.look() or it.pull(pulls[1]).state is PullState.DONE, "the second is done")
    age(it.directory)
    it.resume(pulls[0])
    it.until(lambda: witness.look() or it.pull(pulls[0]).state is PullState.DONE, "the first is done")
    assert it.stop()
    assert witness.complaints == []
    assert ollama.listed(it.directory) == in_ollamas_list(server.host, ONE, TWO)
    age(it.directory)
    assert ollama.doomed(it.directory, time.time()) == []


def test_an_update_of_a_tag(registry: Registries, engine: Engines, witness: Witness) -> None:
    """The old model stays whole until the new one is; only what the new one has not is given up."""
    server = registry(ONE)
    it = engine()
    it.until_done(it.add(server.names()[0]))
    age(it.directory)
    server.add(ONE_LATER)
    server.faults = "link@500KB/s"
    old = {blob_file_name(digest) for digest in ONE.blobs.keys() - ONE_LATER.blobs.keys()}
    assert len(old) == 3
    pull = it.add(server.names()[0])
    it.until(lambda: witness.look() or it.pull(pull).done > 300 * KB, "some of the new one")
    it.pause(pull)
    age(it.directory)
    witness.look("paused for hours")
    assert ollama.listed(it.directory) == in_ollamas_list(server.host, ONE), "still the old one"
    server.faults = ""
    it.resume(pull)
    witness.unwanted = old
    it.until(lambda: witness.look() or it.pull(pull).state is PullState.DONE, "done")
    assert it.stop()
    assert witness.complaints == []
    assert ollama.listed(it.directory) == in_ollamas_list(server.host, ONE_LATER)
    age(it.directory)
    assert {path.name for path in ollama.doomed(it.directory, time.time())} == old


def test_a_blob_that_only_a_pull_wants_is_young_again(
    registry: Registries, engine: Engines, witness: Witness
) -> None:
    """A file in blobs/ that no model lists is Ollama's to delete; once a pull counts on it, it is spared."""
    server = registry(ONE)
    it = engine()
    orphan = it.directory / "blobs" / blob_file_name(WEIGHTS.blob.digest)
    orphan.write_bytes(WEIGHTS.blob.read(0, WEIGHTS.blob.size))
    witness.unwanted = {orphan.name}
    age(it.directory)
    assert ollama.doomed(it.directory, time.time()) == [orphan]
    server.faults = "manifest:503*1"
    it.until_done(it.add(server.names()[0]))
    assert it.stop()
    witness.unwanted = set()
    witness.look("done")
    assert witness.complaints == []
    assert ollama.listed(it.directory) == in_ollamas_list(server.host, ONE)
