"""Between what people write in TOML and what the structs of `settings` hold, for one value at a time.

msgspec stops at the first error and knows no units, so a value is taken apart here, and only its leaves are
given to `msgspec.convert`, with the bounds of their own annotation.
"""

import datetime
import json
from collections.abc import Mapping
from typing import Any, Final, get_args, get_origin

import msgspec
from msgspec import Struct

from pulltui_config.kinds import allowed, bounds_of, extra_of, keys_of, parts_of, struct_of, words_of
from pulltui_config.problems import Fault, nearest, quoted, shown
from pulltui_config.settings import WEEK, Day
from pulltui_config.units import UnitError, parse_duration, parse_rate, parse_size, write_rate, write_size

REFUSED: Final = object()
"""What `read` returns instead of a value that is not allowed."""

Place = tuple[str | int, ...]
"""Where a value stands: keys, and indexes within lists."""

DAY_WORDS: dict[str, tuple[Day, ...]] = {"daily": WEEK, "weekdays": WEEK[:5], "weekends": WEEK[5:]}


def read(annotation: Any, raw: Any, at: Place, faults: list[Fault]) -> Any:
    """The value that `raw`, as tomllib gives it, means for the annotation.

    Everything wrong is added to `faults`, with its place under `at`; REFUSED is returned for an error.
    """
    bare, _ = parts_of(annotation)
    if extra_of(annotation, "unit"):
        return _read_unit(annotation, raw, at, faults)
    if struct := struct_of(annotation):
        return _read_struct(struct, raw, at, faults)
    if get_origin(bare) is dict:
        return _read_dict(annotation, raw, at, faults)
    if get_origin(bare) is tuple:
        return _read_list(annotation, raw, at, faults)
    try:
        return msgspec.convert(raw, annotation)
    except msgspec.ValidationError:
        faults.append(Fault(at, _not_allowed(raw), allowed(annotation), _hint(annotation, raw)))
        return REFUSED


def _read_unit(annotation: Any, raw: Any, at: Place, faults: list[Fault]) -> Any:
    """`read` for what has a unit: sizes, rates, durations, times of day, days."""
    hint: str | None = None
    try:
        return msgspec.convert(_in_units(annotation, raw), annotation)
    except UnitError as error:
        message, hint = f"{shown(raw)}: {error}", error.hint
    except msgspec.ValidationError:
        message = _not_allowed(raw)
        low, _ = bounds_of(annotation)
        if extra_of(annotation, "unit") == "size" and isinstance(raw, int | float) and 0 < raw < (low or 0):
            hint = f'a number without a unit counts bytes; write "{raw} MB"'
    faults.append(Fault(at, message, allowed(annotation), hint))
    return REFUSED


def _in_units(annotation: Any, raw: Any) -> Any:
    """`raw` as the plain number (or days) that its unit makes of it. Raises UnitError."""
    unit = extra_of(annotation, "unit")
    if isinstance(raw, str) and raw in words_of(annotation):
        return raw
    if unit == "days":
        return _days(raw)
    if unit == "time":
        return _minutes(raw)
    if unit == "rate":
        return parse_rate(raw) if isinstance(raw, str | int | float) else raw
    if unit == "size":
        return parse_size(raw) if isinstance(raw, str | int) else raw
    return parse_duration(raw) if isinstance(raw, str | int | float) else raw


def _days(raw: Any) -> Any:
    """Days of the week in their order, each once. Raises UnitError."""
    if isinstance(raw, str) and raw in DAY_WORDS:
        return DAY_WORDS[raw]
    listed = [raw] if isinstance(raw, str) else raw
    if not isinstance(listed, list) or not listed:
        raise UnitError("these are no days", 'write "daily", "weekdays", "weekends" or ["mon", "tue"]')
    unknown = [day for day in listed if day not in WEEK]
    if unknown:
        close = nearest(str(unknown[0]).lower()[:3], WEEK)
        raise UnitError(
            f"{shown(unknown[0])} is no day", f"did you mean {quoted(close)}?" if close else "mon to sun"
        )
    return tuple(day for day in WEEK if day in listed)


def _minutes(raw: Any) -> Any:
    """Minutes since midnight of "22:30", or of TOML's own 22:30:00. Raises UnitError."""
    if isinstance(raw, datetime.time) and not (raw.second or raw.microsecond):
        return raw.hour * 60 + raw.minute
    hours, colon, minutes = raw.partition(":") if isinstance(raw, str) else ("", "", "")
    digits = hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()
    if not (colon and digits and len(hours) <= 2 and len(minutes) == 2 and int(minutes) < 60):
        raise UnitError("this is no time of day", 'write hours and minutes, like "22:30"')
    return int(hours) * 60 + int(minutes)


