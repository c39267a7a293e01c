from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import gguf
from support.debian import DockerRegistry
from support.gguf import RealRegistry


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """docker-registry with the real model in it."""
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as server:
        yield gguf.fill(server)
