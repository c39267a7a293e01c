from __future__ import annotations

import pytest
from pulltui.ui.layout import TINY_HEIGHT, arrange, is_tiny, tiny_rows


def test_what_is_tiny() -> None:
    assert is_tiny(40, 8) and is_tiny(44, 30) and is_tiny(120, 11)
    assert not is_tiny(45, 12)


def test_a_tiny_screen_has_a_summary_the_list_and_the_keys() -> None:
    assert tiny_rows(40, 8) == 6 and tiny_rows(44, 3) == 1
    assert tiny_rows(40, 2) == tiny_rows(40, 1) == tiny_rows(20, 8) == 0


@pytest.mark.parametrize("rows", [0, 3, 50])
@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("large", [True, False])
def test_all_lines_are_given_and_none_twice(rows: int, parts: bool, large: bool) -> None:
    for height in range(TINY_HEIGHT, 70):
        heights = arrange(height, rows=rows, parts=parts, large=large)
        assert sum(heights) + 3 == height
        assert min(heights) >= 0
        assert heights.pulls >= (0 if not rows else 1 if large else 2)
        assert heights.panel >= (4 if parts else 3)


def test_a_short_list_leaves_its_lines_to_the_panel() -> None:
    assert arrange(36, rows=3, parts=True).panel > arrange(36, rows=30, parts=True).panel


def test_a_long_list_gets_what_sentences_do_not_need() -> None:
    assert arrange(36, rows=50, parts=False).pulls > arrange(36, rows=50, parts=True).pulls


def test_an_empty_list_leaves_everything_to_what_to_do() -> None:
    assert arrange(24, rows=0, parts=False) == (0, 0, 21)
