"""Manifests: what a registry says a model consists of, checked before any path is made from it.

The form is Docker's image manifest, version 2, schema 2 (distribution/distribution, docs/content/spec/
manifest-v2-2.md) or OCI's (opencontainers/image-spec, manifest.md); the two are alike.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property

import msgspec
from pulltui_config.units import format_size

from pulltui.engine.clean import safe
from pulltui.engine.errors import ManifestError

MAX_MANIFEST_SIZE = 4 * 1024 * 1024
"""Bytes; what containers/image and most registries grant."""

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ROLE_PREFIX = "application/vnd.ollama.image."

_INDEXES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
# RFC 6838, section 4.2, at most half as long as it grants.
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}")
_MAX_SIZE = 2**53
"""Beyond it, JSON readers disagree on integers."""


class Layer(msgspec.Struct, frozen=True):
    """One entry of a manifest: a blob and what it is for."""

    digest: str
    """`sha256:<64 hex>`."""
    size: int
    media_type: str
    kind: str
    """Its role: model, projector, adapter, template, system, params, license, messages, tensor, config, ...;
    "layer" where the media type is none of Ollama's."""
    name: str = ""
    """The registry's name for it (tensors have one); clean, empty if it has none."""


class Manifest(msgspec.Struct, frozen=True, dict=True):
    """A valid manifest; made by `parse_manifest`."""

    raw: bytes
    """What the registry sent, byte for byte; this is what is stored."""
    config: Layer | None
    layers: tuple[Layer, ...]
    """In the registry's order, as often as it names them."""

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` of the raw bytes: the manifest's own digest, the id that `ollama list` shows."""
        return f"sha256:{hashlib.sha256(self.raw).hexdigest()}"

    @cached_property
    def blobs(self) -> tuple[Layer, ...]:
        """Every blob once: the layers in order, then the config."""
        entries = (*self.layers, self.config) if self.config else self.layers
        distinct: dict[str, Layer] = {}
        for entry in entries:
            distinct.setdefault(entry.digest, entry)
        return tuple(distinct.values())

    @property
    def size(self) -> int:
        """Bytes of all blobs, each counted once."""
        return sum(blob.size for blob in self.blobs)


def parse_manifest(raw: bytes, content_type: str = "", host: str = "the registry") -> Manifest:
    """Read and check a manifest.

    `content_type`, the answer's header, and `host`, which sent it, only make the message better when `raw` is
    no manifest.
    Raises ManifestError, and nothing else, for whatever is wrong with it.
    """
    document = _read_json(raw, content_type, host)
    _check_kind(document)
    config = _config(document.get("config"))
    entries = document.get("layers")
    if not isinstance(entries, list):
        raise ManifestError("the manifest has no list of layers")
    layers = tuple(_layer(entry, f"layer {number}") for number, entry in enumerate(entries, 1))
    manifest = Manifest(raw, config, layers)
    if not manifest.blobs:
        raise ManifestError("the manifest names nothing to download")
    sizes = {blob.digest: blob.size for blob in manifest.blobs}
    for entry in (*layers, config):
        if entry and entry.size != sizes[entry.digest]:
            raise ManifestError(
                f"the manifest gives {entry.digest} two sizes: {sizes[entry.digest]} and {entry.size} bytes"
            )
    return manifest


def moved_tag(old: Manifest, new: Manifest, done: Mapping[str, int]) -> str:
    """Return what to tell when a tag leads to another manifest than before.

    `done` has the bytes that are on disk of unfinished blobs, by digest.
    """
    wanted = {blob.digest for blob in new.blobs}
    left = [blob for blob in old.blobs if blob.digest not in wanted]
    told = f"the tag moved: it was {old.digest[7:19]}, now it is {new.digest[7:19]}"
    if not left:
        return told
    size, kept = sum(blob.size for blob in left), sum(done.get(blob.digest, 0) for blob in left)
    blobs = "one blob" if len(left) == 1 else f"{len(left)} blobs"
    return f"{told}; {blobs} of {format_size(size)} no longer needed, {format_size(kept)} on disk are kept"


def blob_file_name(digest: str) -> str:
    """Return the name of a blob's file, `sha256-<hex>`; nothing else makes such names.

    Raises ManifestError unless `digest` is `sha256:` and 64 lower-case hexadecimal digits.
    """
    found = _DIGEST.fullmatch(digest)
    if not found:
        raise ManifestError(f'"{safe(digest, 90)}" is not a sha256 digest')
    return f"sha256-{found[1]}"


def _read_json(raw: bytes, content_type: str, host: str) -> dict[str, object]:
    if len(raw) > MAX_MANIFEST_SIZE:
        raise ManifestError(f"the manifest is larger than {MAX_MANIFEST_SIZE // 1024**2} MiB")
    start = raw[:2000].lstrip().lower()
    if start.startswith(b"<"):
        what = safe(content_type.partition(";")[0], 60) or "text/html"
        raise ManifestError(
            f"{host} answered with a web page, not a registry manifest ({what})",
            "Is there a sign-in page of this network in between, or is the host no registry?",
        )
    if not start:
        raise ManifestError("the manifest is empty")
    try:
        document = json.loads(raw, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ManifestError(
            f"the answer is not a registry manifest: {error.msg} at character {error.pos} of {len(raw)}"
            f' ("{safe(raw[:60].decode("utf-8", "replace"))}")'
        ) from error
    except RecursionError as error:
        raise ManifestError("the manifest is nested too deeply") from error
    except ValueError as error:  # not UTF-8, or a number of thousands of digits
        raise ManifestError(f"the manifest is not readable JSON: {safe(str(error), 90)}") from error
    if not isinstance(document, dict):
        raise ManifestError("the manifest is not a JSON object")
    return document


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ManifestError(f'the manifest has the key "{safe(twice, 60)}" twice')
    return members


def _no_constant(word: str) -> object:
    raise ManifestError(f"the manifest has {word} for a number")


def _check_kind(document: dict[str, object]) -> None:
    media_type = document.get("mediaType", "")
    if media_type in _INDEXES or ("manifests" in document and "layers" not in document):
        raise ManifestError(
            "the registry answers with a multi-platform index, a list of manifests instead of one",
            "Pull a tag that is a model; container images cannot be pulled.",
        )
    version = document.get("schemaVersion")
    if type(version) is not int or version != 2:
        raise ManifestError(f"the manifest has schemaVersion {_shown(version)}; only 2 is known")
    if media_type not in ("", DOCKER_MANIFEST, OCI_MANIFEST):
        raise ManifestError(f"the manifest is of a kind that is not known: {_shown(media_type)}")


def _config(entry: object) -> Layer | None:
    """Return the config; None when there is none, which Ollama writes as an empty digest."""
    if entry is None or (isinstance(entry, dict) and entry.get("digest", "") == ""):
        return None
    return _layer(entry, "config")


def _layer(entry: object, which: str) -> Layer:
    if not isinstance(entry, dict):
        raise ManifestError(f"{which} of the manifest is not a JSON object")
    digest, size = entry.get("digest"), entry.get("size")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ManifestError(f"{which} of the manifest has {_shown(digest)} for a sha256 digest")
    if type(size) is not int or not 0 <= size < _MAX_SIZE:
        raise ManifestError(f"{which} of the manifest has {_shown(size)} for a size in bytes")
    media_type = entry.get("mediaType")
    if not isinstance(media_type, str) or not _MEDIA_TYPE.fullmatch(media_type):
        raise ManifestError(f"{which} of the manifest has {_shown(media_type)} for a media type")
    kind = "config" if which == "config" else "layer"
    if which != "config" and media_type.startswith(ROLE_PREFIX):
        kind = media_type.removeprefix(ROLE_PREFIX)
    name = entry.get("name")
    return Layer(digest, size, media_type, kind, safe(name, 200) if isinstance(name, str) else "")


def _shown(value: object) -> str:
    """Return a value from outside as JSON shows it, short and clean."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return "nothing" if value is None else safe(json.dumps(value), 90)
