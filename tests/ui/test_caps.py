"""Steps of caps, and caps as they are typed."""

from __future__ import annotations

import msgspec
import pytest
from pulltui.engine.views import EngineView
from pulltui.ui.caps import NO_CAP, STEPS, higher, in_force, lower, parse_cap
from pulltui_config.units import KB, MB, UnitError


def test_down_goes_to_the_next_step_and_ends_at_the_lowest() -> None:
    assert lower(20 * MB, 1.0) == 10 * MB
    assert lower(12 * MB, 1.0) == 10 * MB
    assert lower(STEPS[0], 1.0) == STEPS[0]


def test_the_first_step_down_is_felt_at_once() -> None:
    assert lower(None, 84 * MB) == 50 * MB
    assert lower(None, 0.0) == 50 * MB, "nothing comes just now"


def test_up_goes_to_the_next_step_and_then_there_is_none() -> None:
    assert higher(10 * MB) == 20 * MB
    assert higher(0) == 100 * KB
    assert higher(STEPS[-1]) == NO_CAP
    assert higher(None) == NO_CAP


def test_what_counts_as_no_cap() -> None:
    view = EngineView()
    assert in_force(view) is None
    assert in_force(msgspec.structs.replace(view, limit=NO_CAP)) is None
    assert in_force(msgspec.structs.replace(view, limit=0)) == 0


@pytest.mark.parametrize(
    ("text", "rate"),
    [("5 MB/s", 5 * MB), ("500k", 500 * KB), ("", None), (" 0 ", None), ("unlimited", None)],
)
def test_what_people_type(text: str, rate: float | None) -> None:
    assert parse_cap(text) == rate


@pytest.mark.parametrize("text", ["5", "fast", "10 B/s", "-1 MB/s"])
def test_what_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        parse_cap(text)
