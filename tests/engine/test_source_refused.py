"""Fresh addresses that are turned away: when that is final, who rests, and where else is asked."""

from __future__ import annotations

import pytest
from pulltui.engine.errors import RefusedError
from pulltui.engine.setbacks import PartSetback, StaleUrl
from support.played_source import World, settled


async def test_two_fresh_addresses_that_are_turned_away_are_final_when_nothing_comes() -> None:
    world = World()
    assert not (await world.turned_away()).alone, "nobody is to wait for the verdict"
    with pytest.raises(RefusedError):
        await world.open()


async def test_elsewhere_is_asked_for_before_the_verdict(world: World) -> None:
    await world.turned_away()
    world.network.turns_away = False
    await (await world.open()).close()
    await world.turned_away()
    await world.turned_away()
    assert world.network.unwanted == [False, True, False, False], "only if nothing comes at all"


async def test_none_is_final_while_another_stream_is_open_or_was_a_moment_ago(world: World) -> None:
    """It may bring nothing just now: a cap holds it, or its connection asks for the next run."""
    stream = await world.open()
    for _ in range(5):
        world.clock.now += 10.0
        assert (await world.turned_away()).alone
    await stream.close()
    world.clock.now += 1.9
    for _ in range(3):
        assert not (await world.turned_away()).alone
        assert world.source.rest, "the blob's, for nothing of it comes"
    world.clock.now += 0.1
    assert not (await world.turned_away()).alone
    with pytest.raises(RefusedError):
        await world.open()


async def test_a_blob_of_which_none_is_taken_rests_while_another_one_comes(world: World) -> None:
    other = World()
    other.source.progress = world.progress
    stream = await other.open()
    for rest in (0.1, 0.2, 0.4):
        assert not (await world.turned_away()).alone, "the next connection would fare no better"
        assert world.source.rest == pytest.approx(rest)
        await world.turned_away()
        assert world.source.rest == pytest.approx(rest), "who asked at the same time tells nothing new"
        world.clock.now += 1.0
    await world.turned_away()
    world.source.retry_now()
    assert not world.source.rest
    world.network.turns_away = False
    await (await world.open()).close()
    await world.turned_away()
    assert world.source.rest == pytest.approx(0.1)
    await stream.close()


async def test_an_address_that_served_is_no_fresh_one_because_another_one_was_asked_for_in_vain(
    world: World,
) -> None:
    await (await world.open()).close()
    world.network.breaks = True
    world.source.refresh(1)
    with pytest.raises(PartSetback):
        await world.open()
    world.clock.now += 1000.0
    world.network.breaks, world.network.refuses = False, True
    world.network.host.clear()
    first, second = world.open(), world.open()
    await settled()
    world.network.host.set()
    for task in (first, second):
        with pytest.raises(StaleUrl):
            await task
    world.network.refuses = False
    await (await world.open()).close()


async def test_one_that_is_good_lets_those_before_it_be_forgotten(world: World) -> None:
    for _ in range(3):
        assert not (await world.turned_away()).alone
        world.network.turns_away = False
        await (await world.open()).close()
        world.clock.now += 2.0


async def test_an_address_that_was_good_and_expired_makes_nobody_wait(world: World) -> None:
    """Nor is it one of two: much time may have passed."""
    await (await world.open()).close()
    world.clock.now += 1000.0
    world.network.refuses = True
    with pytest.raises(StaleUrl) as caught:
        await world.open()
    assert not caught.value.alone
    assert not (await world.turned_away()).alone
    with pytest.raises(RefusedError):
        await world.open()


@pytest.mark.parametrize("serves", [False, True])
async def test_an_edge_that_turns_fresh_addresses_away_counts_as_bad_unless_it_serves_others(
    *, serves: bool
) -> None:
    world = World()
    stream = await world.open()
    world.edges.offered("registry", "elsewhere")
    if not serves:
        await stream.close()
    for _ in range(3):
        await world.turned_away()
    assert world.edges.avoided("host") is not serves
