from hypothesis import given
from hypothesis import strategies as st
from pulltui_config.lines import key_lines, line_of

SOURCE = b"""\
a.b = 1

[transfer]  # comment
per_host = { "hf.co" = 8, x.y = { z = 1 } }
"q\\u0041" = '''
two lines'''
[[schedule]]
days = ["mon", # one
  "tue"]
[schedule.sub]
k = 1
[[schedule]]
from = "1"
[[schedule.more]]
[[schedule.more]]
'x.y' = 2
"""


def test_every_way_to_write_a_key_has_its_line() -> None:
    lines = key_lines(SOURCE)
    assert lines == {
        ("a",): 1,
        ("a", "b"): 1,
        ("transfer",): 3,
        ("transfer", "per_host"): 4,
        ("transfer", "per_host", "hf.co"): 4,
        ("transfer", "per_host", "x"): 4,
        ("transfer", "per_host", "x", "y"): 4,
        ("transfer", "per_host", "x", "y", "z"): 4,
        ("transfer", "qA"): 5,
        ("schedule",): 7,
        ("schedule", 0): 7,
        ("schedule", 0, "days"): 8,
        ("schedule", 0, "days", 0): 8,
        ("schedule", 0, "days", 1): 9,
        ("schedule", 0, "sub"): 10,
        ("schedule", 0, "sub", "k"): 11,
        ("schedule", 1): 12,
        ("schedule", 1, "from"): 13,
        ("schedule", 1, "more"): 14,
        ("schedule", 1, "more", 0): 14,
        ("schedule", 1, "more", 1): 15,
        ("schedule", 1, "more", 1, "x.y"): 16,
    }


def test_what_has_no_line_has_the_one_of_what_is_around_it() -> None:
    lines = key_lines(b"[a]\nb = 1\n")
    assert line_of(lines, ("a", "b", 3, "c")) == 2
    assert line_of(lines, ("a", "z")) == 1
    assert line_of(lines, ("z",)) is None


@given(st.binary(max_size=200))
def test_what_is_not_toml_is_survived(source: bytes) -> None:
    key_lines(source)
