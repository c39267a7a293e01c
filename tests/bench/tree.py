"""How much memory and processor time processes take, by /proc: Linux only; elsewhere memory is 0."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

STEP = 0.05
PROC = Path("/proc")


class MemoryWatch:
    """Looks at the descendants of a process, not at itself, every `STEP` seconds while it is entered.

    `most`: the largest sum of their resident memory that was seen, in bytes. Pages that several of them
    share count for each.
    """

    def __init__(self, pid: int) -> None:
        self.most = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._main, name="memory-watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _main(self) -> None:
        while not self._over.wait(STEP):
            self.most = max(self.most, sum(resident(pid) for pid in descendants(self._pid)))


def descendants(pid: int) -> list[int]:
    """The processes that it has started, and theirs; those that end meanwhile may be missing."""
    found: list[int] = []
    for thread in _threads(pid):
        with suppress(OSError):  # it has ended since
            for child in map(int, (thread / "children").read_text().split()):
                found += [child, *descendants(child)]
    return found


def _threads(pid: int) -> list[Path]:
    """Where /proc shows a process's threads; none once it has ended."""
    with suppress(OSError):
        return list((PROC / str(pid) / "task").iterdir())
    return []


def resident(pid: int) -> int:
    """Bytes of resident memory of one process, none once it has ended."""
    with suppress(OSError):
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def peak(pid: int) -> int:
    """Bytes that its resident memory has had at most. Raises OSError once it is gone."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} has ended, but for its exit code")


def processor(pid: int) -> float:
    """Seconds of processor that a process has used. Raises OSError once it is gone."""
    user, system = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
