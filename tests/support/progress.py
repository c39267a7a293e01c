"""How far a `pulltui pull --json` is, by its own account."""

from __future__ import annotations

import json
import subprocess


def until_progress(process: subprocess.Popen[str], goal: int) -> None:
    """Read its lines until more than `goal` bytes are done; raises AssertionError if it ends before."""
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(json.loads(line))
        if told[-1]["event"] == "progress" and told[-1]["done"] > goal:
            return
    raise AssertionError(f"it ended before it was that far: {told[-3:]}")
