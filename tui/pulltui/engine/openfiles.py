"""Who has a file open, as far as the system tells: /proc, on Linux."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from pulltui.engine.clean import safe

PROC = Path("/proc")


class Users(msgspec.Struct, frozen=True):
    """What could be found out about a file; processes are told as "name (process 123)"."""

    processes: tuple[str, ...] = ()
    """Those that have it open."""
    hidden: tuple[str, ...] = ()
    """Those of the program asked for whose files we may not see."""
    blind: bool = False
    """The system does not tell at all."""


def users_of(path: Path, program: str, proc: Path = PROC) -> Users:
    """Return which processes, ours excepted, have `path` open.

    Of those that belong to others, and do not show their files, only the ones called `program` are told.
    Raises OSError if the file itself cannot be looked at.
    """
    status = path.stat()
    ours = str(os.getpid())
    try:
        numbers = [entry.name for entry in proc.iterdir() if entry.name.isdecimal() and entry.name != ours]
    except OSError:
        return Users(blind=True)
    if not numbers and not (proc / ours).exists():
        return Users(blind=True)
    processes, hidden = [], []
    for number in numbers:
        try:
            if _has_open(proc / number / "fd", status):
                processes.append(_called(proc, number))
        except PermissionError:
            if _name(proc, number) == program:
                hidden.append(_called(proc, number))
        except OSError:
            continue  # it has ended
    return Users(tuple(processes), tuple(hidden))


def _has_open(descriptors: Path, status: os.stat_result) -> bool:
    for link in descriptors.iterdir():
        try:
            found = link.stat()
        except PermissionError:
            raise
        except OSError:
            continue  # closed meanwhile
        if (found.st_dev, found.st_ino) == (status.st_dev, status.st_ino):
            return True
    return False


def _name(proc: Path, number: str) -> str:
    try:
        return (proc / number / "comm").read_text(encoding="utf-8", errors="replace").rstrip("\n")
    except OSError:
        return ""


def _called(proc: Path, number: str) -> str:
    return f"{safe(_name(proc, number)) or 'a program'} (process {number})"
