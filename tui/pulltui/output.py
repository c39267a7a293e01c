"""Where a command's words go: a stream that may break, and may be a terminal."""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

FALLBACK_WIDTH: Final = 80
SIGPIPE_CODE: Final = 141
"""Exit code when the reader of our output is gone: 128 + SIGPIPE, as a shell expects."""


class OutputClosedError(Exception):
    """Nobody reads our output any more: a closed pipe, a terminal that is gone, a full disk."""


class Output:
    """A text stream; every write is flushed, and a broken one raises OutputClosedError, once and for all."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.closed = False
        if isinstance(stream, io.TextIOWrapper):
            # A name is better shown with a question mark than not at all.
            stream.reconfigure(errors="replace")

    @property
    def terminal(self) -> bool:
        """Whether somebody sits before it."""
        return self._stream.isatty()

    @property
    def live(self) -> bool:
        """Whether a line can be drawn over: a terminal that knows how."""
        return self.terminal and os.environ.get("TERM", "dumb") != "dumb"

    @property
    def width(self) -> int:
        """Columns of the terminal, as it is now."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or FALLBACK_WIDTH
        except (OSError, ValueError):
            return FALLBACK_WIDTH

    def write(self, text: str) -> None:
        """Write and flush; raise OutputClosedError if that cannot be done, and each time from then on."""
        if self.closed:
            raise OutputClosedError
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError) as error:
            self.closed = True
            raise OutputClosedError(str(error)) from error


def standard_output() -> Output:
    """Return an Output over sys.stdout, or over nothing if we were started with it closed."""
    return _standard(sys.stdout)


def standard_error() -> Output:
    """Return an Output over sys.stderr, or over nothing if we were started with it closed."""
    return _standard(sys.stderr)


def _standard(stream: TextIO | None) -> Output:
    if stream is None:
        return Output(Path(os.devnull).open("w", encoding="utf-8"))
    with suppress(OSError, ValueError):
        # Some parents leave their terminal non-blocking; a slow one must not look like a broken one.
        os.set_blocking(stream.fileno(), True)
    return Output(stream)


def guard_standard_files() -> None:
    """Open descriptors 0 to 2 if they are closed, lest a blob gets one and somebody prints into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one


def silence_broken_output() -> None:
    """Point a broken stdout at /dev/null: the interpreter's last flush would complain about it."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.close(devnull)


def cut(text: str, width: int) -> str:
    """Return as much of `text` as fits `width` terminal cells, with an ellipsis where it was cut."""
    cells = [_cells(letter) for letter in text]
    if sum(cells) <= width:
        return text
    kept, room = 0, width - 1
    while kept < len(text) and cells[kept] <= room:
        room -= cells[kept]
        kept += 1
    return text[:kept] + "…" if width > 0 else ""


def cut_left(text: str, width: int) -> str:
    """Return as much of the end of `text` as fits: of a long name that is what tells it apart."""
    return cut(text[::-1], width)[::-1]


def _cells(letter: str) -> int:
    """Return how many terminal cells one character takes."""
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
