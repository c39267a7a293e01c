"""The parts of a blob as lines: every trouble in words, the worst first, nothing cut that helps."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from pulltui.engine.views import BlobState, PartState, PartView
from pulltui.ui.draw.parts import (
    active_lines,
    legend_line,
    map_cells,
    map_lines,
    part_trouble,
    title_facts,
    usual_rate,
)
from pulltui.ui.glyphs import ASCII, UNICODE, Glyphs
from pulltui.ui.words import CAPPED
from rich.cells import cell_len
from support.scenes import MB, busy_blob, part_map


def part(n: int = 1, state: PartState = PartState.RECEIVING, **more: object) -> PartView:
    return PartView(n=n, offset=0, size=100, done=50, state=state, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (part(rate=5.0), ""),
        (part(state=PartState.QUIET, silent=9.7, stall_after=30.0), "quiet 10 s, reconnect at 30 s"),
        (
            part(state=PartState.WAITING, attempt=3, attempts=6, wait=6.4, why="503"),
            "retry 3 of 6 in 7 s (503), r now",
        ),
        (
            part(state=PartState.WAITING, wait=4.2, why="registry busy (429)"),
            "registry busy (429), next try in 5 s",
        ),
        (
            part(state=PartState.STALLED, attempt=2, attempts=6, wait=2.4),
            "retry 2 of 6 in 3 s (stalled), r now",
        ),
        (
            part(state=PartState.WAITING, attempt=1, attempts=6, why="503"),
            "retry 1 of 6, waits for a connection (503)",
        ),
        (part(state=PartState.FAILED, why="403"), "failed (403)"),
        (part(rate=2.0, attempt=1, attempts=6, why="reset"), "retry 1 of 6 (reset)"),
        (part(rate=2.0, why=CAPPED), "held by the cap"),
        (part(rate=2.0, why=CAPPED, attempt=2, attempts=6), "held by the cap"),
    ],
)
def test_every_trouble_has_its_words(view: PartView, words: str) -> None:
    assert part_trouble(view, 0.0)[0] == words


def test_words_name_the_key_that_is_configured() -> None:
    waiting = part(state=PartState.WAITING, attempt=1, attempts=6, wait=1.0)
    assert part_trouble(waiting, 0.0, {"retry": "f5"})[0].endswith(", f5 now")


def test_a_part_is_slow_beside_its_siblings_only() -> None:
    parts = [part(n, rate=10.0) for n in range(4)]
    slow = part(9, rate=2.0)
    assert part_trouble(slow, usual_rate([*parts, slow])) == ("slow, 0.2 of its siblings", "wait")
    assert part_trouble(slow, usual_rate([slow, slow, slow, slow]))[0] == ""
    assert part_trouble(slow, usual_rate([*parts[:2], slow]))[0] == "", "two siblings are no measure"
    assert part_trouble(part(rate=0.0), usual_rate(parts))[0] == "", "what has just begun is not slow"


def test_what_our_own_cap_holds_back_is_never_slow_nor_a_measure() -> None:
    capped = [part(n, rate=1.0, why=CAPPED) for n in range(8)]
    assert usual_rate(capped) == 0.0
    assert part_trouble(capped[0], 100.0) == ("held by the cap", "held")


def test_bars_are_for_the_worst_and_the_rest_is_summed_up() -> None:
    texts = [line.text for line in active_lines(busy_blob(), 120, 6, UNICODE)]
    assert [text.split()[0] for text in texts[:3]] == ["!", "?", "~"]
    assert "retry 2 of 6 in 3 s (stalled: no byte for 30 s), r now" in texts[0]
    assert "quiet 9 s, reconnect at 30 s" in texts[1]
    assert "retry 3 of 6 in 7 s (503), r now" in texts[2]
    assert texts[5].strip().startswith("+11 healthy, ")
    two = [line.text for line in active_lines(busy_blob(), 120, 2, UNICODE)]
    assert two[1].strip().startswith("+2 more in trouble, +13 healthy")


def test_slow_parts_come_before_healthy_ones() -> None:
    parts = (*(part(n, rate=10.0) for n in range(6)), part(6, rate=1.0), part(7, rate=2.0))
    texts = [
        line.text for line in active_lines(replace(busy_blob(), active=parts, rate=63.0), 100, 2, UNICODE)
    ]
    assert "slow, 0.1 of its siblings" in texts[0]
    assert texts[1].strip() == "+1 slow, +6 healthy, 62 B/s"


def test_all_bars_when_there_is_room() -> None:
    texts = [line.text for line in active_lines(busy_blob(), 120, 16, UNICODE)]
    assert len(texts) == 16 and not any("healthy" in text for text in texts)


@pytest.mark.parametrize("width", [45, 60, 71, 80, 120])
def test_what_is_wrong_is_readable_at_every_width(width: int) -> None:
    texts = [line.text for line in active_lines(busy_blob(), width, 5, UNICODE)]
    assert f"retry 2{'/' if width < 50 else ' of '}6 in 3 s (stalled" in texts[0]
    assert "quiet 9 s, reconnect" in texts[1]
    assert "retry 3 of 6 in 7 s" in texts[2]
    assert "5.60 MB/s" in texts[3]


REASON = "503 Service Unavailable"


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (70, f"retry 3 of 6 in 7 s ({REASON})"),  # beside the details, at 120 columns
        (80, f"retry 3 of 6 in 7 s ({REASON})"),
        (60, "retry 3 of 6 in 7 s (503)"),
        (45, "retry 3 of 6 in 7 s (503)"),
        (120, f"retry 3 of 6 in 7 s ({REASON}), r now"),
    ],
)
def test_the_reason_of_a_wait_is_not_cut(width: int, said: str) -> None:
    waits = part(127, state=PartState.WAITING, attempt=3, attempts=6, wait=7.0, why=REASON)
    (line,) = active_lines(replace(busy_blob(), active=(waits,)), width, 1, UNICODE)
    assert line.text.endswith(said) and cell_len(line.text) <= width


def test_nothing_is_drawn_without_room() -> None:
    assert active_lines(busy_blob(), 80, 0, UNICODE) == []


def test_a_blob_being_verified_shows_the_bar_of_its_hash() -> None:
    blob = replace(busy_blob(), state=BlobState.VERIFYING, active=(), eta=4.0)
    (line,) = active_lines(blob, 100, 8, UNICODE)
    rest = f"{(blob.size - blob.hashed) / 4 / 1e9:.2f} GB/s"
    assert "verifying sha256" in line.text and line.text.endswith(f"64% of 18.7 GB, {rest}, 4s left")
    (narrow,) = active_lines(blob, 45, 8, UNICODE)
    assert "verifying" in narrow.text and "64%" in narrow.text and cell_len(narrow.text) <= 45


def test_a_repair_shows_its_hash_and_the_parts_that_come_again() -> None:
    blob = replace(busy_blob(), state=BlobState.REPAIRING)
    texts = [line.text for line in active_lines(blob, 80, 3, UNICODE)]
    assert "repairing sha256" in texts[0] and "130" in texts[1] and len(texts) == 3


@pytest.mark.parametrize(
    ("parts", "room", "scale"),
    [
        (188, 118 * 3, "1 cell = 1 part"),
        (188, 78 * 2, "1 cell = 2 parts"),
        (3000, 118 * 3, "1 cell = 9 parts"),
    ],
)
def test_the_title_says_what_a_cell_is(parts: int, room: int, scale: str) -> None:
    text = "".join(span.text for span in title_facts("", busy_blob(parts, 100 * MB), room, 114, UNICODE))
    assert scale in text and f"{parts} parts of 100 MB" in text


def test_one_part_fills_the_map() -> None:
    one = part_map([PartState.RECEIVING], [5_000_000_000], [2_500_000_000])
    spans = title_facts("m", replace(busy_blob(), map=one), 80, 114, UNICODE)
    assert "1 cell = 62.5 MB" in "".join(span.text for span in spans)
    assert map_lines(map_cells(one, 80), 80, UNICODE)[0].text == " " + "█" * 40 + "▶" + "·" * 39


def test_a_map_takes_no_more_lines_than_it_fills() -> None:
    for parts, cells, lines in ((160, 300, 3), (50, 60, 1)):
        whole = part_map([PartState.DONE] * parts, [10] * parts, [10] * parts)
        assert len(map_lines(map_cells(whole, cells), 60, UNICODE)) == lines


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_the_legend_names_all_states_from_80_columns_on(glyphs: Glyphs) -> None:
    for width in range(80, 140):
        text = legend_line(width, glyphs, ()).text
        assert cell_len(text) <= width
        assert all(word in text for word in ("done", "partial", "next", "receiving", "quiet", "todo"))


def test_a_narrow_legend_names_what_is_there_trouble_first() -> None:
    text = legend_line(50, UNICODE, set(PartState)).text
    assert cell_len(text) <= 50
    assert all(word in text for word in ("! stalled", "? quiet", "~ retry", "✗ failed"))
    assert legend_line(50, UNICODE, {PartState.DONE, PartState.TODO}).text == " █ done · todo"


HOST = "cannot reach cdn.example (connection refused)"


def test_a_reason_that_many_share_is_told_once() -> None:
    held = tuple(part(n, PartState.WAITING, wait=1.6, why=HOST) for n in range(17))
    blob = replace(busy_blob(), active=(*held, part(90, rate=5.0)))
    texts = [line.text for line in active_lines(blob, 118, 12, UNICODE)]
    assert texts[0] == f" ~ 17 parts: {HOST}, next try in 2 s, r now"
    assert len(texts) == 2 and texts[1].split()[:2] == ["▶", "90"]
    above = [line.text for line in active_lines(blob, 118, 12, UNICODE, told=HOST)]
    assert above[0] == " ~ 17 parts wait, next try in 2 s, r now"


def test_tries_of_their_own_keep_their_lines_under_the_reason_they_share() -> None:
    tries = tuple(
        part(n, PartState.WAITING, attempt=1, attempts=6, wait=2.0, why="connection reset") for n in range(4)
    )
    texts = [line.text for line in active_lines(replace(busy_blob(), active=tries), 80, 9, UNICODE)]
    assert texts[0] == " ~ 4 parts: connection reset" and len(texts) == 5
    assert all(text.endswith("retry 1 of 6 in 2 s, r now") for text in texts[1:])


def test_one_that_connects_is_neither_healthy_nor_receiving() -> None:
    fresh = part(1, begun=False)
    assert part_trouble(fresh, 100.0) == ("connecting", "wait")
    again = part(1, begun=False, attempt=2, attempts=6, why="reset")
    assert part_trouble(again, 100.0)[0] == "retry 2 of 6 (reset): connecting"
    blob = replace(busy_blob(), rate=0.0, active=(*(part(n, begun=False) for n in range(38)), part(40)))
    assert active_lines(blob, 80, 1, UNICODE)[0].text.strip() == "+38 connecting, +1 healthy"


def test_a_silence_says_what_comes_of_it() -> None:
    quiet = part(1, PartState.QUIET, silent=2.2, stall_after=30.0, takeover=3.0)
    assert part_trouble(quiet, 0.0)[0] == "quiet 2 s, another connection takes over at 3 s"
    for width in (50, 60, 80):
        (line,) = active_lines(replace(busy_blob(), active=(quiet,)), width, 1, UNICODE)
        assert line.text.endswith("at 3 s")


def test_the_speeds_of_a_blob_add_up() -> None:
    blob = replace(busy_blob(troubled=False), rate=100e6)
    lines = [line.text for line in active_lines(blob, 80, 5, UNICODE)]
    first = sum(each.rate for each in sorted(blob.active, key=lambda each: each.n)[:4])
    assert lines[4].strip() == f"+12 healthy, {(100e6 - first) / 1e6:.1f} MB/s"


def test_a_cell_of_less_than_a_byte_has_no_size() -> None:
    one = part_map([PartState.RECEIVING], [37], [10])
    text = "".join(span.text for span in title_facts("m", replace(busy_blob(), map=one), 68, 114, UNICODE))
    assert "cell" not in text
