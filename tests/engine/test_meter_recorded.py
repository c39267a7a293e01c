"""Speed and time left on what was recorded of real pulls: steady ones, bursts, a silence, a pause."""

from __future__ import annotations

from itertools import pairwise

import pytest
from pulltui.engine.meter import Meter, time_left
from pulltui.engine.tuning import Tuning
from support.recorded import BURSTS, RESUMED, STALLED, STEADY, Recorded

WINDOW = Tuning().rate_window
SAMPLE = 0.41
"""Seconds between two samples, at most."""


def bytes_at(recorded: Recorded, at: float) -> float:
    """How many bytes had come by a moment, between two samples in a straight line."""
    for (sooner, few), (later, many) in pairwise(recorded):
        if sooner <= at <= later:
            return 1000 * (few + (many - few) * (at - sooner) / (later - sooner))
    raise ValueError(f"{at} s was not recorded")


def rates(recorded: Recorded, *, cleared_at: float | None = None) -> dict[float, float]:
    """The speed shown at each moment; the meter is cleared when the pull goes on after a pause."""
    meter = Meter(WINDOW)
    shown = {}
    for at, kb in recorded:
        if at == cleared_at:
            meter.clear()
        meter.sample(at, kb * 1000)
        shown[at] = meter.rate(at, kb * 1000)
    return shown


@pytest.mark.parametrize("recorded", [STEADY, BURSTS, STALLED], ids=["steady", "bursts", "stalled"])
def test_the_speed_is_that_of_the_last_seconds(recorded: Recorded) -> None:
    compared = 0
    for at, rate in rates(recorded).items():
        if at >= recorded[0][0] + WINDOW + SAMPLE:
            # The window begins with a sample, which may be one older than it should be.
            spans = (WINDOW, WINDOW + SAMPLE)
            true = [(bytes_at(recorded, at) - bytes_at(recorded, at - span)) / span for span in spans]
            assert 0.95 * min(true) <= rate <= 1.05 * max(true), at
            compared += 1
    assert compared > 15


def test_before_the_window_is_full_the_speed_is_that_since_the_start() -> None:
    shown = rates(STEADY)
    for at in [at for at, _ in STEADY[3:10]]:
        assert shown[at] == pytest.approx(10_000_000, rel=0.05)


def test_after_a_silence_as_long_as_the_window_there_is_no_speed_and_no_time_left() -> None:
    shown = rates(STALLED)
    silent = [at for at in shown if 3.5 + WINDOW < at < 10]
    assert silent
    for at in silent:
        assert shown[at] == 0.0
        assert time_left(10_000_000, shown[at]) is None
    before = [at for at in shown if 3.2 < at < 3 + WINDOW - 0.5]
    assert all(later < sooner for sooner, later in pairwise(shown[at] for at in before)), "it falls evenly"


def test_after_a_pause_the_speed_is_that_since_it_goes_on() -> None:
    shown = rates(RESUMED, cleared_at=9.01)
    after = [at for at in shown if at > 9.5]
    for at in after[:-1]:
        assert shown[at] == pytest.approx(10_000_000, rel=0.05), (
            "neither the pause nor what was before counts"
        )


def test_the_time_left_of_a_steady_pull_is_right_after_its_first_tenth() -> None:
    size = STEADY[-1][1] * 1000
    ended = next(at for at, kb in STEADY if kb * 1000 == size)
    compared = 0
    for at, rate in rates(STEADY).items():
        done = bytes_at(STEADY, at)
        if 0.1 * size <= done <= 0.9 * size:
            left = time_left(round(size - done), rate)
            assert left == pytest.approx(ended - at, rel=0.15), at
            compared += 1
    assert compared > 20
