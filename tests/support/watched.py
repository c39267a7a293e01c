"""The `pulltui` command, watched: `-m support.watched MODELS FILE ARGUMENT...`, a program of its own.

What Ollama would make of each event goes to FILE before the pull goes on, a line of JSON (`reading.Look`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
from pulltui.__main__ import main
from pulltui.engine.log import EventLog
from support import command
from support.reading import Look, look_at_each_event


def start(models: Path, file: Path, arguments: list[str], home: Path, **env: str) -> subprocess.Popen[str]:
    """Start it with these variables, as `support.command.start` does."""
    path = str(Path(__file__).parent.parent)
    return subprocess.Popen(
        [sys.executable, "-m", "support.watched", str(models), str(file), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=command.command_env(home, PYTHONPATH=path, **env),
        text=True,
        cwd=home,
    )


def looks(file: Path) -> list[Look]:
    """What was seen so far, also by one that was killed."""
    return [msgspec.json.decode(line, type=Look) for line in file.read_bytes().splitlines()]


def _write(file: int, look: Look) -> None:
    os.write(file, msgspec.json.encode(look) + b"\n")


if __name__ == "__main__":
    models, report, *sys.argv[1:] = sys.argv[1:]
    out = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    # The command does all its work through this one class.
    EventLog.emit = look_at_each_event(Path(models), lambda look: _write(out, look))  # type: ignore[method-assign]
    sys.exit(main())
