import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.demo.link import CATCH_UP, Pace


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(0, 2)), min_size=1, max_size=50))
def test_never_more_than_the_rate_and_a_little_catching_up(steps: list[tuple[int, float]]) -> None:
    pace, now, sent = Pace(1000.0), 0.0, 0
    for size, idle in steps:
        now += idle + pace.reserve(size, now + idle)
        assert sent <= 1000 * (now + CATCH_UP) + 1e-3
        sent += size


def test_it_keeps_the_rate_when_asked_without_a_pause() -> None:
    pace, now = Pace(2_000_000.0), 50.0
    for _ in range(1000):
        now += pace.reserve(20_000, now)
    assert now - 50.0 == pytest.approx(10.0, abs=0.05)


def test_two_who_share_it_take_turns() -> None:
    pace = Pace(1000.0)
    waits = [pace.reserve(100, 10.0) for _ in range(6)]
    assert waits == pytest.approx([0.0, 0.08, 0.18, 0.28, 0.38, 0.48])
