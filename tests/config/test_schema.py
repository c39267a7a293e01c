"""The schema is for editors: it must not mark what we accept, and should mark what we refuse."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui_config.kinds import every_setting
from pulltui_config.reading import load
from pulltui_config.schema import schema
from pulltui_config.values import toml

KINDS: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}
PERIOD = {"from": "1:00", "to": "2:00", "bandwidth": "pause"}
ACCEPTED: dict[str, list[Any]] = {
    "storage.models_dir": ["", "/srv", "~", "~/m"],
    "storage.check_space": [True],
    "storage.keep_free": [0, "0", "1 GB", " 1.5gib ", "512", "5 kb", "2T"],
    "transfer.connections": ["auto", 1, 64],
    "transfer.per_host": [{}, {"hf.co": 1, "a:5000": 64}],
    "transfer.part_size": ["1 MB", "1 GB", 1_000_000, "16 MiB"],
    "transfer.bandwidth": [
        "unlimited",
        " UnLimited ",
        "20 MB/s",
        "500KB/s",
        "20M",
        "3 MBps",
        "2 mib /S",
        "1k",
    ],
    "retry.stall_timeout": [1, 1.5, "30", "1 min", "1m47s", "1 M 5 Sec", "0.5 hours"],
    "retry.slow_factor": [0, 0.9],
    "network.proxy": ["", "http://h:1", "https://u:p@h/"],
    "network.user_agent": ["", "a b"],
    "network.insecure_hosts": [[], ["a", "b:1"]],
    "schedule": [
        [],
        [PERIOD],
        [PERIOD | {"days": "weekdays"}, PERIOD | {"days": "mon"}, PERIOD | {"days": ["mon", "sun"]}],
        [PERIOD | {"bandwidth": "5 MB/s", "from": "00:00", "to": "24:00"}],
    ],
    "ui.theme": ["x"],
    "ui.glyphs": ["auto", "unicode", "ascii"],
    "ui.keys": [{}, {"pause": ["p", "comma"]}],
    "hooks.on_done": [[], ["a", ""]],
}
REFUSED: dict[str, list[Any]] = {
    "storage.models_dir": ["models", "~x", 5, "a\nb"],
    "storage.check_space": ["true", 1],
    "storage.keep_free": [-1, 1.5, "1 XB", "MB", "-1 MB", "1,5 GB", "1 Mb", "1 mbit", True],
    "transfer.connections": ["autos", 0, 65, 1.5, True],
    "transfer.per_host": [{"a": 0}, {"a b": 1}, {"": 1}, {"a": {"b": 1}}, []],
    "transfer.part_size": [999_999, 1_000_000_001, "16 Mb"],
    "transfer.bandwidth": [20, "20", "pause", "20 Mps", "20 Mbps", "fast", "1 MB/h", "1 MB/s/s"],
    "retry.stall_timeout": [0, 3601, "soon", "", "1h 30", "-3"],
    "retry.slow_factor": [1, "0.1", -0.1],
    "network.proxy": ["ftp://h", "http://", "h:1", "http://a b"],
    "network.user_agent": ["a\r\nb", "é"],
    "network.insecure_hosts": ["a", [""], ["a/b"], [1]],
    "schedule": [
        {},
        [{}],
        [PERIOD | {"days": []}],
        [PERIOD | {"days": "monday"}],
        [PERIOD | {"from": "1:60"}],
        [PERIOD | {"from": "100"}],
        [PERIOD | {"bandwidth": "unlimited"}],
        [PERIOD | {"bandwidth": 5}],
        [PERIOD | {"form": "1:00"}],
    ],
    "ui.theme": ["", 1],
    "ui.fps": [0, 11, 2.5, "5"],
    "ui.glyphs": ["Auto", ""],
    "ui.keys": [{"pause": "p"}, {"pause": [""]}, []],
    "hooks.on_done": ["notify-send", [1]],
}
SCHEMA = schema()


def fits(rule: dict[str, Any], value: Any) -> bool:
    """Whether a value fits a schema: the part of https://json-schema.org/draft-07 that ours is made of."""
    checks: dict[str, Callable[[Any], bool]] = {
        "type": lambda kind: any(is_a(value, one) for one in ([kind] if isinstance(kind, str) else kind)),
        "enum": lambda words: value in words,
        "anyOf": lambda rules: any(fits(one, value) for one in rules),
        "pattern": lambda pattern: re.search(javascript(pattern), value) is not None,
        "minLength": lambda least: len(value) >= least,
        "minimum": lambda least: value >= least,
        "maximum": lambda most: value <= most,
        "minItems": lambda least: len(value) >= least,
        "items": lambda one: all(fits(one, item) for item in value),
        "required": lambda keys: all(key in value for key in keys),
        "propertyNames": lambda one: all(fits(one | {"type": "string"}, key) for key in value),
        "properties": lambda known: all(
            fits(known[key], item) for key, item in value.items() if key in known
        ),
        "additionalProperties": lambda one: all(
            fits(one, item) if one else False
            for key, item in value.items()
            if key not in rule.get("properties", {})
        ),
        "description": lambda _: True,
        "default": lambda _: True,
        "title": lambda _: True,
        "$schema": lambda _: True,
    }
    # The type first: the other words say nothing of a value of another one, and here they could not look.
    return all(checks[word](rule[word]) for word in sorted(rule, key=lambda word: word != "type"))


