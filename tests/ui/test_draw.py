"""Lines at every width: none is too long, the state is always said in words, ASCII stays ASCII."""

from __future__ import annotations

import msgspec
import pytest
from pulltui.engine.views import BlobState, EngineView, PullState, Waiting
from pulltui.ui.draw.header import header_line, spark, summary_line
from pulltui.ui.draw.pulls import head_line, row_line
from pulltui.ui.draw.tabs import said, tabs_line
from pulltui.ui.filter import parse
from pulltui.ui.glyphs import ASCII, UNICODE, Glyphs
from pulltui.ui.lines import Line
from pulltui.ui.ordering import Order, SortBy
from pulltui.ui.rows import rows
from pulltui.ui.tab import Tab, counts
from rich.cells import cell_len
from support.scenes import busy_pull, pull, queue, view

WIDTHS = [*range(45, 131), 200, 300]
KEYS = {f"tab_{tab}": str(number) for number, tab in enumerate(Tab, start=1)}
SAID = said(12, parse("state:stalled size>10g some-name"), Order(SortBy.LEFT), ASCII)


def everything(width: int, glyphs: Glyphs) -> list[Line]:
    scene = queue()
    capped = msgspec.structs.replace(scene, limit=20e6, limit_why="schedule: 22:00 to 06:00", suspended=True)
    lines = [
        header_line(scene, [1.0, 5.0, 3.0], width, glyphs),
        head_line(width, Order(SortBy.SIZE), glyphs),
        header_line(capped, [1.0, 5.0, 3.0], width, glyphs),
        *(tabs_line(tab, counts(scene.pulls), KEYS, beside, width) for tab in Tab for beside in ([], SAID)),
        summary_line(scene, width, glyphs, "a"),
    ]
    for row in rows(scene.pulls):
        lines.append(row_line(row, width, glyphs, cursor=True, marked=True))
    return lines


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_no_line_is_longer_than_the_screen_is_wide(glyphs: Glyphs) -> None:
    for width in WIDTHS:
        for line in everything(width, glyphs):
            assert cell_len(line.text) <= width, (width, line.text)


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


def test_a_blob_that_nobody_fetches_waits() -> None:
    waiting = pull(1, "m", PullState.WAITING, 10_000_000, 5, waiting=Waiting("registry busy (503)", 6.6))
    text = row_line(rows([waiting])[1], 80, UNICODE, cursor=False).text
    assert "waiting" in text and f"├ {UNICODE.pull[PullState.WAITING]} model" in text


def test_why_a_pull_waits_fits_80_columns() -> None:
    row = rows([pull(1, "m", PullState.WAITING, 10, 5, waiting=Waiting("registry busy (503)", 6.6))])[0]
    assert "waiting 7 s: registry busy (503)" in row_line(row, 80, UNICODE, cursor=False, pausing=()).text


def test_a_pull_that_was_told_to_pause_says_so() -> None:
    for state in (PullState.DOWNLOADING, PullState.PAUSED):  # its state may be ahead of its connections
        row = rows([msgspec.structs.replace(busy_pull(), state=state)])[0]
        assert "pausing" in row_line(row, 80, UNICODE, cursor=False, pausing={"pull1"}).text


def test_a_verifying_pull_shows_what_is_hashed() -> None:
    row = rows([pull(1, "m", PullState.VERIFYING, 10_000_000, 10_000_000)])[0]
    text = row_line(row, 120, UNICODE, cursor=False, pausing=()).text
    assert "58.1%" in text and "╍" in text and "verifying" in text


def test_sums_that_are_not_known_yet_are_not_made_up() -> None:
    known = view(busy_pull())
    partly = msgspec.structs.replace(known, unresolved=2)
    none = msgspec.structs.replace(view(), unresolved=1)
    assert " left" in header_line(known, [], 120, UNICODE).text
    line = header_line(partly, [], 120, UNICODE).text
    assert "13.5 GB of 18.7 GB + ?  2 sizes not known yet" in line and " left" not in line
    assert "1 size not known yet" in header_line(none, [], 120, UNICODE).text
    assert "%" in summary_line(known, 44, UNICODE, "a").text
    assert "%" not in summary_line(partly, 44, UNICODE, "a").text
    assert " left" not in summary_line(partly, 44, UNICODE, "a").text


