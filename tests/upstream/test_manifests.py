"""Ollama's own tests of manifests (images_test, client2), in our words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from pulltui.demo import BytesBlob, Layer, Model, Registry, build_model
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 100 * KB, seed=330)

Registries = Callable[..., Registry]
Engines = Callable[..., Engine]


def pretty(manifest: bytes) -> bytes:
    return json.dumps(json.loads(manifest), indent=3).encode() + b"\n\n"


def oddly_ordered(manifest: bytes) -> bytes:
    fields = json.loads(manifest)
    fields["layers"] = [dict(reversed(each.items())) for each in fields["layers"]]
    return json.dumps(
        {"unknown": {"é": [None]}, **dict(reversed(fields.items()))}, ensure_ascii=False
    ).encode()


@pytest.mark.parametrize("form", [pretty, oddly_ordered])
def test_its_bytes_are_kept_as_they_came(
    registry: Registries, engine: Engines, form: Callable[[bytes], bytes]
) -> None:
    """`ollama list` shows the sha256 of the file as the model's id."""
    model = replace(MODEL, manifest=form(MODEL.manifest))
    server = registry(model)
    it = engine()
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(model, host=server.host)


def test_no_layers_at_all(registry: Registries, engine: Engines) -> None:
    model = build_model("library/nothing", [])
    server = registry(model)
    it = engine()
    it.until_done(it.add(server.names()[0]))
    it.assert_installed(model, host=server.host)


def test_fifteen_layers(registry: Registries, engine: Engines) -> None:
    model = build_model(
        "library/many", [Layer("license", BytesBlob(b"license %d" % number)) for number in range(15)]
    )
    server = registry(model)
    it = engine()
    pull = it.add(server.names()[0])
    it.until_done(pull)
    it.assert_installed(model, host=server.host)
    assert len(it.pull(pull).blobs) == 16


def test_an_unknown_name(registry: Registries, engine: Engines) -> None:
    server = registry(MODEL)
    it = engine()
    failed = it.until_failed(it.add(server.name("library/unheard-of")))
    assert failed.kind == "not-found"
    assert "unheard-of" in failed.error
    assert "(404)" in failed.error
    assert "no model library/unheard-of:latest" in failed.error, "the server's own words"
    assert "Check the name" in failed.hint


@pytest.mark.parametrize("manifest", [b"!!!", b'{"layers": [', b"\xff\xfe"])
def test_what_is_not_json(registry: Registries, engine: Engines, manifest: bytes) -> None:
    server = registry(Model("library/broken", "latest", manifest, {}))
    it = engine()
    failed = it.until_failed(it.add(server.names()[0]))
    assert failed.kind == "manifest"
    assert failed.hint
    assert [record.place for record in server.counters.records()] == ["manifest"], "not asked for twice"
    assert list((it.directory / "manifests").iterdir()) == []


@pytest.mark.parametrize("claimed", [99 * KB, 101 * KB])
def test_a_size_that_is_not_the_blobs(registry: Registries, engine: Engines, claimed: int) -> None:
    """The manifest decides; a server whose blob is longer or shorter is told so, and nothing is written."""
    model = build_model("library/size", [Layer("model", layer(MODEL), size=claimed)])
    server = registry(model)
    it = engine()
    failed = it.until_failed(it.add(server.names()[0]))
    assert failed.kind == "response"
    assert re.search(r"manifest (\d+|says)", failed.error), failed.error
    assert list((it.directory / "manifests").iterdir()) == []