def is_a(value: Any, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def javascript(pattern: str) -> str:
    """As editors read it: $ is the very end of the text."""
    return pattern.replace("$", r"\Z")


def file_with(key: str, value: Any) -> dict[str, Any]:
    *table, name = key.split(".")
    return {table[0]: {name: value}} if table else {name: value}


def as_toml(key: str, value: Any) -> bytes:
    return f"{key} = {toml(value)}\n".encode()


def cases(table: dict[str, list[Any]]) -> list[tuple[str, Any]]:
    return [(key, value) for key, values in table.items() for value in values]


@pytest.mark.parametrize(("key", "value"), cases(ACCEPTED))
def test_what_we_accept_the_schema_accepts(key: str, value: Any) -> None:
    assert load(as_toml(key, value)).problems == ()
    assert fits(SCHEMA, file_with(key, value))


@pytest.mark.parametrize(("key", "value"), cases(REFUSED))
def test_what_we_refuse_the_schema_refuses(key: str, value: Any) -> None:
    assert load(as_toml(key, value)).problems
    assert not fits(SCHEMA, file_with(key, value))


def test_what_nobody_knows_the_schema_marks_too() -> None:
    assert not fits(SCHEMA, {"transfers": {}})
    assert not fits(SCHEMA, {"transfer": {"part_sise": 1}})
    assert not fits(SCHEMA, {"transfer": 5})
    assert fits(SCHEMA, {})


NUMBERS = st.integers(0, 70) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
UNITS = ["", "B", "kb", "mB", "Mb", "GiB", "T", "KB/s", "mib/s", "MBps", "s", "min", "days", "x"]
AMOUNTS = st.builds(
    lambda number, gap, unit: f"{number}{gap}{unit}",
    st.integers(0, 2000) | st.floats(0, 2000).map(lambda number: round(number, 2)),
    st.sampled_from(["", " "]),
    st.sampled_from(UNITS),
)
WORDS = st.text(max_size=5) | st.sampled_from(["auto", "~", "mon", "pause", "22:00"])
ANY = st.recursive(
    st.booleans() | NUMBERS | AMOUNTS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["from", "to", "days", "bandwidth", "a.b", ""]), inner, max_size=3)
    ),
    max_leaves=4,
)


@given(st.sampled_from([".".join(place) for place in every_setting()]), ANY)
def test_the_schema_never_marks_what_we_accept(key: str, value: Any) -> None:
    written = [value] if key == "schedule" else value
    if not load(as_toml(key, written)).problems:
        assert fits(SCHEMA, file_with(key, written))


def test_the_defaults_fit() -> None:
    for table, rule in SCHEMA["properties"].items():
        for key, inner in rule.get("properties", {}).items():
            assert fits(inner, inner["default"]), f"{table}.{key}"
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
