"""Signals, and the terminal whole after every way to end.

Textual knows SIGINT only; SIGTERM and SIGHUP would leave the alternate screen and the mouse behind. A handler
of asyncio is not enough either: when the terminal stops reading, Textual's loop blocks while it writes, and
no callback runs any more. Python's own handlers do run then. They ask the engine to save at once, ask the app
to end, and start a thread that ends the process by force if the app cannot.

A terminal that goes away sends SIGHUP only to those whose controlling terminal it is. Others would read its
end over and over; so a thread watches for that as well.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 5.0
"""Seconds that the app has to end by itself after a signal."""
_RESET = (
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1004l\x1b[?2004l"
    b"\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m"
)
"""Mouse, focus and paste reports off, wrapping on, keyboard protocol popped, normal screen, cursor."""


class TerminalGuard:
    """Context in which signals save, end the app, and leave the terminal as it was.

    `save` must return at once and be callable from a signal handler; `leave` asks the app to end with an exit
    code; `wait` blocks until everything is saved. After `grace` seconds the process ends by force.
    """

    def __init__(
        self,
        *,
        save: Callable[[], None],
        leave: Callable[[int], None],
        wait: Callable[[], object],
        grace: float = GRACE,
    ) -> None:
        self._save, self._leave, self._wait, self._grace = save, leave, wait, grace
        self._over = threading.Event()
        self._handlers: dict[signal.Signals, Any] = {}
        self._modes: list[Any] | None = None
        self.code: int | None = None
        """128 + the signal that came first."""

    def __enter__(self) -> TerminalGuard:
        with contextlib.suppress(termios.error, ValueError, OSError):
            self._modes = termios.tcgetattr(sys.__stdin__.fileno() if sys.__stdin__ else 0)
        for number in SIGNALS:
            self._handlers[number] = signal.signal(number, self._on_signal)
        if self._modes is not None:
            threading.Thread(target=self._watch, name="terminal-watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        _let_go_of_a_dead_terminal()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._end(number)

    def _watch(self) -> None:
        """End as after SIGHUP when the terminal is gone."""
        poll = select.poll()
        poll.register(0, 0)  # asks for nothing but what is always told: the other end is closed
        while not self._over.is_set():
            for _, event in poll.poll(1000):
                if event & select.POLLHUP:
                    self._end(signal.SIGHUP)
                return

    def _end(self, number: int) -> None:
        """Save, ask the app to end, and see to it that it does."""
        if self.code is not None:
            return
        self.code = 128 + number
        self._save()
        self._leave(self.code)
        threading.Thread(target=self._force, name="hard-exit", daemon=True).start()

    def _force(self) -> None:
        """End the process if the app has not ended in time."""
        if self._over.wait(self._grace):
            return
        self._wait()
        if self._over.wait(0.5):
            return
        self.restore()
        os._exit(self.code or 1)

    def restore(self) -> None:
        """Give the terminal back its modes and screen without waiting for it to read."""
        if self._modes is not None:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(0, termios.TCSANOW, self._modes)
        with contextlib.suppress(OSError):
            os.set_blocking(2, False)
            os.write(2, _RESET)


def _let_go_of_a_dead_terminal() -> None:
    """If the terminal is gone, send what is still to be written nowhere.

    Otherwise Python fails to write it at its end, and makes the exit code 120.
    """
    if sys.__stderr__ is None:
        return
    try:
        sys.__stderr__.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
