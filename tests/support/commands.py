"""What tests of the command share: a small model, slowly served, and what a pull of it leaves."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from pulltui.demo import Model
from support.registry import MB

Command = Callable[..., subprocess.CompletedProcess[str]]
SIZE = 6 * MB
SLOW = "link@100KB/s"
"""A minute for all of it: whoever is to come in the middle does."""
SOME = SIZE // 100
"""So many bytes of it are here soon all the same."""


def blobs_of(models: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in (models / "blobs").iterdir()}


def whole(model: Model) -> dict[str, int]:
    return {digest.replace(":", "-"): blob.size for digest, blob in model.blobs.items()}
