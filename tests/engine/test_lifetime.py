"""How long addresses are good: arithmetic with the time passed in."""

from __future__ import annotations

import pytest
from pulltui.engine.lifetime import Lifetime


@pytest.fixture
def lifetime() -> Lifetime:
    """Of addresses that are good for ten seconds, with one that was told a hundred seconds ago."""
    lifetime = Lifetime()
    lifetime.told(50.0)
    for age in range(11):
        lifetime.good(50.0 + age)
    lifetime.stale()
    lifetime.told(100.0)
    return lifetime


def test_nobody_knows_before_one_went_stale() -> None:
    lifetime = Lifetime()
    assert not lifetime.ends(1e9, 1.0)
    lifetime.told(0.0)
    lifetime.good(3600.0)
    assert not lifetime.ends(1e9, 1.0)


def test_the_next_one_is_due_before_this_one_goes_stale(lifetime: Lifetime) -> None:
    assert not lifetime.ends(108.9, 0.0)
    assert lifetime.ends(109.1, 0.0)


def test_it_is_due_sooner_where_the_registry_takes_long(lifetime: Lifetime) -> None:
    assert not lifetime.ends(104.9, 4.0)
    assert lifetime.ends(105.1, 4.0)


@pytest.mark.parametrize("age", [None, 0.0, 0.9])
def test_one_that_was_never_good_for_long_tells_nothing_of_their_age(age: float | None) -> None:
    lifetime = Lifetime()
    lifetime.told(50.0)
    if age is not None:
        lifetime.good(50.0 + age)
    lifetime.stale()
    lifetime.told(60.0)
    assert not lifetime.ends(1e9, 0.0)


def test_the_last_one_that_went_stale_counts(lifetime: Lifetime) -> None:
    lifetime.good(104.0)
    lifetime.stale()
    lifetime.told(200.0)
    assert lifetime.ends(203.7, 0.0)
