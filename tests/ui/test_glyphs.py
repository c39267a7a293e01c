from __future__ import annotations

import pytest
from pulltui.engine.views import BlobState, PartState, PullState
from pulltui.ui.glyphs import ASCII, UNICODE, Glyphs, choose
from rich.cells import cell_len


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_every_state_has_a_glyph_of_one_cell_and_its_own(glyphs: Glyphs) -> None:
    for states, table in ((PullState, glyphs.pull), (BlobState, glyphs.blob), (PartState, glyphs.part)):
        assert set(table) == set(states)
        assert len(set(table.values())) == len(table)
    singles = (
        *glyphs.pull.values(),
        *glyphs.blob.values(),
        *glyphs.part.values(),
        *glyphs.bar,
        *glyphs.hash_bar,
    )
    assert {cell_len(glyph) for glyph in singles} == {1}


def test_the_ascii_set_is_ascii() -> None:
    tables = (*ASCII.pull.values(), *ASCII.blob.values(), *ASCII.part.values())
    rest = (ASCII.bar, ASCII.hash_bar, ASCII.spark, ASCII.cursor, ASCII.more, ASCII.rule, ASCII.branch)
    assert all(text.isascii() for text in (*tables, *rest, ASCII.last_branch, ASCII.down, ASCII.dot))


@pytest.mark.parametrize(
    ("setting", "environ", "encoding", "expected"),
    [
        ("auto", {"LANG": "en_US.UTF-8", "TERM": "xterm-256color"}, "utf-8", UNICODE),
        ("auto", {}, "UTF8", UNICODE),
        ("auto", {"LANG": "C"}, "ascii", ASCII),
        ("auto", {"TERM": "linux"}, "utf-8", ASCII),
        ("auto", {"TERM": "dumb"}, "utf-8", ASCII),
        ("auto", {"LANG": "ja_JP.UTF-8"}, "utf-8", ASCII),
        ("auto", {"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "utf-8", ASCII),
        ("auto", {"LANG": "ko_KR.UTF-8", "LC_CTYPE": "de_DE.UTF-8"}, "utf-8", UNICODE),
        ("unicode", {"TERM": "dumb"}, "ascii", UNICODE),
        ("ascii", {}, "utf-8", ASCII),
    ],
)
def test_which_set(setting: str, environ: dict[str, str], encoding: str, expected: Glyphs) -> None:
    assert choose(setting, environ, encoding) is expected
