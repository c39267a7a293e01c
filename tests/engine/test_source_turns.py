"""Who asks the registry for an address, and who waits for whom: a source without a network."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import httpx
import pytest
from pulltui.engine import source as source_module
from pulltui.engine.attempt import Attempt
from pulltui.engine.auth import Authenticator
from pulltui.engine.edges import Edges
from pulltui.engine.errors import RefusedError
from pulltui.engine.gates import Gate
from pulltui.engine.login import Secrets
from pulltui.engine.request import Answer, Requester
from pulltui.engine.setbacks import PartSetback, StaleUrl
from pulltui.engine.source import Source
from pulltui.engine.stream import Progress, Stream
from pulltui.engine.tuning import Tuning
from support.clock import Clock

REGISTRY = httpx.URL("http://registry/blob")
HOST = httpx.URL("http://host/blob")
SIZE = 1000


class Entry:
    """A way through a gate that is always open."""

    def leave(self) -> None:
        """Nobody counts."""


class Network(Requester):
    """A registry that sends to a host, each answering when it is told to."""

    def __init__(self, clock: Clock) -> None:
        self.asked: list[str] = []
        """Hosts, in order."""
        self.registry = asyncio.Event()
        self.host = asyncio.Event()
        self.sent_there = asyncio.Event()
        """The host answers also those whom the registry has sent there."""
        self.registry.set()
        self.host.set()
        self.sent_there.set()
        self.broken = False
        """The registry breaks off."""
        self.refuses = False
        """The host takes the address for one that went stale, from those who come by themselves."""
        self.turns_away = False
        """The host takes no fresh address, either."""
        self.breaks = False
        """The host fails where somebody comes with a fresh address."""
        self.unwanted: list[bool] = []
        """Whether who was sent to the host would rather have gone elsewhere, in order."""
        self._clock = clock
        self._one_more = asyncio.Event()

    async def until_asked(self, count: int) -> None:
        """Wait until there were so many requests."""
        while len(self.asked) < count:
            self._one_more.clear()
            await self._one_more.wait()

    def gate(self, url: httpx.URL) -> Gate:
        """A new one."""
        return Gate(url.host, Tuning(), self._clock)

    async def get(  # type: ignore[override]
        self,
        url: httpx.URL,
        headers: dict[str, str],
        attempt: Attempt,
        auth: object,
        *,
        redirected: bool = False,
        avoid: Callable[[httpx.URL], bool] = lambda _: False,
    ) -> Answer:
        self.asked.append(url.host)
        self._one_more.set()
        if url == REGISTRY:
            registry = self.registry
            await registry.wait()
            if self.broken:
                raise PartSetback("broken")
            url, redirected = HOST, True
            self.unwanted.append(avoid(url))
            await self.sent_there.wait()
            status = 500 if self.breaks else 403 if self.turns_away else 206
        else:
            status = 403 if self.refuses else 206
        await self.host.wait()
        about = {"content-range": f"bytes 0-99/{SIZE}", "content-length": "100"}
        response = httpx.Response(status, headers=about, request=httpx.Request("GET", url))
        return Answer(response, Entry(), redirected, Secrets())  # type: ignore[arg-type]


class World:
    """A source and its network."""

    def __init__(self, follow_after: float = math.inf) -> None:
        self.clock = Clock()
        self.network = Network(self.clock)
        self.edges = Edges(self.clock, 3.0)
        self.progress = Progress(self.clock)
        self.source = Source(
            self.network,
            REGISTRY,
            "sha256:" + "0" * 64,
            SIZE,
            6,
            auth=Authenticator.__new__(Authenticator),
            edges=self.edges,
            progress=self.progress,
            follow_after=follow_after,
        )

    def attempt(self) -> Attempt:
        return Attempt(self.clock, 30.0, Tuning())

    def open(self, attempt: Attempt | None = None) -> asyncio.Task[Stream]:
        return asyncio.create_task(self.source.open(0, 100, attempt or self.attempt()))

    async def turned_away(self) -> StaleUrl:
        """Ask for another address, which the host does not take."""
        self.network.turns_away = True
        self.source.refresh(self.source.generation)
        with pytest.raises(StaleUrl) as caught:
            await self.open()
        return caught.value


async def settled() -> None:
    """Everybody got as far as they could."""
    for _ in range(20):
        await asyncio.sleep(0)


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


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Its time is the clock's: nobody is tired of waiting before that is moved."""
    world = World(follow_after=0.01)
    monkeypatch.setattr(source_module, "_now", world.clock)
    return world


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
