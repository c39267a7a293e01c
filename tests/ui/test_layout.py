from __future__ import annotations

import pytest
from pulltui.ui.layout import TINY_HEIGHT, arrange, is_tiny


def test_what_is_tiny() -> None:
    assert is_tiny(40, 8) and is_tiny(44, 30) and is_tiny(120, 11)
    assert not is_tiny(45, 12)


@pytest.mark.parametrize("height", range(TINY_HEIGHT, 70))
@pytest.mark.parametrize("rows", [0, 3, 50])
@pytest.mark.parametrize("panel", [True, False])
def test_all_lines_are_given_and_none_twice(height: int, rows: int, panel: bool) -> None:
    for detail in (1, 2):
        heights = arrange(height, rows=rows, detail=detail, panel=panel)
        assert sum(heights) + 2 == height
        assert min(heights) >= 0
        assert heights.pulls >= (2 if rows else 1)
        assert not panel or not rows or heights.parts >= 1


def test_a_short_list_leaves_its_lines_to_the_bars() -> None:
    assert arrange(36, rows=3, detail=1, panel=True).parts > arrange(36, rows=30, detail=1, panel=True).parts
