"""The clients of the network benchmark: what a user would type, each with a digest to check.

pulltui     its settings as they are
aria2c      16 connections; patient, but not a minute long with a silent connection, as it is by itself
curl        one connection, in a loop that goes on where the file ends, then sha256sum. Without --retry: curl
            throws away what an attempt has brought before it tries again by itself
fixed       fixed.py: fixed parts, a connection each, six tries
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from bench import fixed
from bench.origin import Origin
from support.debian import program

PATH = "library/bench"
"""The model that the registry serves."""
PATIENCE = "10"
"""Seconds of silence after which aria2c and curl give a connection up."""


def pulltui(origin: Origin, home: Path) -> list[str]:
    """The command, its settings as they are unless somebody changes them."""
    pull = [sys.executable, "-m", "pulltui", "pull", origin.names[0], "--json"]
    return [*pull, "--models-dir", str(home / "models")]


def aria2c(origin: Origin, home: Path) -> list[str]:
    """The command; a minute of silence, its usual patience, would lose it every race against a stall."""
    digest, url = origin.model(PATH)
    split = ["-x16", "-s16", "-k1M", f"--checksum=sha-256={digest.removeprefix('sha256:')}"]
    patient = ["--max-tries=0", "--retry-wait=1", f"--timeout={PATIENCE}", f"--connect-timeout={PATIENCE}"]
    quiet = ["--no-conf", "--console-log-level=notice", "--summary-interval=0", "--file-allocation=none"]
    return [program("aria2c"), *split, *patient, *quiet, "-d", str(home), "-o", "blob", url]


def curl(origin: Origin, home: Path) -> list[str]:
    """The loop, in a shell."""
    digest, url = origin.model(PATH)
    patient = ["--connect-timeout", PATIENCE, "--speed-limit", "1", "--speed-time", PATIENCE]
    get = [program("curl"), "-fsSL", *patient, "-C", "-", "-o", str(home / "blob"), url]
    sums = f"{digest.removeprefix('sha256:')}  {home / 'blob'}"
    loop = f"until {shlex.join(get)}; do sleep 1; done"
    return ["sh", "-c", f"{loop}; echo {shlex.quote(sums)} | sha256sum --check --quiet"]


def fixed_parts(origin: Origin, home: Path) -> list[str]:
    """The program beside this one."""
    digest, url = origin.model(PATH)
    return [sys.executable, fixed.__file__, url, digest, str(home / "blob")]


CLIENTS: dict[str, Callable[[Origin, Path], list[str]]] = {
    "pulltui": pulltui,
    "aria2c": aria2c,
    "curl": curl,
    "fixed": fixed_parts,
}


def file_of(client: str, home: Path, digest: str) -> Path:
    """Where a client leaves the blob."""
    return home / ("blob" if client != "pulltui" else f"models/blobs/{digest.replace(':', '-')}")
