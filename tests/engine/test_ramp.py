from __future__ import annotations

from collections.abc import Callable

import pytest
from pulltui.engine.ramp import Phase, Ramp

STEP, FIRST, LAST = 0.5, 10.0, 60.0
MB = 1_000_000


class Link:
    """Connections over a link: `rate(n)` bytes a second with n of them, `breaks(n)` a second."""

    def __init__(self, rate: Callable[[int], float], most: int = 64) -> None:
        self.rate = rate
        self.breaks: Callable[[int], float] = lambda count: 0.0
        self.most = most
        self.now = 0.0
        self.received = 0.0
        self.broken = 0.0
        self.held = False
        self.ramp = Ramp(
            0.0,
            lambda: self.most,
            first=STEP / 2,
            step=lambda: STEP,
            probe_first=FIRST,
            probe_last=LAST,
        )
        self.counts = [self.ramp.wanted]

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            count = self.ramp.wanted
            self.received += self.rate(count) * 0.1
            self.broken += self.breaks(count) * 0.1
            in_use = count if self.received else 0
            self.ramp.look(self.now, int(self.received), int(self.broken), in_use, held=self.held)
            if self.ramp.wanted != self.counts[-1]:
                self.counts.append(self.ramp.wanted)


def test_it_doubles_while_that_pays_and_goes_back_when_it_does_not() -> None:
    link = Link(lambda count: min(10 * MB * count, 320 * MB))
    link.run(3)
    assert link.counts == [8, 16, 32, 64, 32]
    assert link.ramp.phase is Phase.SETTLED
    assert link.ramp.why == "settled at 32 (no faster with 64)"


def test_slow_connections_grow_fourfold() -> None:
    link = Link(lambda count: min(2 * MB * count, 64 * MB))
    link.run(0.7)
    assert link.ramp.why == "growing: 32 (2.0 MB/s each)"
    link.run(3)
    assert link.counts == [8, 32, 64, 32]


def test_where_the_first_byte_takes_long_it_begins_with_more() -> None:
    link = Link(lambda count: 0 if link.now < 0.45 else min(5 * MB * count, 160 * MB))
    link.run(0.1)
    assert link.counts == [8]
    link.run(0.2)
    assert link.counts == [8, 16]
    assert link.ramp.why == "beginning with 16, as the first byte takes long"
    link.run(5)
    assert link.counts == [8, 16, 64], "four times as many slow ones, which is all there may be"


@pytest.mark.parametrize(
    ("most", "why"), [(4, "beginning with 8"), (8, "beginning with 8"), (12, "beginning with 12, as")]
)
def test_it_does_not_begin_with_more_than_there_may_be(most: int, why: str) -> None:
    link = Link(lambda count: 0, most)
    link.run(1)
    assert link.counts[-1] == most
    assert link.ramp.why.startswith(why)


def test_what_comes_before_the_first_look_takes_no_time() -> None:
    link = Link(lambda count: 0)
    link.now = 5.0
    link.run(0.1)
    assert link.counts == [8]


def test_what_is_held_back_has_no_late_first_byte() -> None:
    link = Link(lambda count: 0)
    link.held = True
    link.run(5)
    link.held = False
    link.run(0.1)
    assert link.counts == [8]


def test_a_link_that_begins_to_bring_something_is_told_in_words() -> None:
    link = Link(lambda count: 0 if count == 8 else 2 * MB * count)
    link.received, link.held = 1, True
    link.run(0.1)
    link.held = False
    link.run(1.1)
    assert link.ramp.why == "growing: 64 (nothing came with 8)"


def test_a_link_that_one_connection_fills_keeps_what_it_began_with() -> None:
    link = Link(lambda count: 100 * MB)
    link.run(5)
    assert link.counts == [8, 16, 8]


@pytest.mark.parametrize("most", [1, 4, 8])
def test_it_stays_within_what_there_may_be(most: int) -> None:
    link = Link(lambda count: 5 * MB * count, most)
    link.run(30)
    assert max(link.counts) == most
    assert link.ramp.why == f"settled at {most} (all there may be)"


def test_a_bound_that_falls_counts_at_once() -> None:
    link = Link(lambda count: 5 * MB * count)
    link.run(1.5)
    link.most = 4
    assert link.ramp.wanted == 4


def test_a_bound_that_rises_lets_it_grow_on() -> None:
    link = Link(lambda count: 5 * MB * count, most=4)
    link.run(2)
    link.most = 16
    link.run(2)
    assert link.counts[-1] == 16


