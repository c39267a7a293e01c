from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.clean import safe
from pulltui.engine.errors import ManifestError
from pulltui.engine.manifest import (
    DOCKER_MANIFEST,
    MAX_MANIFEST_SIZE,
    OCI_MANIFEST,
    blob_file_name,
    parse_manifest,
)


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def layer(letter: str = "a", size: Any = 10, role: str = "model", **more: Any) -> dict[str, Any]:
    return {
        "mediaType": f"application/vnd.ollama.image.{role}",
        "digest": digest(letter),
        "size": size,
        **more,
    }


CONFIG = {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": digest("c"), "size": 5}


def document(*layers: Any, **more: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": CONFIG,
        "layers": list(layers) or [layer()],
        **more,
    }


def encoded(*layers: Any, **more: Any) -> bytes:
    return json.dumps(document(*layers, **more)).encode()


def refused(raw: bytes, content_type: str = "") -> str:
    with pytest.raises(ManifestError) as raised:
        parse_manifest(raw, content_type)
    message = str(raised.value)
    assert message.isprintable() and len(message) < 400
    return message


def test_layers_and_config() -> None:
    raw = encoded(layer("a", 10), layer("b", 0, "template"), layer("d", 3, "tensor", name="blk.0\x1b.q"))
    manifest = parse_manifest(raw)
    assert [(one.digest, one.size, one.kind) for one in manifest.layers] == [
        (digest("a"), 10, "model"),
        (digest("b"), 0, "template"),
        (digest("d"), 3, "tensor"),
    ]
    assert manifest.layers[2].name == "blk.0\ufffd.q"
    assert manifest.config and (manifest.config.kind, manifest.config.size) == ("config", 5)
    assert [one.digest for one in manifest.blobs] == [digest(letter) for letter in "abdc"]
    assert manifest.size == 18


def test_raw_bytes_are_kept_however_they_are_written() -> None:
    raw = b"\n  " + json.dumps(dict(reversed(document().items())), indent=7).encode() + b"\n\n"
    manifest = parse_manifest(raw)
    assert manifest.raw == raw
    assert manifest.digest == f"sha256:{hashlib.sha256(raw).hexdigest()}"


def test_a_layer_named_twice_is_one_blob() -> None:
    manifest = parse_manifest(encoded(layer("a"), layer("b", 3, "license"), layer("a")))
    assert len(manifest.layers) == 3
    assert [one.digest for one in manifest.blobs] == [digest("a"), digest("b"), digest("c")]
    assert manifest.size == 18


def test_config_that_is_a_layer_too() -> None:
    manifest = parse_manifest(encoded(layer("c", 5, "params")))
    assert [one.kind for one in manifest.blobs] == ["params"]


@pytest.mark.parametrize("config", [None, {"mediaType": "", "digest": "", "size": 0}, {}])
def test_no_config(config: object) -> None:
    manifest = parse_manifest(encoded(config=config))
    assert manifest.config is None
    assert [one.digest for one in manifest.blobs] == [digest("a")]


def test_kinds_of_manifest_and_layer() -> None:
    for media_type in (DOCKER_MANIFEST, OCI_MANIFEST, ""):
        assert parse_manifest(encoded(mediaType=media_type)).blobs
    without = document()
    del without["mediaType"]
    assert parse_manifest(json.dumps(without).encode()).blobs
    foreign = {**layer(), "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip"}
    assert parse_manifest(encoded(foreign)).layers[0].kind == "layer"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"mediaType": "application/vnd.oci.image.index.v1+json"}, "multi-platform index"),
        ({"mediaType": "application/vnd.docker.distribution.manifest.list.v2+json"}, "multi-platform index"),
        ({"mediaType": "text/plain"}, 'a kind that is not known: "text/plain"'),
        ({"mediaType": 7}, "a kind that is not known: 7"),
        ({"mediaType": ["x"]}, "a kind that is not known: a list"),
        ({"schemaVersion": 1}, "schemaVersion 1; only 2"),
        ({"schemaVersion": True}, "schemaVersion true"),
        ({"schemaVersion": "2"}, 'schemaVersion "2"'),
        ({"schemaVersion": 2.0}, "schemaVersion 2.0"),
        ({"schemaVersion": None}, "schemaVersion nothing"),
        ({"layers": None}, "no list of layers"),
        ({"layers": {}}, "no list of layers"),
        ({"layers": [], "config": None}, "names nothing to download"),
        ({"layers": [7]}, "layer 1 of the manifest is not a JSON object"),
        ({"config": "x"}, "config of the manifest is not a JSON object"),
        ({"config": {**CONFIG, "digest": "sha256:00"}}, 'config of the manifest has "sha256:00"'),
    ],
)
def test_refused_as_a_whole(more: dict[str, Any], message: str) -> None:
    assert message in refused(encoded(**more))


