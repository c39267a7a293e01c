"""Which setting a line is about."""

from __future__ import annotations

import pytest
from pulltui.ui.key_at import key_at, row_of
from pulltui_config.kinds import every_setting
from pulltui_config.template import template

TEXT = """\
#:schema ./config.schema.json
# prose, with name = in it

[transfer]
# about parts, in
# two lines
#part_size = "16 MB"
connections = 8  # a comment = here
per_host = {
  "hf.co" = 8,
}
broken = [
  1,

# left over

[[schedule]]
from = "09:00"
# [ui]
[ui.keys]
pause = ["p"]
"a b" = 1
#fps = 3
#   [[schedule]]
#   days = "daily"
"""
EXPECTED = {
    '#part_size = "16 MB"': ("transfer", "part_size"),
    "# about parts, in": ("transfer", "part_size"),
    "# two lines": ("transfer", "part_size"),
    "connections = 8  # a comment = here": ("transfer", "connections"),
    "[transfer]": ("transfer",),
    "  1,": ("transfer", "broken"),
    "# left over": (),
    'from = "09:00"': ("schedule", "from"),
    'pause = ["p"]': ("ui", "keys"),
    "#:schema ./config.schema.json": (),
    "# prose, with name = in it": (),
    '#   days = "daily"': ("schedule", "days"),
}


@pytest.mark.parametrize("line", EXPECTED)
def test_a_line_is_about(line: str) -> None:
    lines = TEXT.splitlines()
    assert key_at(lines, lines.index(line)) == EXPECTED[line]


def test_the_rest_of_a_value_is_about_its_key() -> None:
    lines = ["[network]", "insecure_hosts = [", '  "a",', '  "b",', "]", ""]
    assert [key_at(lines, row) for row in range(6)] == [
        ("network",),
        ("network", "insecure_hosts"),
        ("network", "insecure_hosts"),
        ("network", "insecure_hosts"),
        ("network", "insecure_hosts"),
        ("network",),
    ]


def test_a_key_with_dots_is_about_its_setting() -> None:
    assert key_at(['transfer.part_size = "1 MB"'], 0) == ("transfer", "part_size")
    assert key_at(["[ui]", 'keys.pause = ["p"]'], 1) == ("ui", "keys")


def test_a_header_in_a_comment_holds_only_what_is_in_comments() -> None:
    lines = ["[ui]", "# [network]", "fps = 1", '#proxy = ""']
    assert key_at(lines, 2) == ("ui", "fps")
    assert key_at(lines, 3) == ("network", "proxy")


@pytest.mark.parametrize("row", [-1, 3, 100])
def test_beyond_the_text_there_is_nothing(row: int) -> None:
    assert key_at(["[ui]", "fps = 1", ""], row) == ()


def test_every_setting_of_the_template_is_found_by_every_line_about_it() -> None:
    lines = template().splitlines()
    assert {key_at(lines, row) for row in range(len(lines))} >= set(every_setting())
    for place in every_setting():
        if len(place) == 2:
            row = row_of(lines, place)
            assert row is not None and key_at(lines, row - 1) == place, place


def test_the_row_of_a_key_is_the_one_in_force() -> None:
    lines = ["[ui]", "#fps = 10", "fps = 3", "[network]"]
    assert row_of(lines, ("ui", "fps")) == 2
    assert row_of(lines, ("ui", "theme")) is None
