"""Two minutes of a busy screen on a real terminal: memory and a frame's cost stay what they were."""

from __future__ import annotations

import pytest
from bench.screen import soak

GROWTH = 4_000_000
"""Bytes that caches may still take after the first quarter."""


@pytest.mark.long
def test_two_minutes_of_a_busy_screen_cost_no_more_at_their_end() -> None:
    report = soak(2.0)
    assert report["hz"] > 5, "it kept drawing"
    assert report["rss_last"] - report["rss_first"] <= GROWTH
    assert report["last_tick"] <= 1.5 * report["first_tick"]
