"""Who asks the registry for an address, and who waits for whom: a source without a network."""

from __future__ import annotations

import asyncio

import pytest
from pulltui.engine.setbacks import PartSetback, StaleUrl
from pulltui.engine.stream import Stream
from support.played_source import World, settled


async def test_others_wait_for_the_first_answer_and_go_there_directly() -> None:
    world = World()
    world.network.registry.clear()
    tasks = [world.open() for _ in range(3)]
    await settled()
    assert world.network.asked == ["registry"]
    world.network.registry.set()
    await asyncio.gather(*tasks)
    assert world.network.asked == ["registry", "host", "host"]


async def test_an_address_that_is_asked_for_on_suspicion_serves_until_there_is_another() -> None:
    world = World()
    await world.open()
    world.source.refresh(1)
    world.network.registry.clear()
    first, *others = [world.open() for _ in range(3)]
    await asyncio.gather(*others)
    assert world.network.asked[1:] == ["registry", "host", "host"], "one asks, the others go on"
    assert not first.done()
    world.network.registry.set()
    await first
    await world.open()
    assert world.network.asked[4:] == ["host"]
    assert world.source.generation == 2


async def test_who_wants_to_go_elsewhere_waits_for_the_other_address() -> None:
    world = World()
    await world.open()
    world.source.refresh(1, 0)
    world.network.registry.clear()
    first, second = world.open(), world.open()
    await second
    assert world.network.asked[1:] == ["registry", "host"]
    world.source.refresh(1, 0)
    third = world.open()
    await settled()
    assert not third.done()
    world.network.registry.set()
    await asyncio.gather(first, third)
    assert world.network.asked[3:] == ["host"]


async def test_a_registry_that_breaks_is_asked_once_while_the_old_address_is_good() -> None:
    world = World()
    await world.open()
    world.source.refresh(1, 0)
    world.network.broken = True
    with pytest.raises(PartSetback):
        await world.open()
    await world.open()
    await world.open()
    assert world.network.asked[1:] == ["registry", "host", "host"]


async def test_what_was_resolved_meanwhile_is_not_asked_for_again() -> None:
    world = World()
    await world.open()
    world.source.refresh(1)
    await world.open()
    world.source.refresh(1)
    await world.open()
    assert world.network.asked == ["registry", "registry", "host"]


async def test_when_one_fails_the_next_asks() -> None:
    world = World()
    world.network.registry.clear()
    world.network.broken = True
    first, second, third = [world.open() for _ in range(3)]
    await settled()
    old, world.network.registry = world.network.registry, asyncio.Event()
    old.set()
    with pytest.raises(PartSetback):
        await first
    await settled()
    assert world.network.asked == ["registry", "registry"], "one of the two that waited"
    world.network.broken = False
    world.network.registry.set()
    await asyncio.gather(second, third)
    assert world.network.asked == ["registry", "registry", "host"]


async def test_one_that_gets_no_answer_is_followed_by_others_also_later_on() -> None:
    world = World(follow_after=0.01)
    await world.open()
    world.source.freshen(1)
    world.network.registry.clear()
    tasks = [world.open() for _ in range(3)]
    await world.network.until_asked(4)
    world.network.registry.set()
    await asyncio.gather(*tasks)
    assert world.network.asked == ["registry"] * 4


async def test_nobody_follows_one_that_waits_for_what_all_have_to_wait_for() -> None:
    world = World(follow_after=0.01)
    world.network.registry.clear()
    first = world.attempt()
    tasks = [world.open(first)]
    await settled()
    first.errand = True
    tasks += [world.open(), world.open()]
    await asyncio.sleep(0.05)
    assert world.network.asked == ["registry"]
    world.network.registry.set()
    await asyncio.gather(*tasks)
    assert world.network.asked == ["registry", "host", "host"]


async def test_it_is_known_who_asks_for_the_address_until_the_host_is_known() -> None:
    world = World()
    world.network.registry.clear()
    world.network.host.clear()
    attempt = world.attempt()
    task = world.open(attempt)
    await settled()
    assert world.source.resolves(attempt)
    await asyncio.sleep(0.02)
    world.network.registry.set()
    await settled()
    assert not world.source.resolves(attempt), "now it waits for the bytes, like all others"
    assert 0.01 < world.source.took < 1
    world.source.moves = 2
    world.network.host.set()
    await task
    assert world.source.moves == 0


async def tired(world: World, count: int) -> list[asyncio.Task[Stream]]:
    """So many that ask: the registry has sent the first one to the host, the others have waited enough."""
    tasks = [world.open() for _ in range(count)]
    await settled()
    assert world.network.asked == ["registry"]
    world.clock.now += 1.0
    await world.network.until_asked(count)
    return tasks


async def test_who_has_waited_goes_where_the_registry_has_sent_the_first_one(world: World) -> None:
    world.network.host.clear()
    tasks = await tired(world, 4)
    assert world.network.asked == ["registry", "registry", "host", "host"], "one asks, lest the first hangs"
    world.network.host.set()
    streams = await asyncio.gather(*tasks)
    assert {stream.generation for stream in streams} == {1}, "it is one address"
    assert world.source.generation == 1


async def test_the_first_answer_tells_all_although_it_is_not_the_first_ones(world: World) -> None:
    world.network.sent_there.clear()
    first, second, third = await tired(world, 3)
    assert (await third).generation == 1
    assert not first.done()
    assert not second.done()
    await world.open()
    assert world.network.asked == ["registry", "registry", "host", "host"]
    world.network.sent_there.set()
    assert [(await one).generation for one in (first, second)] == [1, 1]
    await world.open()
    assert world.network.asked[4:] == ["host"]


async def test_an_address_that_is_stale_before_it_was_any_good_is_not_tried_again(world: World) -> None:
    world.network.refuses = True
    world.network.sent_there.clear()
    first, second, third = await tired(world, 3)
    with pytest.raises(StaleUrl):
        await third
    fourth = world.open()
    world.clock.now += 1.0
    await world.network.until_asked(4)
    assert world.network.asked == ["registry", "registry", "host", "registry"]
    world.network.sent_there.set()
    await asyncio.gather(first, second, fourth)


async def test_who_was_given_up_there_asks_the_registry(world: World) -> None:
    world.network.host.clear()
    world.network.sent_there.clear()
    first, second, third = await tired(world, 3)
    assert world.network.asked == ["registry", "registry", "host"]
    third.cancel()
    await settled()
    again = world.open()
    world.clock.now += 1.0
    await world.network.until_asked(4)
    assert world.network.asked[3:] == ["registry"]
    world.network.host.set()
    world.network.sent_there.set()
    await asyncio.gather(first, second, again)


async def test_who_wants_another_address_does_not_go_where_the_first_one_was_sent(world: World) -> None:
    world.network.sent_there.clear()
    first = world.open()
    await settled()
    world.source.refresh(0, 0)
    second, third = world.open(), world.open()
    await settled()
    world.clock.now += 1.0
    await world.network.until_asked(3)
    assert world.network.asked == ["registry", "registry", "host"], "the third one has no such wish"
    world.network.sent_there.set()
    await asyncio.gather(first, second, third)


async def test_where_the_registry_has_sent_one_in_vain_nobody_goes(world: World) -> None:
    world.network.sent_there.clear()
    first = world.open()
    await settled()
    first.cancel()
    await settled()
    world.network.sent_there.set()
    await world.open()
    assert world.network.asked == ["registry", "registry"]
