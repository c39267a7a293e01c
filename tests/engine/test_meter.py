from __future__ import annotations

import pytest
from pulltui.engine.meter import Meter, time_left


def test_the_speed_is_the_average_over_the_window() -> None:
    meter = Meter(5.0)
    assert meter.rate(0, 0) == 0.0
    for second in range(20):
        meter.sample(second, second * 100)
    assert meter.rate(19, 1900) == pytest.approx(100)
    for second in range(20, 26):
        meter.sample(second, 1900)
    assert meter.rate(25, 1900) == 0.0, "what is older than the window does not count"


def test_the_speed_of_late_is_seen_sooner() -> None:
    meter = Meter(5.0)
    for tenth in range(60):
        meter.sample(tenth / 10, min(tenth, 40) * 10)
    assert meter.rate(5.9, 400) > 60
    assert meter.rate(5.9, 400, over=1.5) == 0.0
    assert meter.rate(5.9, 400, over=3.8) == pytest.approx(50, rel=0.1)
    assert meter.rate(5.9, 400, over=60.0) == meter.rate(5.9, 400), "no longer than the window"


def test_a_late_look_is_no_standstill() -> None:
    meter = Meter(5.0)
    meter.sample(0, 0)
    meter.sample(4, 400)
    assert meter.rate(4, 400, over=2.0) == 100


def test_a_fall_of_the_total_starts_over() -> None:
    meter = Meter(5.0)
    meter.sample(0, 1000)
    meter.sample(1, 2000)
    meter.sample(2, 500)
    assert meter.rate(3, 600) == 100
    meter.clear()
    assert meter.rate(4, 700) == 0.0


def test_many_looks_cost_no_memory() -> None:
    meter = Meter(5.0)
    for look in range(10_000):
        meter.sample(look * 0.001, look)
    assert len(meter._samples) < 120
    assert meter.rate(10.0, 10_000) == pytest.approx(1000, rel=0.05)


def test_time_left() -> None:
    assert time_left(1000, 100) == 10
    assert time_left(0, 0) is None
    assert time_left(0, 100) is None, "what is over needs no time"
    assert time_left(1000, 0) is None
    assert time_left(1000, 0.5) is None
