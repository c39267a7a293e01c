"""A benchmark, run as people run it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

PATIENCE = 900.0
"""Seconds after which one hangs, on the slowest machine."""


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run it to its end; raises subprocess.TimeoutExpired."""
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
