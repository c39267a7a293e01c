"""A terminal for the app that a test can look at: one tmux session with a server of its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from support.debian import program

LOOK = 0.05
"""Seconds between two looks at the screen."""


class Terminal:
    """Runs a command on a terminal of 120 by 40; leaving the context ends it and its server."""

    def __init__(self, command: Sequence[str], env: dict[str, str], socket: Path) -> None:
        """`socket` is a path, not too long (107 bytes), where tmux makes its socket."""
        self._tmux = [program("tmux"), "-S", str(socket), "-f", os.devnull]
        self._env = env
        # Several arguments are run as they are, without a shell: the pane's process is the command itself.
        start = ["start-server", ";", "set", "-g", "remain-on-exit", "on", ";", "new-session", "-d"]
        self._run(*start, "-x", "120", "-y", "40", "--", *command)
        self.pid = int(self._run("display-message", "-p", "#{pane_pid}"))

    def _run(self, *arguments: str) -> str:
        env = {key: value for key, value in self._env.items() if key != "TMUX"}
        done = subprocess.run([*self._tmux, *arguments], env=env, capture_output=True, text=True, check=True)
        return done.stdout

    @property
    def code(self) -> int | None:
        """What the command ended with, minus the signal's number if one ended it; None while it runs."""
        answer = self._run("display-message", "-p", "#{pane_dead_status} #{pane_dead_signal}")
        status, number = answer.rstrip("\n").split(" ")
        return int(status) if status else -int(number) if number else None

    def screen(self) -> str:
        """What is on the screen now."""
        return self._run("capture-pane", "-p")

    def keys(self, *keys: str) -> None:
        """Press keys, called as tmux calls them."""
        self._run("send-keys", *keys)

    def wait(self, what: Callable[[str], bool], timeout: float) -> str:
        """Return the first screen for which `what` is true; when the command has ended, the last one.

        Raises TimeoutError with the last screen.
        """
        deadline = time.monotonic() + timeout
        while not what(screen := self.screen()) and self.code is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {timeout} s the screen was:\n{screen}")
            time.sleep(LOOK)
        return screen

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("kill-server")
