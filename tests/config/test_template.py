import json
import re
import string
from typing import Any

from pulltui_config.kinds import every_setting
from pulltui_config.reading import load
from pulltui_config.schema import schema, schema_text
from pulltui_config.settings import Settings
from pulltui_config.template import template


def test_the_template_as_it_is_changes_nothing() -> None:
    loaded = load(template().encode())
    assert loaded.problems == ()
    assert loaded.settings == Settings()
    assert {origin.layer for origin in loaded.origins.values()} == {"default"}


def test_the_template_without_its_marks_says_the_defaults() -> None:
    loaded = load(re.sub(r"^#(?=\w)", "", template(), flags=re.MULTILINE).encode())
    assert loaded.problems == ()
    assert loaded.settings == Settings()
    from_file = {key for key, origin in loaded.origins.items() if origin.layer == "file"}
    assert from_file == set(loaded.origins) - {"schedule"}


def test_the_templates_schedule_is_an_example_that_works() -> None:
    loaded = load(re.sub(r"^#   ", "", template(), flags=re.MULTILINE).encode())
    assert loaded.problems == ()
    (period,) = loaded.settings.schedule
    assert (period.from_, period.to, period.bandwidth) == (540, 1050, 5_000_000)


def test_the_template_names_its_schema_first_and_has_a_line_for_each_sentence() -> None:
    lines = template().splitlines()
    assert lines[0] == "#:schema ./config.schema.json"
    prose = [line for line in lines[1:] if re.match(r"# (?! )", line)]
    assert all(line.endswith((".", ":")) and line[2] in '"' + string.ascii_uppercase + "`" for line in prose)
    assert all(". A" not in line for line in prose), "a sentence ends its line"
    assert "# Allowed: true or false." in lines


def test_the_schema_has_every_key_with_description_and_default() -> None:
    read: dict[str, Any] = json.loads(schema_text())
    assert read == schema()
    for place in every_setting():
        found = read
        for step in place:
            assert found["additionalProperties"] is False
            found = found["properties"][step]
        assert found["description"]
        if len(place) > 1:
            assert "default" in found
            assert {"type", "enum", "anyOf"} & set(found)
    period = read["properties"]["schedule"]["items"]
    assert period["required"] == ["from", "to", "bandwidth"]
