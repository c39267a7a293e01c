"""When one sees whether a fresh address leads elsewhere: arithmetic on times that are passed in."""

from __future__ import annotations

from itertools import pairwise

from pulltui.engine.explore import CRAWL, Explore


def tries(explore: Explore, begin: int, end: int, rate: float) -> list[int]:
    """The seconds at which there is to be a try, with three connections of that speed."""
    return [now for now in range(begin, end) if explore.look(float(now), [rate] * 3)]


def test_tries_become_rarer_while_all_crawl() -> None:
    explore = Explore(3.0)
    assert tries(explore, 0, 10, 2.0 * CRAWL) == []
    assert tries(explore, 10, 100, 0.5 * CRAWL) == [12, 18, 30, 54]
    found = tries(explore, 100, 3000, 0.5 * CRAWL)
    assert {late - early for early, late in pairwise(found[3:])} == {300}


def test_once_all_was_well_for_long_it_begins_anew() -> None:
    explore = Explore(3.0)
    assert tries(explore, 0, 30, 0.5 * CRAWL) == tries(Explore(3.0), 0, 30, 0.5 * CRAWL)
    assert tries(explore, 30, 100, 2.0 * CRAWL) == []
    assert tries(explore, 100, 104, 0.5 * CRAWL) == [102]


def test_most_of_them_must_crawl() -> None:
    explore = Explore(0.0)
    assert not explore.look(0.0, [])
    assert not explore.look(1.0, [0.0, CRAWL, CRAWL])
    assert explore.look(2.0, [0.0, 0.0, CRAWL])


def test_a_moment_without_a_speed_is_not_the_beginning() -> None:
    """Each try takes away the speed of the connection that makes it; there may be no other."""
    explore, found = Explore(3.0), []
    for now in range(100):
        told = now > 0 if not found else now - found[-1] > 1
        if explore.look(float(now), [0.5 * CRAWL] if told else []):
            found.append(now)
    assert found == [3, 9, 21, 45, 93]
