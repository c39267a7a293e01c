"""Commands of the user's that run when a pull has ended: `hooks.on_done` and `hooks.on_failed`.

Each is one process without a shell, in a session of its own and with the facts in its environment. Two run
at once at most, the others wait for their turn; none may take longer than `LIMIT`. A hook that fails is
told about and changes nothing else.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Final

from pulltui_config import settings

from pulltui.engine.clean import safe
from pulltui.engine.log import EventLog
from pulltui.engine.views import Event, EventKind

MOST: Final = 2
"""Hooks that run at once."""
LIMIT: Final = 30.0
"""Seconds that a hook may take."""
GRACE: Final = 0.5
"""Seconds between asking one to end (SIGTERM) and ending it (SIGKILL)."""
PATIENCE: Final = 5.0
"""Seconds that the way out waits for hooks."""
KEPT: Final = 2000
"""Bytes of a hook's output, the last ones, that go to the log,"""
LINES: Final = 20
"""and lines of them."""
_LOOK: Final = 0.05
"""Seconds between two looks at what runs."""

logger = logging.getLogger("pulltui.hooks")


class Hooks:
    """Runs the hooks that belong to the events of a log, in threads of its own."""

    def __init__(
        self,
        commands: Callable[[], settings.Hooks],
        log: EventLog,
        tell: Callable[[Event, str], None],
        *,
        models_dir: Path,
        environ: Mapping[str, str],
        limit: float = LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`commands` is asked at each event. `tell(event, why)` hears of hooks that failed, from any thread.

        `environ` is what the hooks inherit, `limit` how many seconds each may take.
        """
        self._commands = commands
        self._log = log
        self._tell = tell
        self._models_dir = models_dir
        self._environ = environ
        self._limit = limit
        self._clock = clock
        self._seq = 0
        self._threads = ThreadPoolExecutor(MOST, thread_name_prefix="pulltui-hook")
        self._left: set[Future[None]] = set()
        self._hurry = threading.Event()
        self._end = threading.Event()

    def look(self) -> None:
        """Start what belongs to the events since the last call; returns at once."""
        for event in self._log.after(self._seq):
            self._seq = event.seq
            if event.kind is EventKind.DONE:
                self._start("hooks.on_done", self._commands().on_done, event)
            elif event.kind is EventKind.FAILED:
                self._start("hooks.on_failed", self._commands().on_failed, event)
        self._left = {future for future in self._left if not future.done()}

    def hurry(self) -> None:
        """Let `close` not wait for hooks; callable from a signal handler."""
        self._hurry.set()

    def close(self, patience: float = PATIENCE) -> None:
        """Start what is still to start, wait `patience` seconds for all of them, end the rest. Blocks."""
        self.look()
        deadline = self._clock() + patience
        while self._left and not self._hurry.is_set() and self._clock() < deadline:
            self._left = wait(self._left, timeout=_LOOK).not_done
        self._end.set()
        self._threads.shutdown(cancel_futures=True)

    def _start(self, key: str, command: tuple[str, ...], event: Event) -> None:
        if not command:
            return
        future = self._threads.submit(self._run, key, command, event)
        future.add_done_callback(lambda ended: self._ended(ended, key, event))
        self._left.add(future)

    def _ended(self, future: Future[None], key: str, event: Event) -> None:
        """Tell of a hook that did not do what it should."""
        try:
            future.result()
        except CancelledError:
            why = "not run any more: pulltui ended"
        except _HookError as error:
            why = str(error)
        except FileNotFoundError as error:
            why = f"{safe(str(error.filename), 100)} was not found"
        except (OSError, ValueError) as error:  # ValueError: a zero byte in an argument
            why = f"could not be run: {safe(getattr(error, 'strerror', None) or str(error), 100)}"
        else:
            return
        logger.warning("%s for %s: %s", key, event.name, why)
        self._tell(event, f"{key}: {why}")

    def _run(self, key: str, command: tuple[str, ...], event: Event) -> None:
        """Run one hook to its end. Raises _HookError, OSError, ValueError."""
        logger.info("%s for %s: starts %s", key, event.name, safe(command[0], 100))
        # What a hook leaves running may keep the pipe open: its end is not waited for, only the hook's own.
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**self._environ, **facts(event, self._models_dir)},
            start_new_session=True,
        ) as process:
            output = _Output(process)
            try:
                self._follow(process, output)
            finally:
                for line in output.lines():
                    logger.info("%s for %s: says: %s", key, event.name, line)
        if code := process.returncode:
            said = output.lines()
            last = f": {safe(said[-1], 100)}" if said else ""
            raise _HookError(f"{_ending(code)}{last}")

    def _follow(self, process: subprocess.Popen[bytes], output: _Output) -> None:
        """Read what it says until it ends. Raises _HookError if it had to be ended."""
        deadline = self._clock() + self._limit
        while process.poll() is None:
            if self._end.is_set():
                _end_group(process)
                raise _HookError("ended because pulltui ends")
            if self._clock() >= deadline:
                _end_group(process)
                raise _HookError(f"took longer than {self._limit:g} s and was ended")
            output.read(_LOOK)
        output.read(0)


class _HookError(Exception):
    """A hook did not end well. `str()` says how."""


class _Output:
    """The end of what a hook says on stdout and stderr."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._fd = process.stdout.fileno()
        os.set_blocking(self._fd, False)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._open = True
        self._text = b""

    def read(self, seconds: float) -> None:
        """Take what is there; wait up to `seconds` for something."""
        if not self._open:
            time.sleep(seconds)  # it closed its output and goes on
        elif self._poll.poll(seconds * 1000):
            chunk = os.read(self._fd, 65536)
            self._open = bool(chunk)
            self._text = (self._text + chunk)[-KEPT:]

    def lines(self) -> list[str]:
        """Return what it said last, clean."""
        text = self._text.decode(errors="replace")
        return [clean for line in text.splitlines() if (clean := safe(line))][-LINES:]


def facts(event: Event, models_dir: Path) -> dict[str, str]:
    """Return what a hook finds in its environment; the settings' descriptions have the same list."""
    return {
        "PULLTUI_EVENT": str(event.kind),
        "PULLTUI_NAME": event.name,
        "PULLTUI_SIZE": str(event.size),
        "PULLTUI_SECONDS": f"{event.seconds:.0f}",
        "PULLTUI_MODELS_DIR": str(models_dir),
        "PULLTUI_WHY": event.why,
        "PULLTUI_HINT": event.hint,
    }


def _ending(code: int) -> str:
    """Return a process's exit status in words; negative for signals, as Popen has it."""
    if code > 0:
        return f"exit status {code}"
    with suppress(ValueError):
        return f"ended by {signal.Signals(-code).name}"
    return f"ended by signal {-code}"


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, politely first. It leads a group of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    # Also when it is gone: others of its group may not be.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
