"""The checkout that a benchmark stands in: that is what is measured, whatever else Python has installed.

Each program puts the same places in front of its own `sys.path`; this is for the processes that it starts.
"""

from __future__ import annotations

import os
from pathlib import Path

from support.command import command_env

SOURCES = os.pathsep.join(str(Path(__file__).parents[2] / source) for source in ("tui", "config"))
"""What PYTHONPATH has to be."""


def environment(home: Path, **extra: str) -> dict[str, str]:
    """As `support.command.command_env`, for a command that is to be this checkout's."""
    return command_env(home, PYTHONPATH=SOURCES, **extra)
