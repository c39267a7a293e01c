"""Two minutes of a busy screen on a real terminal: memory and a frame's cost stay what they were."""

from __future__ import annotations

import pytest
from bench.screen import soak

GROWTH = 4_000_000
"""Bytes that caches may still take after the first quarter."""


@pytest.mark.long
def test_two_minutes_of_a_busy_screen_cost_no_more_at_their_end() -> None:
    report = soak(2.0)
    assert report["drawn"] > 0.9, "it kept drawing"
    assert report["rss_last"] - report["rss_first"] <= GROWTH
    # By a piece of work that is always the same: a machine with more to do is slower at both.
    first, last = (report[f"{quarter}_tick"] / report[f"{quarter}_yard"] for quarter in ("first", "last"))
    assert last <= 1.5 * first
