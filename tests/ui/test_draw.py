"""Lines at every width: none is too long, the state is always said in words, ASCII stays ASCII."""

from __future__ import annotations

import msgspec
import pytest
from pulltui.engine.views import BlobState, EngineView, PartState, PullState, Waiting
from pulltui.ui.draw.detail import detail_lines, empty_lines
from pulltui.ui.draw.header import header_line, spark, summary_line
from pulltui.ui.draw.parts import active_lines, legend_line, map_lines, title_line
from pulltui.ui.draw.pulls import head_line, row_line
from pulltui.ui.glyphs import ASCII, UNICODE, Glyphs
from pulltui.ui.lines import Line, rule
from pulltui.ui.rows import of_interest, rows
from pulltui.ui.screens.help import help_lines
from rich.cells import cell_len
from support.scenes import busy_blob, busy_pull, failed_pull, part_map, pull, queue, view

WIDTHS = [*range(45, 131), 200, 300]


def everything(width: int, glyphs: Glyphs) -> list[Line]:
    scene = queue()
    lines = [
        header_line(scene, [1.0, 5.0, 3.0], width, glyphs),
        head_line(width),
        summary_line(scene, width, glyphs),
    ]
    for row in rows(scene.pulls):
        lines.append(row_line(row, width, glyphs, cursor=True, pausing=()))
        lines += detail_lines(row.pull, of_interest(row), width, 4, glyphs)
    blob = busy_blob()
    assert blob.map is not None
    lines += [title_line(blob, 2 * width - 4, width, glyphs), *map_lines(blob.map, width - 2, 2, glyphs)]
    lines += active_lines(blob, width, 8, glyphs)
    lines += active_lines(msgspec.structs.replace(blob, state=BlobState.VERIFYING), width, 8, glyphs)
    lines += empty_lines("/home/ada/.ollama/models", width, glyphs)
    return lines


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_no_line_is_longer_than_the_screen_is_wide(glyphs: Glyphs) -> None:
    for width in WIDTHS:
        for line in everything(width, glyphs):
            assert cell_len(line.text) <= width, (width, line.text)


def test_the_legend_fits_from_80_columns_on() -> None:
    assert max(cell_len(legend_line(width, UNICODE).text) - width for width in range(80, 140)) <= 0


def test_ascii_is_all_there_is() -> None:
    for line in everything(100, ASCII):
        assert line.text.isascii(), line.text


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("state", PullState)
def test_glyph_and_word_of_every_state_are_in_the_row(state: PullState, width: int) -> None:
    row = rows([pull(1, "m", state, 1000, 500, rate=5.0)])[0]
    text = row_line(row, width, UNICODE, cursor=False, pausing=()).text
    assert UNICODE.pull[state] in text
    assert state.value in text


@pytest.mark.parametrize(
    ("width", "words"), [(50, "1 stalled +2"), (80, "1 stalled +2"), (140, "1 stalled +2")]
)
def test_trouble_is_in_the_pulls_own_row(width: int, words: str) -> None:
    assert words in row_line(rows([busy_pull()])[0], width, UNICODE, cursor=False, pausing=()).text


@pytest.mark.parametrize("width", [80, 120])
def test_a_row_says_how_much_how_fast_how_long(width: int) -> None:
    text = row_line(rows([busy_pull()])[0], width, UNICODE, cursor=False, pausing=()).text
    assert all(word in text for word in ("qwen3:32b", "71", "18.7 GB", "82.0 MB/s", "1m04s", "━"))


def test_why_a_pull_waits_fits_80_columns() -> None:
    row = rows([pull(1, "m", PullState.WAITING, 10, 5, waiting=Waiting("registry busy (503)", 6.6))])[0]
    assert "waiting 7 s: registry busy (503)" in row_line(row, 80, UNICODE, cursor=False, pausing=()).text


def test_a_pull_that_was_told_to_pause_says_so() -> None:
    row = rows([busy_pull()])[0]
    assert "pausing" in row_line(row, 80, UNICODE, cursor=False, pausing={"pull1"}).text


def test_a_verifying_pull_shows_what_is_hashed() -> None:
    row = rows([pull(1, "m", PullState.VERIFYING, 10_000_000, 10_000_000)])[0]
    text = row_line(row, 120, UNICODE, cursor=False, pausing=()).text
    assert "58.1%" in text and "╍" in text and "verifying" in text


def test_a_failure_is_told_in_full_with_what_to_do() -> None:
    failed = detail_lines(failed_pull(), None, 60, 4, UNICODE)
    assert [line.text.strip() for line in failed] == [
        "phi4:14b: registry.ollama.ai refused blob 8b1f0a2c at part",
        "83 (403 Forbidden)",
        "The registry may want a login. r tries again; what was",
        "fetched is kept.",
    ]


def test_a_name_that_the_error_says_is_not_said_twice() -> None:
    error = "registry.ollama.ai has no manifest of phi4:14b (404)"
    view = msgspec.structs.replace(failed_pull(), error=error)
    assert detail_lines(view, None, 80, 4, UNICODE)[0].text.strip() == error


