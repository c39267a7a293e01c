"""The panel at every size, in every state, in every pane."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from pulltui.engine.views import BlobState, Event, EventKind, PullState, PullView
from pulltui.ui.diary import Entry
from pulltui.ui.draw.detail import Look
from pulltui.ui.draw.panel import SIDE_BY_SIDE, Pane, Subject, label_at, panel_lines, panes
from pulltui.ui.glyphs import ASCII, UNICODE, Glyphs
from pulltui.ui.rows import of_interest, rows
from rich.cells import cell_len
from support.scenes import busy_blob, busy_pull, digest, pull, queue, view

EVENTS = [
    Event(seq=1, at=1.0, kind=EventKind.ADDED, pull="pull1", name="qwen3:32b"),
    Event(
        seq=2, at=2.0, kind=EventKind.RESOLVED, pull="pull1", name="qwen3:32b", blobs=5, size=18_700_000_000
    ),
    Event(
        seq=3,
        at=95.0,
        kind=EventKind.STALLED,
        pull="pull1",
        digest=digest(1),
        part=130,
        attempt=2,
        attempts=6,
        wait=3.0,
        why="no byte for 30 s",
    ),
]
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
ENTRIES = [Entry(event, NOON) for event in EVENTS]


def subject(shown: PullView) -> Subject:
    scene = replace(queue(), pulls=(shown,))
    return Subject(scene, shown, of_interest(rows([shown])[0]), ENTRIES, NOON.date())


def drawn(
    shown: PullView, width: int, height: int, pane: Pane = Pane.ALL, glyphs: Glyphs = UNICODE
) -> list[str]:
    lines = panel_lines(subject(shown), pane, width, height, Look(glyphs, {}))
    return [line.text for line in lines]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("pane", Pane)
def test_it_keeps_within_every_size(pane: Pane, glyphs: Glyphs) -> None:
    for width in (40, 45, 60, 80, 116, 200):
        for height in (0, 1, 3, 6, 12, 30):
            for shown in queue().pulls:
                texts = drawn(shown, width, height, pane, glyphs)
                assert len(texts) <= height
                assert all(cell_len(text) <= width for text in texts), (width, height, texts)
                assert glyphs is UNICODE or all(text.isascii() for text in texts)


@pytest.mark.parametrize("height", [3, 6, 12, 20])
@pytest.mark.parametrize("width", [45, 80, 120])
def test_trouble_is_seen_at_every_size(width: int, height: int) -> None:
    text = "\n".join(drawn(busy_pull(), width, height))
    assert "stalled" in text or "more in trouble" in text or height == 3


def test_wide_shows_parts_details_and_log_at_once() -> None:
    text = "\n".join(drawn(busy_pull(), 120, 22))
    assert "retry 2 of 6 in 3 s (stalled" in text
    assert "sha256:9e3779b" in text
    assert "12:00:00  part 130: no byte for 30 s, retry" in text
    assert " details " in text and " log " in text


def test_narrow_shows_one_pane_and_names_all() -> None:
    texts = drawn(busy_pull(), 80, 12)
    assert texts[0].endswith("[parts] details  log  ─")
    assert not any("sha256" in text for text in texts)
    assert any("sha256" in text for text in drawn(busy_pull(), 80, 12, Pane.DETAILS))
    assert any("no byte for 30 s" in text for text in drawn(busy_pull(), 80, 12, Pane.LOG))


def test_panes_side_by_side_are_a_pane_of_their_own() -> None:
    assert panes(SIDE_BY_SIDE)[0] is Pane.ALL
    assert Pane.ALL not in panes(SIDE_BY_SIDE - 1)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("width", [80, 130])
@pytest.mark.parametrize("shown", [Pane.PARTS, Pane.DETAILS, Pane.LOG])
def test_the_names_of_panes_are_where_a_click_finds_them(shown: Pane, width: int, glyphs: Glyphs) -> None:
    title = drawn(busy_pull(), width, 8, shown, glyphs)[0]
    for pane in panes(width):
        assert label_at(shown, width, title.rindex(pane.value), glyphs) is pane
    assert label_at(shown, width, 0, glyphs) is None


def test_a_very_narrow_title_counts_the_panes_and_a_click_goes_on() -> None:
    title = drawn(busy_pull(), 50, 8)[0]
    assert title.endswith(" parts 1/3 ─")
    assert label_at(Pane.PARTS, 50, title.index("1/3"), UNICODE) is Pane.DETAILS
    assert label_at(Pane.LOG, 50, title.index("1/3"), UNICODE) is Pane.PARTS


def test_the_map_gives_way_to_the_bars() -> None:
    texts = drawn(busy_pull(), 80, 5)
    assert sum("█" in text for text in texts) == 1
    assert "+14 healthy" in texts[-1] or "healthy" in texts[-1]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_title_says_what_a_cell_is(width: int) -> None:
    assert "1 cell = " in drawn(busy_pull(), width, 12)[0]


def test_a_large_panel_has_a_larger_map() -> None:
    many = replace(busy_pull(), blobs=(busy_blob(3000, 16_000_000),))
    assert sum("█" in text for text in drawn(many, 100, 30)[:6]) > 1


def test_what_is_verified_shows_its_hash_and_no_map() -> None:
    blob = replace(busy_blob(), state=BlobState.VERIFYING, active=())
    shown = replace(busy_pull(), state=PullState.VERIFYING, blobs=(blob,))
    texts = drawn(shown, 80, 10)
    assert "digest is checked" in texts[1]
    assert texts[2].startswith(" verifying sha256 ╍")
    assert not any("█" in text for text in texts)


def test_a_pull_without_blobs_shows_its_name() -> None:
    texts = drawn(pull(1, "m:latest", PullState.RESOLVING, 0, 0), 80, 6)
    assert "m:latest" in texts[0]
    assert texts[1].strip() == "asking registry.ollama.ai what belongs to it"


def test_one_line_is_for_what_is_wrong() -> None:
    failed = queue().pulls[6]
    assert "refused blob" in drawn(failed, 80, 1)[0]


def test_nothing_selected_is_the_empty_queue() -> None:
    lines = panel_lines(Subject(view()), Pane.ALL, 80, 8, Look(UNICODE, {}))
    assert lines[1].text.strip() == "Nothing queued."


@pytest.mark.parametrize("width", [72, 80, 120])
def test_the_legend_explains_every_glyph_of_the_map(width: int) -> None:
    shown = busy_pull()
    blob = of_interest(rows([shown])[0])
    assert blob is not None and blob.map is not None
    texts = drawn(shown, width, 12, Pane.PARTS)
    legend = next(text for text in texts if "receiving" in text)
    drawn_map = "".join(texts[1 : texts.index(legend)])
    assert all(glyph in legend for glyph in set(drawn_map) - {" "}), (drawn_map, legend)


def test_why_a_pull_failed_is_read_in_full_before_there_is_a_map() -> None:
    error = "the registry refused the blob at part 83 (403 Forbidden) " + "and gave no reason for that " * 5
    hint = "The registry may want a login: write one into the settings, and try again after that."
    failed = pull(1, "m", PullState.FAILED, 10**9, 5 * 10**8, error=error.strip(), hint=hint)
    lines = [line.text for line in panel_lines(subject(failed), Pane.PARTS, 60, 9, Look(UNICODE, {}))]
    told = " ".join(" ".join(line.strip() for line in lines).split())
    assert len(lines) <= 9 and error.strip() in told and hint in told and "tries again" in told