def test_the_header_drops_what_matters_least() -> None:
    scene = queue()
    wide, narrow = (header_line(scene, [], width, UNICODE).text for width in (120, 50))
    assert all(
        word in wide
        for word in ("105 MB/s", "4 active", "1 failed", "free 212 GB, needs 68.4 GB", "left", "of 104 GB")
    )
    assert "105 MB/s" in narrow and "left" in narrow and "active" not in narrow


def test_a_disk_too_small_for_the_queue_is_seen() -> None:
    line = header_line(msgspec.structs.replace(queue(), free=10**10), [], 120, UNICODE)
    assert [span.text for span in line.spans if span.role == "bad"] == [
        "free 10.0 GB, needs 68.4 GB",
        "1 failed",
    ]


def test_a_cap_is_in_the_header_and_louder_when_it_holds() -> None:
    def role(**more: object) -> str:
        scene = msgspec.structs.replace(queue(), limit=20e6, limit_why="settings", **more)
        (found,) = [
            span
            for span in header_line(scene, [], 120, UNICODE).spans
            if span.text == "cap 20.0 MB/s (settings)"
        ]
        return found.role

    assert (role(), role(capped=True)) == ("text", "wait")


def test_the_column_that_orders_has_an_arrow() -> None:
    assert "size▼" in head_line(120, Order(SortBy.SIZE), UNICODE).text
    assert "sizev" in head_line(120, Order(SortBy.SIZE), ASCII).text
    assert "▼" not in head_line(120, Order(), UNICODE).text


def test_tabs_become_shorter_before_what_stands_beside_them() -> None:
    numbers = counts(queue().pulls)
    beside = said(0, parse("gemma"), Order(), UNICODE)
    lines = [tabs_line(Tab.DONE, numbers, KEYS, beside, width).text for width in (80, 56, 45)]
    assert lines[0].startswith(" 1:All 8  2:Active 4  3:Queued 2 [4:Done 1] 5:Failed 1 ")
    assert lines[1].startswith(" 1:All 8  2:Act 4  3:Que 2 [4:Done 1] 5:Fail 1 ")
    assert lines[2].startswith(" All 8  Act 4  Que 2 [Done 1] Fail 1 ")
    assert all("/ gem" in line for line in lines)


def test_the_graph_has_as_many_levels_as_there_are() -> None:
    assert spark([0.0, 1.0, 2.0, 4.0], 3, UNICODE.spark) == "▃▅█"
    assert spark([0.0, 0.0], 3, UNICODE.spark) == ""
    assert spark([1.0, 2.0], 3, ASCII.spark) == ""


def test_tiny_terminals_get_one_line() -> None:
    assert summary_line(queue(), 40, UNICODE, "a").text == "▼ 105 MB/s  34%  10m52s left  4 active"
    for key, words in (
        ("a", "nothing queued  a add"),
        ("x", "nothing queued  x add"),
        ("", "nothing queued"),
    ):
        assert summary_line(EngineView(), 40, UNICODE, key).text == words
    assert "1 done" in summary_line(view(pull(1, "m", PullState.DONE, 10, 10)), 40, UNICODE, "a").text


def test_the_one_line_knows_what_holds_everything_back() -> None:
    def told(**more: object) -> str:
        return summary_line(msgspec.structs.replace(queue(), **more), 40, UNICODE, "a").text

    assert "cap 20.0 MB/s" in told(limit=20e6, limit_why="settings")
    assert "all paused (schedule)" in told(limit=0.0, limit_why="schedule: 22:00 to 06:00")
    assert "held by the disk" in told(disk="1.00 MB/s")


