"""A real model from a real registry: afterwards the models directory is what Ollama would have made."""

from __future__ import annotations

import json
import stat
import time
from hashlib import sha256
from pathlib import Path

import pytest
from support import command, gguf, ollama
from support.gguf import RealRegistry
from support.ways import WASTE

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def pulled(registry: RealRegistry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models directory after one `pulltui pull` in an empty place."""
    home = tmp_path_factory.mktemp("home")
    models = home / "models"
    result = command.run(["pull", registry.name, "--models-dir", str(models), "--json"], home, timeout=120)
    assert (result.returncode, result.stderr) == (0, "")
    last = json.loads(result.stdout.splitlines()[-1])
    size = sum(registry.sizes.values())
    assert (last["event"], last["done"], last["bytes"] - last["fetched_again"]) == ("summary", 1, size)
    assert last["bytes"] <= size * WASTE
    return models


def test_the_model_has_the_published_checksum(pulled: Path) -> None:
    digest = gguf.sha256_of(pulled / "blobs" / f"sha256-{gguf.published_sha256()}")
    assert digest == gguf.published_sha256() == gguf.package().EXPECTED_SHA256


def test_nothing_else_is_there_and_every_byte_is_the_registrys(registry: RealRegistry, pulled: Path) -> None:
    registry.check(pulled, registry.server.host)


def test_modes_are_those_that_ollama_gives(pulled: Path) -> None:
    modes = {
        (path.is_dir(), stat.S_IMODE(path.lstat().st_mode))
        for part in ("blobs", "manifests")
        for path in (pulled / part, *(pulled / part).rglob("*"))
    }
    assert modes == {(True, 0o755), (False, 0o644)}
    assert not any(path.is_symlink() for path in pulled.rglob("*"))


def test_ollama_would_list_it_and_delete_nothing(registry: RealRegistry, pulled: Path) -> None:
    assert ollama.listed(pulled) == {registry.name: sha256(registry.manifest).hexdigest()}
    assert ollama.missing(pulled) == []
    assert ollama.doomed(pulled, time.time() + 2 * ollama.GRACE) == []


def test_pulling_again_fetches_nothing(registry: RealRegistry, pulled: Path, tmp_path: Path) -> None:
    result = command.run(["pull", registry.name, "--models-dir", str(pulled), "--json"], tmp_path)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    resolved = next(line for line in lines if line["event"] == "resolved")
    assert (result.returncode, lines[-1]["bytes"]) == (0, 0)
    assert resolved["cached"] == resolved["bytes"] == sum(registry.sizes.values())