def test_index_without_media_type() -> None:
    raw = json.dumps({"schemaVersion": 2, "manifests": [{"digest": digest("a")}]}).encode()
    assert "multi-platform index" in refused(raw)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "a" * 64 + "\n",
        "sha256-" + "a" * 64,
        "sha512:" + "a" * 128,
        "sha256:../../../../etc/passwd",
        "sha256:" + "../" * 21 + "a",
        "sha256:" + "à" * 64,
        "a" * 64,
    ],
)
def test_digests(bad: str) -> None:
    assert "layer 1 of the manifest has" in refused(encoded({**layer(), "digest": bad}))
    with pytest.raises(ManifestError, match="is not a sha256 digest"):
        blob_file_name(bad)


@pytest.mark.parametrize("bad", [None, 7, True, ["x"], {}])
def test_digests_that_are_no_text(bad: object) -> None:
    assert "for a sha256 digest" in refused(encoded({**layer(), "digest": bad}))


@pytest.mark.parametrize("bad", [-1, 1.0, 1e30, True, False, None, "10", [], 2**53, 10**400])
def test_sizes(bad: object) -> None:
    assert "layer 2 of the manifest has" in refused(encoded(layer("b"), layer(size=bad)))


def test_largest_and_smallest_size() -> None:
    manifest = parse_manifest(encoded(layer("a", 2**53 - 1), layer("b", 0)))
    assert [one.size for one in manifest.layers] == [2**53 - 1, 0]


def test_one_digest_with_two_sizes() -> None:
    assert f"gives {digest('a')} two sizes: 10 and 11 bytes" in refused(
        encoded(layer("a", 10), layer("a", 11))
    )
    assert "two sizes" in refused(encoded(layer("c", 6)))


@pytest.mark.parametrize(
    "bad", [None, "", "model", "a/b/c", "a b/c", "a/b\x1b]0;x", "a/" + "x" * 64, 5, "/x"]
)
def test_media_types(bad: object) -> None:
    assert "for a media type" in refused(encoded({**layer(), "mediaType": bad}))


class TestNoManifestAtAll:
    def test_a_web_page(self) -> None:
        page = b"\n<!DOCTYPE html><html><title>Sign in</title>"
        assert refused(page, "text/html; charset=utf-8").endswith("not a registry manifest (text/html)")
        assert "(text/html)" in refused(page)

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (b"", "is empty"),
            (b"  \n", "is empty"),
            (b"hello \x1b[2J", "not a registry manifest: Expecting value at character 0 of 10"),
            (encoded()[:-9], "not a registry manifest"),
            (encoded() + b"x", "Extra data"),
            (b"[]", "not a JSON object"),
            (b"null", "not a JSON object"),
            (b"\xff\xfe\x00", "not readable JSON"),
            (b'{"a": "\xff"}', "not readable JSON"),
            (b"[" * 100_000, "nested too deeply"),
            (b'{"a":' * 100_000, "nested too deeply"),
            (b'{"schemaVersion": 2, "schemaVersion": 1}', 'the key "schemaVersion" twice'),
            (b'{"layers": [{"digest": "a", "digest": "b"}]}', 'the key "digest" twice'),
            (b'{"schemaVersion": NaN}', "NaN for a number"),
            (b'{"schemaVersion": ' + b"9" * 5000 + b"}", "not readable JSON"),
        ],
    )
    def test_broken(self, raw: bytes, message: str) -> None:
        assert message in refused(raw)

    def test_too_large(self) -> None:
        raw = encoded()
        assert parse_manifest(raw + b" " * (MAX_MANIFEST_SIZE - len(raw)))
        assert "larger than 4 MiB" in refused(raw + b" " * (MAX_MANIFEST_SIZE - len(raw) + 1))

    @given(st.binary(max_size=200))
    def test_anything(self, raw: bytes) -> None:
        refused(raw)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["schemaVersion", "mediaType", "config", "layers"]), anything)
def test_any_member(key: str, value: object) -> None:
    try:
        parse_manifest(json.dumps({**document(), key: value}).encode())
    except ManifestError as error:
        assert str(error).isprintable()


@given(st.sampled_from(["digest", "size", "mediaType", "name"]), anything)
def test_any_member_of_a_layer(key: str, value: object) -> None:
    try:
        manifest = parse_manifest(encoded({**layer(), key: value}))
    except ManifestError as error:
        assert str(error).isprintable()
    else:
        assert manifest.layers[0].name == safe(manifest.layers[0].name)


def test_blob_file_name() -> None:
    assert blob_file_name(digest("f")) == "sha256-" + "f" * 64
