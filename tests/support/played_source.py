"""A source without a network: a registry and a host that answer when they are told to."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import httpx
import pytest
from pulltui.engine.attempt import Attempt
from pulltui.engine.auth import Authenticator
from pulltui.engine.edges import Edges
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
