"""What Ollama would make of a models directory: which models it lists, what it deletes when it starts.

After server/images.go (PruneLayers, deleteUnusedLayers), server/fixblobs.go and manifest/manifest.go of
github.com/ollama/ollama.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

GRACE = 3600.0
"""Seconds that a blob nobody refers to is left alone."""
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"
_NAME = re.compile(rf"(?P<host>[A-Za-z0-9_][A-Za-z0-9_.:-]{{0,349}})/{_PART}/{_PART}/{_PART}")
_BLOB = re.compile(r"sha256[:-][0-9a-fA-F]{64}")


def listed(models: Path) -> dict[str, str]:
    """The models of `ollama list`: `host/namespace/model:tag` and the sha256 of each manifest file.

    One whose manifest, config or template cannot be read is left out, as Ollama leaves it out.
    """
    found = {}
    for path in _manifests(models):
        manifest = _manifest(path)
        if manifest is None or not _usable(models, manifest):
            continue
        *place, tag = path.relative_to(models / "manifests").parts
        found[f"{'/'.join(place)}:{tag}"] = sha256(path.read_bytes()).hexdigest()
    return found


def doomed(models: Path, now: float) -> list[Path]:
    """The files in `blobs/` that Ollama would delete, starting at `now` (unix seconds)."""
    manifests = [_manifest(path) for path in _manifests(models)]
    used = set()
    for manifest in manifests:
        if manifest is None:
            return []  # it prunes nothing while a manifest is bad
        used |= {_file_name(entry["digest"]) for entry in _entries(manifest)}
    return [
        path
        for path in sorted((models / "blobs").iterdir())
        if path.is_file()
        and now - path.stat().st_mtime > GRACE
        and not (_BLOB.fullmatch(path.name) and path.name in used)
    ]


def missing(models: Path) -> list[str]:
    """Digests that a listed manifest names and that `blobs/` has not, or not with the manifest's size."""
    lacking = []
    for path in _manifests(models):
        for entry in _entries(_manifest(path) or {}):
            blob = models / "blobs" / _file_name(entry["digest"])
            if not blob.is_file() or blob.stat().st_size != entry["size"]:
                lacking.append(entry["digest"])
    return lacking


def _manifests(models: Path) -> list[Path]:
    return sorted(path for path in (models / "manifests").glob("*/*/*/*") if path.is_file())


def _manifest(path: Path) -> dict[str, Any] | None:
    if not _NAME.fullmatch("/".join(path.parts[-4:])):
        return None
    try:
        value = json.loads(path.read_bytes())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _entries(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    config = manifest.get("config") or {}
    return [*manifest.get("layers", []), *([config] if config.get("digest") else [])]


def _usable(models: Path, manifest: dict[str, Any]) -> bool:
    try:
        for entry in _entries(manifest):
            blob = models / "blobs" / _file_name(entry["digest"])
            if entry is manifest.get("config"):
                json.loads(blob.read_bytes())
            elif entry["mediaType"].endswith(".template"):
                blob.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return True


def _file_name(digest: str) -> str:
    return digest.replace(":", "-")
