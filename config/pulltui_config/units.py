"""Sizes, rates and durations as people write and read them.

Sizes are decimal, as in Ollama (16 MB = 16,000,000 bytes); KiB, MiB and GiB are understood too. `parse_*`
reads what people type, `write_*` gives it back without loss (for files), `format_*` rounds it to three digits
(for screens).
"""

import math
import re

KB = 1_000
MB = 1_000_000
GB = 1_000_000_000

_DECIMAL = ("B", "KB", "MB", "GB", "TB", "PB")
_FACTORS: dict[str, int] = {"": 1, "B": 1}
for _power, _letter in enumerate("KMGTP", start=1):
    _FACTORS[_letter] = _FACTORS[f"{_letter}B"] = 1000**_power
    _FACTORS[f"{_letter}IB"] = 1024**_power

# Twenty digits are more than any disk holds, and keep a hostile file from costing time.
_NUMBER = re.compile(r"(\d{1,20})(?:\.(\d{1,20}))?\s*([A-Za-z]*)", re.ASCII)
_BITS = re.compile(r"(?:[KMGTP]b|[kmgtp]?(?:bits?|bps))", re.ASCII)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]*)\s*", re.ASCII)
_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
}


class UnitError(ValueError):
    """Text that cannot be read. `str()` says what is wrong with it, `hint` what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def parse_size(text: str | int) -> int:
    """Bytes meant by "16 MB", "1.5GB", "512 KiB", "500k" or a plain number of bytes, rounded down.

    Raises UnitError for anything else, negative numbers and bits ("16 Mb") included.
    """
    if isinstance(text, int):
        if isinstance(text, bool) or text < 0:
            raise UnitError("this is not a size", 'write a number and a unit, like "16 MB"')
        return text
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise UnitError("this is not a size", 'write a number and a unit, like "16 MB" or "1.5 GB"')
    whole, fraction, unit = match[1], match[2] or "", match[3]
    _refuse_bits(unit)
    factor = _FACTORS.get(unit.upper())
    if factor is None:
        raise UnitError(
            "the unit is not known", "units are B, KB, MB, GB, TB, PB and KiB, MiB, GiB, TiB, PiB"
        )
    divisor: int = 10 ** len(fraction)
    return int(whole + fraction) * factor // divisor


def parse_rate(text: str | float) -> int | None:
    """Bytes a second meant by "20 MB/s", "500 KB/s" or "20M"; None for "unlimited".

    Raises UnitError for anything else; a bare number too, because nobody can tell which unit it has.
    """
    if not isinstance(text, str):
        raise UnitError("a rate needs its unit", f'write "{text} MB/s", "{text} KB/s" or "unlimited"')
    bare = text.strip()
    if bare.lower() == "unlimited":
        return None
    if bare.endswith("Bps"):
        bare = bare[:-2]
    elif bare.lower().endswith("/s"):
        bare = bare[:-2].rstrip()
    match = _NUMBER.fullmatch(bare)
    if match is None:
        raise UnitError("this is not a rate", 'write a number and a unit, like "20 MB/s", or "unlimited"')
    if not match[3]:
        raise UnitError("a rate needs its unit", f'write "{bare} MB/s", "{bare} KB/s" or "unlimited"')
    return parse_size(bare)


def parse_duration(text: str | float) -> float:
    """Seconds meant by 30, "30", "30 s", "5 min", "1h30m" or "1m47s".

    Raises UnitError for anything else: negative, not finite, or with an unknown unit.
    """
    hint = 'write seconds, or a number and a unit, like "30 s", "5 min" or "1h30m"'
    if not isinstance(text, str):
        if isinstance(text, bool) or not 0 <= text < 1e15:
            raise UnitError("this is not a duration", hint)
        return float(text)
    rest, seconds, first = text.strip().lower(), 0.0, True
    while first or rest:
        match = _DURATION.match(rest)
        if match is None:
            raise UnitError("this is not a duration", hint)
        number, unit = match[1], match[2]
        rest = rest[match.end() :]
        if not unit and first and not rest:
            return float(number)
        if unit not in _SECONDS:
            raise UnitError("this is not a duration", hint)
        seconds += float(number) * _SECONDS[unit]
        first = False
    return seconds


def write_size(size: int) -> str:
    """`size` bytes (0 or more) in the largest decimal unit, with every digit; parse_size reads it back."""
    power = min((len(str(size)) - 1) // 3, len(_DECIMAL) - 1)
    whole, rest = divmod(size, 1000**power)
    digits = str(rest).zfill(3 * power).rstrip("0") if rest else ""
    return f"{whole}.{digits} {_DECIMAL[power]}" if digits else f"{whole} {_DECIMAL[power]}"


def write_rate(rate: int | None) -> str:
    """`rate` bytes a second like "20 MB/s", with every digit; None: "unlimited". parse_rate reads it back."""
    return "unlimited" if rate is None else f"{write_size(rate)}/s"


def format_size(size: float) -> str:
    """`size` bytes (0 or more) with three significant digits: "512 B", "18.8 GB", "1.00 TB"."""
    value, unit = float(size), 0
    # 999.5 would round to a fourth digit, so it already belongs to the next unit.
    while value >= 999.5 and unit < len(_DECIMAL) - 1:
        value /= 1000
        unit += 1
    if unit == 0:
        return f"{value:.0f} B"
    # As above for 9.995 and 99.95: what rounds up to another digit shows one decimal fewer.
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f} {_DECIMAL[unit]}"


def format_rate(rate: float | None) -> str:
    """`rate` in bytes a second with three significant digits, like "61.3 MB/s"; "unlimited" for None."""
    return "unlimited" if rate is None else f"{format_size(rate)}/s"


def format_duration(seconds: float | None) -> str:
    """`seconds` (0 or more) in two units: "4s", "1m47s", "2h05m", "3d04h"; "--" if None or not finite."""
    if seconds is None or not math.isfinite(seconds):
        return "--"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole // 60 % 60:02}m"
    return f"{whole // 86400}d{whole // 3600 % 24:02}h"


def _refuse_bits(unit: str) -> None:
    """Raise UnitError if `unit` counts bits, with the bytes to write instead."""
    if _BITS.fullmatch(unit) or (unit[:1].isupper() and _BITS.fullmatch(unit[0].lower() + unit[1:])):
        raise UnitError(
            f"{unit} counts bits, and only bytes are understood here",
            "divide by eight and write MB: 100 Mbit/s is 12.5 MB/s",
        )