def _read_dict(annotation: Any, raw: Any, at: Place, faults: list[Fault]) -> Any:
    """`read` for a table whose keys are the user's own."""
    name_type, item_type = get_args(parts_of(annotation)[0])
    if not isinstance(raw, dict):
        faults.append(Fault(at, _not_allowed(raw), allowed(annotation)))
        return REFUSED
    values = {}
    for key, item in raw.items():
        if isinstance(item, dict):
            hint = "a name with dots needs quotes"
            faults.append(Fault((*at, key), _not_allowed(item), allowed(item_type), hint))
            return REFUSED
        name = read(name_type, key, (*at, key), faults)
        values[name] = read(item_type, item, (*at, key), faults)
    return REFUSED if REFUSED in values or any(item is REFUSED for item in values.values()) else values


def _read_list(annotation: Any, raw: Any, at: Place, faults: list[Fault]) -> Any:
    """`read` for a list. A bad entry refuses it all, unless entries are tables: each stands for itself."""
    item_type = get_args(parts_of(annotation)[0])[0]
    if not isinstance(raw, list):
        hint = f"write [[{at[-1]}]]" if struct_of(item_type) else _hint(annotation, raw)
        faults.append(Fault(at, _not_allowed(raw), allowed(annotation), hint))
        return REFUSED
    values = [read(item_type, item, (*at, index), faults) for index, item in enumerate(raw)]
    good = tuple(value for value in values if value is not REFUSED)
    return good if struct_of(item_type) or len(good) == len(values) else REFUSED


def _read_struct(struct: type[Struct], raw: Any, at: Place, faults: list[Fault]) -> Any:
    """`read` for one entry of a list of tables."""
    if not isinstance(raw, dict):
        faults.append(Fault(at, _not_allowed(raw), allowed(struct)))
        return REFUSED
    keys = dict(keys_of(struct))
    for key in raw:
        if key not in keys:
            close = nearest(key, keys)
            hint = f"did you mean {close}?" if close else "keys are " + ", ".join(keys)
            faults.append(Fault((*at, key), "unknown key, ignored", hint=hint, severity="warning"))
    values: dict[str, Any] = {}
    for key, info in keys.items():
        if key in raw:
            values[info.name] = read(info.type, raw[key], (*at, key), faults)
        elif info.required:
            faults.append(Fault(at, f"{key} is missing", f"{key} = {allowed(info.type)}"))
            values[info.name] = REFUSED
    if any(value is REFUSED for value in values.values()):
        return REFUSED
    try:
        return struct(**values)
    except ValueError as error:
        faults.append(Fault(at, str(error)))
        return REFUSED


def _not_allowed(raw: Any) -> str:
    return f"{shown(raw)} is not allowed"


def _hint(annotation: Any, raw: Any) -> str | None:
    """What the writer of `raw` probably meant, if that is easily told."""
    bare, _ = parts_of(annotation)
    if isinstance(raw, str):
        if close := nearest(raw, words_of(annotation)):
            return f"did you mean {quoted(close)}?"
        if bare is bool and raw.lower() in ("true", "false"):
            return f"write {raw.lower()} without quotes"
        if get_origin(bare) is tuple:
            return f"write [{quoted(raw)}]"
        if bounds_of(annotation)[0] is not None and raw.strip().replace(".", "", 1).isdecimal():
            return f"write {raw.strip()} without quotes"
    elif bare is str and not isinstance(raw, dict | list):
        return "write it in quotes"
    return None


def write(annotation: Any, value: Any) -> str:
    """`value` of a struct as TOML that `read` understands, on one line."""
    plain = plain_value(annotation, value)
    return toml(plain)


def plain_value(annotation: Any, value: Any) -> Any:
    """`value` of a struct as people write it, in types TOML and JSON have: sizes as "16 MB", lists."""
    unit = extra_of(annotation, "unit")
    if isinstance(value, str):
        return value
    if unit == "size":
        return write_size(value)
    if unit == "rate":
        return write_rate(value)
    if unit == "time":
        return f"{value // 60:02}:{value % 60:02}"
    if unit == "days":
        return next((word for word, days in DAY_WORDS.items() if days == value), list(value))
    arguments = get_args(parts_of(annotation)[0])
    if isinstance(value, Struct):
        return {key: plain_value(info.type, getattr(value, info.name)) for key, info in keys_of(type(value))}
    if isinstance(value, dict):
        return {key: plain_value(arguments[1], item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain_value(arguments[0], item) for item in value]
    # 30.0 is read from 30 and reads better so.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def toml(plain: Any) -> str:
    """A plain value on one line of TOML (the subset settings need: https://toml.io/en/v1.0.0)."""
    if isinstance(plain, datetime.time):
        return plain.isoformat()
    if isinstance(plain, str):
        return quoted(plain)
    if isinstance(plain, Mapping):
        inside = ", ".join(f"{toml_key(key)} = {toml(item)}" for key, item in plain.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(plain, list):
        return f"[{', '.join(toml(item) for item in plain)}]"
    return json.dumps(plain)


def toml_key(key: str) -> str:
    """A key as TOML, in quotes where it needs them."""
    bare = key.isascii() and key.replace("-", "_").isidentifier()
    return key if bare else quoted(key)
