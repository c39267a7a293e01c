"""The values a fault can carry, read and written: sizes, rates, durations, counts, windows, words.

Sizes are decimal as everywhere in pulltui (`4MB` is 4,000,000 bytes); `KiB`, `MiB`, `GiB` are understood too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from enum import Enum

Value = int | float | str | tuple[float, float] | None

UNITS = {
    "": 1,
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KIB": 1024,
    "MIB": 1024**2,
    "GIB": 1024**3,
}
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
DURATION = re.compile(r"(\d+(?:\.\d+)?(?:e-?\d+)?)\s*(ms|s|m)")


class Form(Enum):
    """How a fault's value is written."""

    NONE = "no value"
    SIZE = "a size such as 4MB, 500KB or 0"
    SIZES = "a size such as 4MB, 500KB or 0, or two such as 2MB-14MB"
    RATE = "a rate such as 5MB/s"
    DURATION = "a time such as 2.5s or 250ms"
    COUNT = "a whole number of 1 or more"
    WINDOW = "two times such as 3s-23s"
    WORD = "a word"


def read_value(text: str, form: Form) -> Value:
    """The value `text` stands for: bytes, bytes a second, seconds, a count, the text, (from, to) in seconds
    or in bytes.

    Raises ValueError if it is not of that form.
    """
    return _READERS[form](text.strip())


def write_value(value: Value, form: Form) -> str:
    """The text that `read_value` reads back as `value`."""
    if form is Form.WINDOW and isinstance(value, tuple):
        return f"{_seconds(value[0])}-{_seconds(value[1])}"
    if form is Form.SIZES and isinstance(value, tuple):
        return f"{_bytes(int(value[0]))}-{_bytes(int(value[1]))}"
    if form is Form.DURATION and isinstance(value, int | float):
        return _seconds(float(value))
    if form in {Form.SIZE, Form.SIZES, Form.RATE} and isinstance(value, int):
        return _bytes(value) + ("/s" if form is Form.RATE else "")
    return str(value)


def read_size(text: str) -> int:
    """Bytes. Raises ValueError."""
    match = SIZE.fullmatch(text.strip())
    if match is None or match[2].upper() not in UNITS:
        raise ValueError(text)
    return round(float(match[1]) * UNITS[match[2].upper()])


def _read_sizes(text: str) -> Value:
    first, dash, second = text.partition("-")
    if not dash:
        return read_size(first)
    least, most = read_size(first), read_size(second)
    if least >= most:
        raise ValueError(text)
    return least, most


def _read_rate(text: str) -> int:
    if not text.endswith("/s"):
        raise ValueError(text)
    rate = read_size(text[:-2])
    if rate == 0:
        raise ValueError(text)
    return rate


def _read_duration(text: str) -> float:
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    seconds = float(match[1]) * SECONDS[match[2]]
    if not math.isfinite(seconds):
        raise ValueError(text)
    return seconds


def _read_window(text: str) -> tuple[float, float]:
    first, _, second = text.partition("-")
    begin, end = _read_duration(first), _read_duration(second)
    if begin >= end:
        raise ValueError(text)
    return begin, end


def _read_count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise ValueError(text)
    return int(text)


def _read_word(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


def _read_nothing(text: str) -> Value:
    raise ValueError(text)


def _bytes(size: int) -> str:
    for unit in ("GB", "MB", "KB"):
        if size and size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]}{unit}"
    return str(size)


def _seconds(seconds: float) -> str:
    """Whole seconds without a point; otherwise the shortest decimal that is read back as the same float."""
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{seconds!r}s"


_READERS: dict[Form, Callable[[str], Value]] = {
    Form.NONE: _read_nothing,
    Form.SIZE: read_size,
    Form.SIZES: _read_sizes,
    Form.RATE: _read_rate,
    Form.DURATION: _read_duration,
    Form.COUNT: _read_count,
    Form.WINDOW: _read_window,
    Form.WORD: _read_word,
}
