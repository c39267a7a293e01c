from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.backoff import backoff, doubling


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def test_a_part_waits_the_square_of_its_failures_up_to_the_cap() -> None:
    waits = [backoff(failures, 0.1, 10.0, middle) for failures in (1, 2, 3, 9, 10, 11, 1000)]
    assert [round(wait, 6) for wait in waits] == [0.1, 0.4, 0.9, 8.1, 10.0, 10.0, 10.0]


@given(st.integers(1, 10_000), st.floats(0.001, 1), st.floats(0.1, 600), st.integers())
def test_chance_spreads_a_wait_between_half_and_one_and_a_half(
    failures: int, base: float, cap: float, seed: int
) -> None:
    wait = backoff(failures, base, cap, random.Random(seed).uniform)
    plain = backoff(failures, base, cap, middle)
    assert plain * 0.5 <= wait <= plain * 1.5


def test_doubling_ends_at_its_last_value_however_often() -> None:
    assert [doubling(times, 1, 5) for times in (0, 1, 2, 3, 10_000)] == [1, 2, 4, 5, 5]
