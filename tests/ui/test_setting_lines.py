"""What keys do to the lines of a settings file."""

from __future__ import annotations

import re

import pytest
from pulltui.ui.key_at import row_of
from pulltui.ui.setting_lines import CannotError, options_of, toggled, value_at, with_key, with_next
from pulltui_config import Settings, load
from pulltui_config.kinds import every_setting
from pulltui_config.template import template

PLACES = [place for place in every_setting() if len(place) > 1]


def after(lines: list[str], row: int) -> list[str]:
    changed = toggled(lines, row)
    return [changed.get(at, line) for at, line in enumerate(lines)]


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_every_setting_of_the_template_comes_into_force_and_goes_out_of_it(place: tuple[str, ...]) -> None:
    lines = template().splitlines()
    row = row_of(lines, place)
    assert row is not None
    there = after(lines, row - 1)
    loaded = load("\n".join(there).encode())
    assert loaded.problems == () and loaded.settings == Settings()
    assert loaded.origins[".".join(place)].layer == "file"
    assert after(there, row) == lines
    start, end = value_at(there[row], place)
    assert re.match(r'^\w+ = "?$', there[row][:start]) and there[row][end:] in ("", '"')


def test_an_example_of_a_period_comes_as_a_whole() -> None:
    lines = template().splitlines()
    row = next(row for row, line in enumerate(lines) if line.startswith("#   from"))
    there = after(lines, row)
    loaded = load("\n".join(there).encode())
    assert loaded.problems == () and len(loaded.settings.schedule) == 1
    back = load("\n".join(after(there, row)).encode())
    assert back.problems == () and back.settings == Settings()


def test_a_value_of_several_lines_goes_and_comes_as_a_whole() -> None:
    lines = ["[network]", "insecure_hosts = [ # those ]", '  "a]",', "]", "", "[ui]", "fps = 3"]
    out = after(lines, 2)
    assert out == ["[network]", "#insecure_hosts = [ # those ]", '  #"a]",', "#]", "", "[ui]", "fps = 3"]
    assert load("\n".join(out).encode()).problems == ()
    assert after(out, 1) == lines


@pytest.mark.parametrize("row", [0, 1, 3])
def test_tables_and_empty_lines_stay(row: int) -> None:
    assert toggled(["# How it looks.", "[ui]", "fps = 3", ""], row) == {}


def test_a_table_that_is_a_comment_can_come() -> None:
    assert toggled(["#[ui]", "fps = 3"], 0) == {0: "[ui]"}


@pytest.mark.parametrize(
    ("line", "place", "typed_over"),
    [
        ('connections = "auto"  # mine', ("transfer", "connections"), '"auto"'),
        ('bandwidth = "un#limited" # mine', ("transfer", "bandwidth"), "un#limited"),
        ("theme = 'nord'", ("ui", "theme"), "nord"),
        ("fps=3", ("ui", "fps"), "3"),
        ("fps = ", ("ui", "fps"), ""),
        ('keys = { pause = ["p"] }', ("ui", "keys"), '{ pause = ["p"] }'),
        ('theme = "nord', ("ui", "theme"), '"nord'),
        ("other = 1", ("ui", "other"), "1"),
        ("[ui]", ("ui",), ""),
    ],
)
def test_what_is_typed_over_is_the_value(line: str, place: tuple[str, ...], typed_over: str) -> None:
    start, end = value_at(line, place)
    assert line[start:end] == typed_over


def test_the_next_value_goes_round() -> None:
    text, seen = template(), []
    for _ in range(4):
        text = with_next(text, ("transfer", "transport"))
        seen.append(load(text.encode()).settings.transfer.transport)
    assert seen == ["fast", "httpx", "auto", "fast"]
    assert with_next("[ui]\r\nbell = 7 # x\r\n", ("ui", "bell")) == "[ui]\r\nbell = true # x\r\n"


def test_what_can_be_listed() -> None:
    assert list(options_of(("ui", "bell"))) == [True, False]
    assert list(options_of(("ui", "theme")))[:2] == ["pulltui-dark", "pulltui-light"]
    for place in (
        ("transfer", "connections"),
        ("transfer", "bandwidth"),
        ("ui", "fps"),
        ("schedule",),
        ("x",),
    ):
        assert not options_of(place), place


def test_a_key_that_is_missing_comes_into_its_table() -> None:
    assert with_key("[ui]\nfps = 3\n[retry]\n", ("ui", "bell")) == "[ui]\nfps = 3\nbell = false\n[retry]\n"
    with pytest.raises(CannotError, match=r"First put line 2 right: this is not TOML"):
        with_key("[ui]\nfps\n", ("ui", "bell"))
