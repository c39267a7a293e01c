from __future__ import annotations

from pulltui.engine.park import Park
from pulltui.engine.tuning import MIB, Tuning


def test_a_pull_rests_longer_each_time_up_to_a_minute() -> None:
    park = Park(Tuning())
    assert [park.next_pause(0) for _ in range(7)] == [2, 4, 8, 16, 32, 60, 60]


def test_progress_starts_over_and_a_trifle_does_not() -> None:
    park = Park(Tuning())
    pauses = [
        park.next_pause(0),
        park.next_pause(MIB - 1),
        park.next_pause(2 * MIB),
        park.next_pause(2 * MIB),
    ]
    assert pauses == [2, 4, 2, 4]
    park.reset()
    assert park.next_pause(2 * MIB) == 2
