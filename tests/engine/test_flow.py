"""How fast bytes come, beside how fast they came: arithmetic on times that are passed in."""

from __future__ import annotations

import math

from pulltui.engine.flow import Flow

MB = 1_000_000


class Line:
    """Something that bytes come over, looked at ten times a second."""

    def __init__(self) -> None:
        self.flow = Flow(0.4)
        self.now = 0.0
        self.came = 0

    def goes_on(self, seconds: float, rate: float, *, held: bool = False) -> list[bool]:
        """Have bytes come at that speed; whether there was a slump, look by look."""
        found = []
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self.came += int(rate / 10)
            self.flow.look(self.now, self.came, held=held)
            found.append(self.flow.slumps)
        return found


def test_it_is_a_slump_when_bytes_come_far_slower_than_they_did() -> None:
    line = Line()
    assert not any(line.goes_on(5, 100 * MB))
    assert not any(line.goes_on(2, 50 * MB)), "half as fast is not far slower"
    found = line.goes_on(2, 10 * MB)
    assert found.index(True) <= 4, "seen within half a second"
    assert all(found[4:])
    assert not any(line.goes_on(1, 100 * MB)[1:])


def test_what_was_is_forgotten_when_it_does_not_come_back() -> None:
    line = Line()
    line.goes_on(5, 100 * MB)
    found = line.goes_on(20, 10 * MB)
    assert 50 < sum(found) < 120
    assert not any(found[120:])


def test_what_was_held_says_nothing() -> None:
    line = Line()
    line.goes_on(5, 100 * MB)
    assert not any(line.goes_on(2, 1 * MB, held=True))
    assert line.flow.seconds(1) == math.inf
    assert not any(line.goes_on(2, 1 * MB))


def test_a_moment_in_which_nobody_looked_is_no_slump() -> None:
    line = Line()
    line.goes_on(5, 100 * MB)
    line.now += 3.0
    assert not any(line.goes_on(2, 100 * MB))


def test_the_time_left_is_told_from_the_speed_that_was() -> None:
    line = Line()
    assert line.flow.seconds(1) == math.inf, "nobody knows yet"
    line.goes_on(5, 100 * MB)
    assert 1.9 < line.flow.seconds(200 * MB) < 2.1
    line.goes_on(1, 0)
    assert line.flow.seconds(200 * MB) < 3
