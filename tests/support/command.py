"""The `pulltui` command in a process and a home of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Self


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


class Terminal:
    """The command on a terminal of its own, 160 columns wide; everything it draws is in `seen`."""

    def __init__(self, arguments: list[str], home: Path, **options: Any) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (30, 160))
        self.process = start(
            arguments, home, stdin=slave, stdout=slave, stderr=slave, preexec_fn=_own_terminal, **options
        )
        os.close(slave)
        self.seen = b""
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._master)

    def wait_for(self, pattern: bytes, timeout: float = 30) -> None:
        """Wait until `pattern` (a regular expression) has been drawn."""
        with self._more:
            assert self._more.wait_for(lambda: re.search(pattern, self.seen), timeout), self.seen

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._master, keys)

    def end(self, timeout: float = 30) -> int:
        """Return its exit code once it has ended, and everything it drew has been read."""
        code = self.process.wait(timeout)
        self._reader.join()
        return code

    def _read(self) -> None:
        with suppress(OSError):  # how Linux says that nobody has the other end open
            while chunk := os.read(self._master, 65536):
                with self._more:
                    self.seen += chunk
                    self._more.notify_all()


def _own_terminal() -> None:
    """In a session of its own, with the terminal in control, so that ctrl+c is a signal."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    _default_signals()


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