def test_it_probes_again_and_finds_that_the_link_has_grown() -> None:
    width = 40 * MB
    link = Link(lambda count: min(5 * MB * count, width))
    link.run(5)
    assert link.ramp.wanted == 8
    width = 160 * MB
    link.run(FIRST + 5)
    assert link.ramp.wanted >= 24


def test_probes_that_find_nothing_become_rarer() -> None:
    link = Link(lambda count: 40 * MB)
    link.run(200)
    probes = link.counts.count(12)
    assert 2 <= probes <= 6
    assert link.ramp.wanted == 8


def test_what_our_cap_or_a_busy_host_holds_back_says_nothing() -> None:
    link = Link(lambda count: 5 * MB * count)
    link.held = True
    link.run(10)
    assert link.counts == [8]
    link.held = False
    link.run(3)
    assert link.ramp.wanted == 64


def test_more_breaks_with_more_connections_end_the_growth() -> None:
    link = Link(lambda count: 10 * MB * count)
    link.breaks = lambda count: 0 if count <= 16 else 30
    link.run(5)
    assert link.counts == [8, 16, 32, 16]
    assert link.ramp.why == "settled at 16 (more breaks with 32)"


def test_a_few_breaks_where_there_were_none_are_chance() -> None:
    """The first connections are old enough by then to break; a third of all would be a reason."""
    link = Link(lambda count: min(5 * MB * count, 160 * MB))
    link.breaks = lambda count: 0 if count <= 8 else 16
    link.run(1.2)
    assert link.counts == [8, 32, 64]


def test_breaks_that_come_with_the_bytes_are_no_reason() -> None:
    link = Link(lambda count: min(5 * MB * count, 160 * MB))
    link.breaks = lambda count: min(5 * count, 160) / 8  # one every 8 MB
    link.run(5)
    assert link.ramp.wanted == 32


def test_a_step_is_measured_only_while_most_connections_receive() -> None:
    ramp = Ramp(0.0, lambda: 64, first=STEP, step=lambda: STEP, probe_first=FIRST, probe_last=LAST)
    for tenth in range(1, 30):  # three have no byte yet
        ramp.look(tenth / 10, tenth * MB, 0, 5, held=False)
    assert ramp.wanted == 8


def test_a_number_that_brings_less_is_told_in_words() -> None:
    link = Link(lambda count: (100 if count == 8 else 90) * MB)
    link.run(5)
    assert link.ramp.why == "settled at 8 (no faster with 16)"
    link = Link(lambda count: (100 if count == 8 else 110) * MB)
    link.run(5)
    assert link.ramp.why == "settled at 8 (only 10% faster with 16)"


def settled_at_32(breaks: float = 0.0) -> Link:
    """160 MB/s, after some seconds; `breaks` a second, whatever the number."""
    link = Link(lambda count: min(5 * MB * count, 160 * MB))
    link.breaks = lambda count: breaks
    link.run(8)
    assert link.ramp.wanted == 32
    return link


def test_a_settled_number_is_halved_when_many_more_break() -> None:
    """The server has come to mind more than sixteen."""
    link = settled_at_32()
    link.rate = lambda count: 80 * MB
    link.breaks = lambda count: 20 if count > 16 else 0
    link.run(10)
    assert link.counts[-1] == 16
    assert link.ramp.why == "settled at 16 (more breaks with 32 than before)"
    del link.counts[:-1]
    link.run(60)
    assert set(link.counts) == {24, 16}, "probes see it, too"


def test_breaks_that_fewer_connections_do_not_ease_are_not_their_number() -> None:
    """The network has become bad: that is no reason to use less of it."""
    link = settled_at_32()
    link.breaks = lambda count: 20
    link.run(15)
    assert link.counts[-2:] == [16, 32]
    assert link.ramp.why == "settled at 32 (as many break with fewer)"
    link.run(60)
    assert link.counts.count(16) == 1


def test_breaks_that_were_there_from_the_beginning_are_no_reason() -> None:
    link = settled_at_32(breaks=20)
    link.run(60)
    assert min(link.counts[3:]) >= 32


def test_breaks_that_come_with_longer_runs_are_no_reason() -> None:
    """While the number grows runs are short, and get away."""
    link = Link(lambda count: min(5 * MB * count, 160 * MB))
    link.breaks = lambda count: 20 if link.ramp.phase is not Phase.GROWING else 0
    link.run(60)
    assert min(link.counts[3:]) >= 32


def test_a_few_breaks_are_chance() -> None:
    """All at once, such as when a server is started anew, or now and then."""
    link = settled_at_32()
    link.broken += 32
    link.run(1)
    link.breaks = lambda count: 0.5
    link.run(8)
    assert link.ramp.wanted == 32
    assert 16 not in link.counts[4:]
