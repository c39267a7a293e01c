"""Pulls that need the same bytes: these come once, whoever goes and whatever the model is called."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from pulltui.engine.views import EventKind
from pulltui_config.settings import Network
from support import ollama
from support.counting import Witness
from support.debian import Layer
from support.engine import Engine
from support.gguf import REPOSITORY, TAG, RealRegistry, sha256_of
from support.ways import TRANSPORTS, check_sent_once

pytestmark = pytest.mark.real

MB = 1_000_000
MODEL, CONFIG = "application/vnd.ollama.image.model", "application/vnd.docker.container.image.v1+json"
SYSTEM = b"Answer in rhymes."

Engines = Callable[..., Engine]


@pytest.fixture(scope="module")
def rhymes(registry: RealRegistry) -> bytes:
    """The manifest of `library/rhymes:latest`: the same GGUF, another config and a system prompt."""
    gguf = next(iter(registry.sizes))
    layers = [
        Layer(MODEL, registry.server.blob(gguf)),
        Layer("application/vnd.ollama.image.system", SYSTEM),
    ]
    return registry.server.push("library/rhymes", "latest", Layer(CONFIG, b'{"model_format":"gguf"}'), layers)


def sizes_in(manifest: bytes) -> dict[str, int]:
    value = json.loads(manifest)
    return {entry["digest"]: entry["size"] for entry in (*value["layers"], value["config"])}


def start(engine: Engines, transport: str) -> Engine:
    network = Network(user_agent="run-0")
    return engine(part_size=4 * MB, transport=transport, stall_timeout=30.0, network=network)


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if path.is_file()}


def names(digests: Iterable[str]) -> set[str]:
    return {digest.replace(":", "-") for digest in digests}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("cancelled", [0, 1], ids=["the first", "the second"])
def test_one_of_two_is_cancelled_in_the_middle(
    *,
    registry: RealRegistry,
    rhymes: bytes,
    slow: Witness,
    engine: Engines,
    transport: str,
    cancelled: int,
) -> None:
    gguf = next(iter(registry.sizes))
    offered = [
        (registry.name_at(slow.host), registry.manifest),
        (f"{slow.host}/library/rhymes:latest", rhymes),
    ]
    it = start(engine, transport)
    pulls = [it.add(name) for name, _ in offered]
    it.until(lambda: all(it.pull(pull).done > 60 * MB for pull in pulls), "both are in the middle")
    it.remove(pulls[cancelled], delete=True)
    at_once = it.blob(pulls[1 - cancelled], gguf).done
    assert 60 * MB < at_once < 240 * MB, "there is something left to do"
    it.until_done(pulls[1 - cancelled])
    assert it.events(EventKind.FAILED, EventKind.RETRY, EventKind.STALLED) == []
    assert it.stop()
    name, manifest = offered[1 - cancelled]
    sizes = sizes_in(manifest)
    assert ollama.listed(it.directory) == {name: sha256(manifest).hexdigest()}
    assert ollama.missing(it.directory) == []
    assert files(it.directory / "blobs") == names(sizes)
    assert files(it.work) == {"lock"}, "nothing of the cancelled one is left"
    assert f"sha256:{sha256_of(it.directory / 'blobs' / gguf.replace(':', '-'))}" == gguf
    check_sent_once(slow.testimony(sizes_in(rhymes) | registry.sizes), sizes)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_two_names_for_one_digest(
    registry: RealRegistry, slow: Witness, engine: Engines, transport: str
) -> None:
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    for tag in ("same", "later"):
        url = f"http://{registry.server.host}/v2/{REPOSITORY}/manifests/{tag}"
        answer = httpx.put(url, content=registry.manifest, headers={"Content-Type": kind}, trust_env=False)
        assert answer.status_code == httpx.codes.CREATED
    offered = [f"{slow.host}/{REPOSITORY}:{tag}" for tag in (TAG, "same", "later")]
    it = start(engine, transport)
    it.until_done(*[it.add(name) for name in offered[:2]])
    later = it.add(offered[2])
    it.until_done(later)
    assert it.pull(later).cached == it.pull(later).size == sum(registry.sizes.values())
    assert it.stop()
    assert ollama.listed(it.directory) == dict.fromkeys(offered, sha256(registry.manifest).hexdigest())
    assert ollama.missing(it.directory) == []
    assert files(it.directory / "blobs") == names(registry.sizes)
    assert files(it.work) == {"lock"}
    check_sent_once(slow.testimony(registry.sizes), registry.sizes)
