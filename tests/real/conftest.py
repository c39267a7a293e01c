from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import gguf
from support.counting import Witness
from support.debian import DockerRegistry
from support.gguf import RealRegistry


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """docker-registry with the real model in it."""
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as server:
        yield gguf.fill(server)


@pytest.fixture
def slow(registry: RealRegistry, tmp_path: Path) -> Iterator[Witness]:
    """The same at 8 MB/s a connection, so that a pull has a middle, with a witness."""
    (tmp_path / "nginx").mkdir()
    witness = Witness(tmp_path / "nginx", registry.server.port, 8_000_000)
    yield witness
    witness.close()
