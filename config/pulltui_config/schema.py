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

_NUMBER: Final = r"[0-9]{1,20}(\.[0-9]{1,20})?"
_UNIT: Final = r"([KMGTP]([iI][Bb]|B)?|[kmgtp]([iI]?[Bb])?|[Bb])"
_RATE: Final = rf"{_NUMBER}\s*({_UNIT}(\s*/[sS])?|[KMGTPkmgtp]?Bps)"
_UNLIMITED: Final = "".join(f"[{letter.upper()}{letter}]" for letter in "unlimited")
_SPAN: Final = r"[0-9]{1,9}(\.[0-9]{1,9})?"
_DAY: Final = {"enum": list(WEEK)}


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
    if unit := extra_of(annotation, "unit"):
        return _value_with(unit, annotation)
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
        names = {key: word for key, word in _value(arguments[0]).items() if key != "type"}
        table = {"type": "object", "additionalProperties": _value(arguments[1])}
        return table | ({"propertyNames": names} if names else {})
    if bare is str:
        # The anchors of Python's expressions have other names in those of JSON schema.
        patterns = [meta.pattern.replace(r"\A", "^").replace(r"\Z", "$") for meta in metas if meta.pattern]
        lengths = [meta.min_length for meta in metas if meta.min_length]
        text = {"type": "string"} | ({"pattern": patterns[0]} if patterns else {})
        return text | ({"minLength": lengths[0]} if lengths else {})
    if bare is bool:
        return {"type": "boolean"}
    low, high = bounds_of(annotation)
    return {"type": "integer" if bare is int else "number", "minimum": low, "maximum": high}


def _value_with(unit: str, annotation: Any) -> dict[str, Any]:
    """The schema of a value that has a unit. Patterns tell no bounds, so those of texts are ours alone."""
    low, high = bounds_of(annotation)
    number = {"minimum": low, "maximum": high}
    if unit == "days":
        return {"anyOf": [{"enum": list(DAY_WORDS)}, _DAY, {"type": "array", "items": _DAY, "minItems": 1}]}
    if unit == "time":
        return {"type": "string", "pattern": r"^[0-9]{1,2}:[0-5][0-9](:00(\.0+)?)?$"}
    if unit == "rate":
        word = "|".join(words_of(annotation)) or rf"\s*{_UNLIMITED}\s*"
        return {"type": "string", "pattern": rf"^({word}|\s*{_RATE}\s*)$"}
    if unit == "size":
        text = {"type": "string", "pattern": rf"^\s*{_NUMBER}\s*{_UNIT}?\s*$"}
        return {"anyOf": [text, {"type": "integer"} | number]}
    text = {"type": "string", "pattern": rf"^\s*({_SPAN}|({_SPAN}\s*[A-Za-z]+\s*)+)\s*$"}
    return {"anyOf": [text, {"type": "number"} | number]}
