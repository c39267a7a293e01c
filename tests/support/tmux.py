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
START_TIME = 60.0
# tmux 3.3a now and then never learns how its child ended; a shell always does.
_RUN = """sh -c 'echo $$ > "$0/pid"; exec "$@"' "$0" "$@"; echo $? > "$0/code" """


class Terminal:
    """Runs a command on a terminal of 120 by 40; leaving the context ends it and its server."""

    def __init__(self, command: Sequence[str], env: dict[str, str], directory: Path) -> None:
        """`directory` is an empty one with a path not too long (100 bytes): tmux makes its socket there."""
        self._tmux = [program("tmux"), "-S", str(directory / "socket"), "-f", os.devnull]
        self._env = env
        self._directory = directory
        start = ["start-server", ";", "set", "-g", "remain-on-exit", "on", ";", "new-session", "-d"]
        self._run(*start, "-x", "120", "-y", "40", "--", "sh", "-c", _RUN, str(directory), *command)
        deadline = time.monotonic() + START_TIME
        while (pid := self._number("pid")) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{command[0]} does not start")
            time.sleep(LOOK)
        self.pid = pid

    def _number(self, file: str) -> int | None:
        path = self._directory / file
        text = path.read_text() if path.exists() else ""
        return int(text) if text.endswith("\n") else None

    def _run(self, *arguments: str) -> str:
        env = {key: value for key, value in self._env.items() if key != "TMUX"}
        done = subprocess.run([*self._tmux, *arguments], env=env, capture_output=True, text=True, check=True)
        return done.stdout

    @property
    def code(self) -> int | None:
        """What the command ended with as a shell says it (137: killed); None while it runs."""
        return self._number("code")

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
