"""Models for the embedded registry: a manifest, a config and layers, in Ollama's media types.

The shape is the one registry.ollama.ai serves: a Docker schema 2 manifest whose config is
`application/vnd.docker.container.image.v1+json` and whose layers are `application/vnd.ollama.image.<kind>`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pulltui.demo.blobs import Blob, BytesBlob, GeneratedBlob

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.ollama.image."

MIT = """MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this generated model, to
deal in it without restriction. It comes "as is", without warranty of any kind: it is noise and offsets.
"""
TEMPLATE = "{{ if .System }}{{ .System }}\n{{ end }}{{ .Prompt }}\n"


@dataclass(frozen=True)
class Layer:
    """One layer: `kind` is the end of its media type (model, template, params, ...), `size` what the manifest
    claims, the blob's own if not given.
    """

    kind: str
    blob: Blob
    size: int | None = None


@dataclass(frozen=True)
class Model:
    """What the registry has for one name: `path` like `library/tiny`, manifest as sent, blobs by digest."""

    path: str
    tag: str
    manifest: bytes
    blobs: Mapping[str, Blob] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of all its blobs together, each counted once."""
        return sum(blob.size for blob in self.blobs.values())


def build_model(path: str, layers: Sequence[Layer], tag: str = "latest", family: str = "demo") -> Model:
    """A model with a config and these layers; the digests of its blobs are computed here."""
    config = BytesBlob(_json(_config(layers, family)))
    described = [_descriptor(LAYER_TYPE + layer.kind, layer.blob, layer.size) for layer in layers]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _descriptor(CONFIG_TYPE, config),
        "layers": described,
    }
    blobs: dict[str, Blob] = {layer.blob.digest: layer.blob for layer in layers}
    blobs[config.digest] = config
    return Model(path, tag, _json(manifest), blobs)


def default_models() -> list[Model]:
    """The demo's models: about 210 MB in four models, two of which share their weights."""
    license_layer = Layer("license", BytesBlob(MIT.encode()))
    template = Layer("template", BytesBlob(TEMPLATE.encode()))
    harbor = Layer("model", GeneratedBlob(96_000_000, seed=1))
    return [
        build_model(
            "library/harbor",
            [harbor, template, license_layer, _params(temperature=0.7, stop=["<|end|>"])],
        ),
        build_model(
            "library/meadow",
            [
                Layer("model", GeneratedBlob(64_000_000, seed=2)),
                Layer("projector", GeneratedBlob(24_000_000, seed=3)),
                template,
                license_layer,
                _params(temperature=0.2),
            ],
            tag="vision",
        ),
        build_model(
            "library/harbor",
            [
                harbor,
                Layer("system", BytesBlob(b"You answer in one sentence.\n")),
                template,
                license_layer,
                _params(temperature=0.1, num_ctx=8192),
            ],
            tag="terse",
        ),
        build_model(
            "library/pebble",
            [Layer("model", GeneratedBlob(26_000_000, seed=4)), template, license_layer],
        ),
    ]


def _params(**values: object) -> Layer:
    return Layer("params", BytesBlob(_json(values)))


def _config(layers: Sequence[Layer], family: str) -> dict[str, object]:
    return {
        "model_format": "gguf",
        "model_family": family,
        "model_families": [family],
        "model_type": "0.1B",
        "file_type": "Q4_0",
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer.blob.digest for layer in layers]},
    }


def _descriptor(media_type: str, blob: Blob, size: int | None = None) -> dict[str, object]:
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size if size is None else size}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
