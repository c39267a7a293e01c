"""The JSON schema of the settings file, for editors that complete and check TOML by one (#:schema)."""

import json
from typing import Any, Final, get_args, get_origin

from msgspec import Struct

from pulltui_config.kinds import (
    allowed,
    bounds_of,
    choices_of,
    default_of,
    description_of,
    extra_of,
    keys_of,
    parts_of,
    struct_of,
    words_of,
)
from pulltui_config.settings import WEEK, Settings
from pulltui_config.values import DAY_WORDS, plain_value

_UNIT: Final = r"([KMGTPkmgtp]([iI]?[Bb])?|[Bb])"
_UNITS: Final[dict[str, dict[str, Any]]] = {
    "size": {"type": ["string", "integer"], "pattern": rf"^\s*\d+(\.\d+)?\s*{_UNIT}?\s*$"},
    "rate": {"type": "string", "pattern": rf"^\s*([Uu]nlimited|pause|\d+(\.\d+)?\s*{_UNIT}(/s|ps)?)\s*$"},
    "time": {"type": "string", "pattern": r"^\d{1,2}:[0-5]\d$"},
    "seconds": {"type": ["number", "string"]},
    "days": {"anyOf": [{"enum": list(DAY_WORDS)}, {"type": "array", "items": {"enum": list(WEEK)}}]},
}
"""What may be written for values with a unit. A pattern cannot tell bounds, so those are left to us."""


def schema() -> dict[str, Any]:
    """The schema as a JSON object, in draft 7, which TOML editors read (https://json-schema.org/draft-07)."""
    properties = {}
    for table, info in keys_of(Settings):
        struct = struct_of(info.type)
        described = {"description": description_of(info.type)}
        properties[table] = described | (_table(struct) if struct else _value(info.type))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of pulltui",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def schema_text() -> str:
    """The schema as the text of config.schema.json."""
    return json.dumps(schema(), indent=2) + "\n"


def _table(struct: type[Struct]) -> dict[str, Any]:
    """The schema of a table. Keys without a default are required."""
    properties: dict[str, Any] = {}
    for key, info in keys_of(struct):
        about = f"{description_of(info.type)} Allowed: {allowed(info.type)}."
        properties[key] = {"description": about} | _value(info.type)
        if not info.required:
            properties[key]["default"] = plain_value(info.type, default_of(info))
    required = [key for key, info in keys_of(struct) if info.required]
    table = {"type": "object", "additionalProperties": False, "properties": properties}
    return table | ({"required": required} if required else {})


def _value(annotation: Any) -> dict[str, Any]:
    """The schema of one value."""
    unit = extra_of(annotation, "unit")
    if unit:
        return dict(_UNITS[unit])
    bare, metas = parts_of(annotation)
    choices = choices_of(annotation)
    if len(choices) > 1:
        return {"anyOf": [_value(choice) for choice in choices]}
    if struct := struct_of(annotation):
        return _table(struct)
    if words := words_of(annotation):
        return {"enum": list(words)}
    arguments = get_args(bare)
    if get_origin(bare) is tuple:
        return {"type": "array", "items": _value(arguments[0])}
    if get_origin(bare) is dict:
        return {"type": "object", "additionalProperties": _value(arguments[1])}
    if bare is str:
        # The anchors of Python's expressions have other names in those of JSON schema.
        patterns = [meta.pattern.replace(r"\A", "^").replace(r"\Z", "$") for meta in metas if meta.pattern]
        return {"type": "string"} | ({"pattern": patterns[0]} if patterns else {})
    if bare is bool:
        return {"type": "boolean"}
    low, high = bounds_of(annotation)
    return {"type": "integer" if bare is int else "number", "minimum": low, "maximum": high}
