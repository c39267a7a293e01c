"""What is usual among a pull's connections, and how much one of them asks for: arithmetic on a fake clock."""

from __future__ import annotations

import pytest
from pulltui.engine.pace import GUESS, Pace

MB = 1_000_000


class World:
    """A pace, and the time it is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.draw = 1.0
        self.pace = Pace(lambda: self.now, lambda low, high: low + self.draw * (high - low), 5.0, 6.0)


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_is_usual_as_long_as_there_is_little_to_tell_from(world: World) -> None:
    world.pace.look([5 * MB, 7 * MB])
    assert world.pace.usual.rate == 0
    world.pace.look([5 * MB, 7 * MB, 6 * MB])
    assert world.pace.usual.rate == 6 * MB


def test_runs_that_ended_count_beside_those_that_crawl(world: World) -> None:
    """Those that are fast come to their ends: looking at connections alone shows only the slow ones."""
    for _ in range(8):
        world.pace.ended(10 * MB, 0.5)
    world.pace.look([0.2 * MB] * 6)
    assert world.pace.usual.rate == 20 * MB
    world.now = 5.1
    world.pace.look([0.2 * MB] * 6)
    assert world.pace.usual.rate == 0.2 * MB, "that was long ago"


def test_where_there_are_few_connections_what_ended_counts_for_longer(world: World) -> None:
    """One run after the other, each of six seconds: in five of them at most one comes to its end."""
    for _ in range(4):
        world.now += 6.0
        world.pace.ended(120 * MB, 6.0)
    world.now += 5.0
    world.pace.look([0.2 * MB])
    assert world.pace.lately == [20 * MB] * 3
    assert world.pace.usual.rate == 20 * MB
    world.pace.look([0.2 * MB] * 3)
    assert world.pace.lately == [20 * MB], "three tell without those"
    world.now += 20.0
    world.pace.look([0.2 * MB])
    assert world.pace.lately == [], "the line may have become slow"


def test_short_runs_say_nothing(world: World) -> None:
    for _ in range(8):
        world.pace.ended(100_000, 0.001)
    assert world.pace.lately == []


def test_what_is_asked_for_before_anything_is_known(world: World) -> None:
    assert world.pace.run_size(1000 * MB, 0.0, 8, growing=True) == 6 * GUESS
    assert world.pace.run_size(16 * MB, 0.0, 8, growing=True) == 1 * MB, "all have something to do"


def test_a_run_lasts_six_seconds_and_all_end_together(world: World) -> None:
    world.pace.first_byte(0.01)
    world.pace.look([])
    assert world.pace.run_size(100_000 * MB, 5 * MB, 64, growing=False) == 30 * MB
    assert world.pace.run_size(100_000 * MB, 5 * MB, 64, growing=True) == 10 * MB
    assert world.pace.run_size(1280 * MB, 5 * MB, 64, growing=False) == 10 * MB
    assert world.pace.run_size(0, 5 * MB, 64, growing=False) >= 1


def test_a_run_is_worth_its_first_byte(world: World) -> None:
    for _ in range(3):
        world.pace.first_byte(0.25)
    world.pace.look([])
    assert world.pace.run_size(10 * MB, 20 * MB, 8, growing=False) == 20 * MB


@pytest.mark.parametrize("growing", [False, True])
def test_it_is_also_where_that_takes_longer_than_runs_do(world: World, *, growing: bool) -> None:
    for _ in range(3):
        world.pace.first_byte(2.0)
    world.pace.look([])
    assert world.pace.run_size(10_000 * MB, 20 * MB, 4, growing=growing) == 160 * MB


def test_while_there_will_be_more_connections_nobody_takes_more_than_a_share(world: World) -> None:
    """What is known is the speed of the first ones, which had the link to themselves."""
    for _ in range(3):
        world.pace.first_byte(0.4)
    world.pace.look([])
    assert world.pace.run_size(960 * MB, 40 * MB, 16, growing=True) == 30 * MB
    assert world.pace.run_size(960 * MB, 40 * MB, 16, growing=False) == 64 * MB


def test_runs_are_of_different_lengths(world: World) -> None:
    """All connections begin together, and would end together."""
    world.pace.look([5 * MB] * 3)
    world.pace.first_byte(0.0)
    sizes = []
    for world.draw in (0.0, 0.5, 1.0):
        sizes.append(world.pace.run_size(10_000 * MB, 5 * MB, 8, growing=False))
    assert sizes == pytest.approx([20 * MB, 25 * MB, 30 * MB])
