"""The `pulltui` command in a process and a home of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def command_env(home: Path, **extra: str) -> dict[str, str]:
    """Return an environment in which nothing of this machine's user counts."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
    return kept | {"HOME": str(home), "TERM": "xterm-256color", "PYTHONWARNINGS": "error"} | extra


def start(arguments: list[str], home: Path, **options: Any) -> subprocess.Popen[str]:
    """Start `python -m pulltui` with pipes, and signals as a shell sets them."""
    given: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "env": command_env(home),
        "text": True,
        "cwd": home,
        "preexec_fn": _default_signals,
    }
    return subprocess.Popen([sys.executable, "-m", "pulltui", *arguments], **(given | options))


def run(
    arguments: list[str], home: Path, timeout: float = 60, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    with start(arguments, home, **options) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