def test_what_a_failed_pull_has_not_fetched_is_stopped_and_not_queued() -> None:
    failed = pull(1, "m", PullState.FAILED, 10_000_000, 5, error="403")
    (blob,) = failed.blobs[:1]
    for size in (10_000_000, 10):
        blobs = tuple(
            msgspec.structs.replace(blob, digest=f"sha256:{n:064x}", size=size, state=BlobState.QUEUED)
            for n in range(2)
        )
        for row in rows([msgspec.structs.replace(failed, blobs=blobs)])[1:]:
            text = row_line(row, 80, UNICODE, cursor=False).text
            assert "stopped" in text and "queued" not in text and UNICODE.blob[BlobState.PAUSED] in text


def test_when_everything_is_paused_the_one_line_says_so() -> None:
    paused, queued = pull(1, "m", PullState.PAUSED, 10, 5), pull(2, "n", PullState.QUEUED, 10, 0)
    assert "1 paused" in summary_line(view(paused), 40, UNICODE, "a").text
    assert "2 queued" in summary_line(view(paused, queued), 40, UNICODE, "a").text


def test_a_name_is_whole_where_there_is_room_and_else_loses_its_address() -> None:
    long = "127.0.0.1:42779/library/harbor:latest"
    row = rows([pull(1, long, PullState.QUEUED, 10, 0)])[0]
    assert long in row_line(row, 120, UNICODE, cursor=False, longest=len(long)).text
    for width in (40, 50, 60, 80):
        text = row_line(row, width, UNICODE, cursor=False, longest=len(long)).text
        assert "/harbor:latest" in text and cell_len(text) <= width


def test_longer_names_move_the_heads_of_the_columns_too() -> None:
    row = rows([busy_pull()])[0]
    for width in range(50, 200):
        for longest in (0, 20, 45, 100):
            head = head_line(width, Order(), UNICODE, longest).text
            text = row_line(row, width, UNICODE, cursor=False, longest=longest).text
            assert cell_len(head) == cell_len(text) <= width
            assert text.index("%") == head.index("%")


def test_60_columns_have_speed_and_time_left() -> None:
    text = row_line(rows([busy_pull()])[0], 60, UNICODE, cursor=False).text
    assert all(word in text for word in ("qwen3:32b", "71%", "82.0 MB/s", "1m04s", "1 stalled"))
    assert "━" in row_line(rows([busy_pull()])[0], 70, UNICODE, cursor=False).text


def test_what_comes_and_goes_in_the_header_moves_nothing() -> None:
    scene = view(busy_pull())
    moments = [
        msgspec.structs.replace(scene, eta=eta, rate=rate)
        for eta, rate in ((None, 0.0), (0.2, 999.0), (3600.0, 999e6), (61.0, 9.5e6))
    ]
    for width in (60, 80, 100, 120):
        lines = [header_line(each, [1.0, each.rate], width, UNICODE).text for each in moments]
        assert len({line.index("of 18.7 GB") for line in lines}) == 1, lines
        assert "0s left" not in lines[1]


def test_when_nothing_moves_there_is_no_graph() -> None:
    over = view(pull(1, "m", PullState.DONE, 10, 10))
    assert "█" not in header_line(over, [5.0, 9.0, 0.0], 120, UNICODE).text


def test_shared_blobs_are_said_to_count_once() -> None:
    scene = msgspec.structs.replace(queue(), size=queue().size - 10**8)
    assert "shared blobs count once" in header_line(scene, [], 200, UNICODE).text
    assert "shared" not in header_line(queue(), [], 200, UNICODE).text


def test_a_blob_that_is_quiet_as_a_whole_has_the_glyph_for_it() -> None:
    blob = msgspec.structs.replace(busy_pull().blobs[0], connections=3, quiet=3, stalled=0, retrying=0)
    row = rows([msgspec.structs.replace(busy_pull(), blobs=(blob,))])[1]
    assert "└ ? model" in row_line(row, 120, UNICODE, cursor=False).text
