"""A terminal of our own, with a program on it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

PATIENCE = 30.0
"""Seconds after which a test fails rather than waits on."""


def _take_terminal() -> None:
    """Make standard input the controlling terminal, which is told when its window closes (SIGHUP)."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """Runs a Python script on a new pseudo-terminal; its standard output is a pipe beside it."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        size: tuple[int, int] = (80, 24),
        environ: Mapping[str, str] | None = None,
        controlling: bool = True,
    ) -> None:
        self.screen = b""
        self.told = b""
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.modes = termios.tcgetattr(self.slave)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=self.slave,
            stderr=self.slave,
            stdout=subprocess.PIPE,
            env={**inherited, "TERM": "xterm-256color", "LANG": "C.UTF-8", **(environ or {})},
            start_new_session=True,
            preexec_fn=_take_terminal if controlling else None,  # noqa: PLW1509 - or there is no SIGHUP
        )
        assert self.process.stdout is not None
        self.pipe = self.process.stdout.fileno()
        self._open = {self.master, self.pipe}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        for descriptor in (self.slave, self.master):
            if descriptor >= 0:
                os.close(descriptor)

    def read_until(self, *, screen: bytes = b"", told: bytes = b"", reading: bool = True) -> None:
        """Read until this was drawn or told; with `reading` off the screen's output stays where it is."""
        deadline = time.monotonic() + PATIENCE
        while screen not in self.screen or told not in self.told:
            self._read_some(deadline, reading)

    def read_to_end(self, patience: float = PATIENCE) -> int:
        """Read until the program has ended, and return its exit code (negative: killed by that signal)."""
        deadline = time.monotonic() + patience
        while self.pipe in self._open:
            self._read_some(deadline, True)
        code = self.process.wait(PATIENCE)
        while self.master in self._open and select.select([self.master], [], [], 0)[0]:
            self._take(self.master)
        return code

    def _read_some(self, deadline: float, reading: bool) -> None:
        wanted = self._open if reading else self._open - {self.master}
        ready, _, _ = select.select(list(wanted), [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing came; screen: {self.screen[-500:]!r}, told: {self.told!r}"
        for descriptor in ready:
            self._take(descriptor)

    def _take(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, 65536)
        except OSError:  # the other end of a pseudo-terminal was closed
            data = b""
        if not data:
            self._open.discard(descriptor)
        elif descriptor == self.master:
            self.screen += data
        else:
            self.told += data

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Close the terminal's window."""
        os.close(self.slave)
        os.close(self.master)
        self._open.discard(self.master)
        self.slave = self.master = -1

    def modes_now(self) -> list[Any]:
        """The terminal's modes, as they are now."""
        return termios.tcgetattr(self.slave)