def test_the_host_that_bytes_come_from_is_shown() -> None:
    blob = msgspec.structs.replace(busy_blob(), source="cdn.example")
    (line,) = detail_lines(busy_pull(), blob, 120, 4, UNICODE)
    assert "from cdn.example via registry.ollama.ai" in line.text
    (line,) = detail_lines(busy_pull(), busy_blob(), 120, 4, UNICODE)
    assert line.text.endswith("from registry.ollama.ai")


def test_sums_that_are_not_known_yet_are_not_made_up() -> None:
    known = view(busy_pull())
    partly = msgspec.structs.replace(known, unresolved=2)
    none = msgspec.structs.replace(view(), unresolved=1)
    assert " left" in header_line(known, [], 120, UNICODE).text
    line = header_line(partly, [], 120, UNICODE).text
    assert "13.5 GB of 18.7 GB + 2 models of unknown size" in line and " left" not in line
    assert "1 model of unknown size" in header_line(none, [], 120, UNICODE).text
    assert "%" in summary_line(known, 44, UNICODE).text
    assert "%" not in summary_line(partly, 44, UNICODE).text
    assert " left" not in summary_line(partly, 44, UNICODE).text


def test_a_panel_without_a_blob_is_a_plain_rule() -> None:
    assert rule((), (), 10, UNICODE).text == UNICODE.rule * 10


@pytest.mark.parametrize("width", [30, 46, 74])
def test_the_help_is_whole_at_every_width(width: int) -> None:
    what = "Pause all; again resumes what that has paused, and only that"
    lines = [line.text for line in help_lines([("pagedown", what), ("P", "Add")], width, UNICODE)]
    assert max(map(cell_len, lines)) <= width
    told = " ".join(" ".join(lines).split())
    assert what in told
    assert "A cell of the map shows the worst state of what lies in its bytes." in told


def test_bars_are_for_the_worst_and_the_rest_is_summed_up() -> None:
    texts = [line.text for line in active_lines(busy_blob(), 120, 6, UNICODE)]
    assert [text.split()[0] for text in texts[:3]] == ["!", "?", "~"]
    assert "stalled, retry 2 of 6 in 3 s, r now" in texts[0]
    assert "quiet 9 s, reconnect at 30 s" in texts[1]
    assert "retry 3 of 6 in 7 s (503), r now" in texts[2]
    assert texts[5].strip().startswith("+11 healthy, ")
    two = [line.text for line in active_lines(busy_blob(), 120, 2, UNICODE)]
    assert two[1].strip().startswith("+2 more in trouble, +13 healthy")


def test_all_bars_when_there_is_room() -> None:
    texts = [line.text for line in active_lines(busy_blob(), 120, 16, UNICODE)]
    assert len(texts) == 16 and not any("healthy" in text for text in texts)


def test_a_blob_being_verified_shows_the_bar_of_its_hash() -> None:
    blob = msgspec.structs.replace(busy_blob(), state=BlobState.VERIFYING)
    texts = [line.text for line in active_lines(blob, 80, 8, UNICODE)]
    assert len(texts) == 1 and "verifying" in texts[0] and "64%" in texts[0]


@pytest.mark.parametrize(
    ("parts", "width", "height", "scale"),
    [(188, 118, 3, "1 cell = 1 part"), (188, 78, 2, "1 cell = 2 parts"), (3000, 118, 3, "1 cell = 9 parts")],
)
def test_the_title_says_what_a_cell_is(parts: int, width: int, height: int, scale: str) -> None:
    blob = busy_blob(parts, 100_000_000)
    text = title_line(blob, width * height, 120, UNICODE).text
    assert scale in text and f"{parts} parts of 100 MB" in text


def test_one_part_fills_the_map() -> None:
    one = part_map([PartState.RECEIVING], [5_000_000_000], [2_500_000_000])
    blob = msgspec.structs.replace(busy_blob(), map=one)
    assert "1 cell = 62.5 MB" in title_line(blob, 80, 120, UNICODE).text
    assert map_lines(one, 80, 1, UNICODE)[0].text == " " + "█" * 40 + "▶" + "·" * 39


def test_the_header_drops_what_matters_least() -> None:
    scene = queue()
    wide, narrow = (header_line(scene, [], width, UNICODE).text for width in (120, 50))
    assert all(
        word in wide
        for word in ("105 MB/s", "4 active", "2 queued", "1 done", "1 failed", "free 212 GB", "left")
    )
    assert "105 MB/s" in narrow and "left" in narrow and "free" not in narrow


def test_the_graph_has_as_many_levels_as_there_are() -> None:
    assert spark([0.0, 1.0, 2.0, 4.0], 3, UNICODE.spark) == "▃▅█"
    assert spark([0.0, 0.0], 3, UNICODE.spark) == ""
    assert spark([1.0, 2.0], 3, ASCII.spark) == ""


def test_tiny_terminals_get_one_line() -> None:
    assert summary_line(queue(), 40, UNICODE).text == "▼ 105 MB/s  34%  10m52s left  4 active"
    assert summary_line(EngineView(), 40, UNICODE).text == "nothing queued  a add"
    assert "1 done" in summary_line(view(pull(1, "m", PullState.DONE, 10, 10)), 40, UNICODE).text
