from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from pulltui.engine import source as source_module
from pulltui.engine.network import Way
from pulltui.engine.partial import Partial, PartialPaths
from pulltui.engine.store import Store
from pulltui.engine.transport import make_transport
from support.authserver import HttpServer, Reply, Request
from support.certificates import Authority
from support.clock import Clock
from support.partials import DIGEST, NAME, PART, TOTAL
from support.played_source import World
from support.rawserver import Handler, RawServer

TransportKind = Literal["fast", "httpx"]


@pytest.fixture(params=["fast", "httpx"])
def transport_kind(request: pytest.FixtureRequest) -> TransportKind:
    """Both transports, one after the other."""
    kind: TransportKind = request.param
    return kind


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that no system knows."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def raw_server() -> Iterator[Callable[..., RawServer]]:
    """`raw_server(handler, context=None)`: servers that live as long as the test."""
    servers: list[RawServer] = []

    def start(handler: Handler, context: ssl.SSLContext | None = None) -> RawServer:
        servers.append(RawServer(handler, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., HttpServer]]:
    """`serve(answer, context=None)`: servers of GETs that live as long as the test."""
    servers: list[HttpServer] = []

    def start(answer: Callable[[Request], Reply], context: ssl.SSLContext | None = None) -> HttpServer:
        servers.append(HttpServer(answer, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
async def client_for(transport_kind: TransportKind) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """`client_for(way, connect_timeout=5, stall_timeout=5)`: clients over each transport, closed after."""
    clients: list[httpx.AsyncClient] = []

    def make(
        way: Way | None = None, connect_timeout: float = 5.0, stall_timeout: float = 5.0
    ) -> httpx.AsyncClient:
        transport = make_transport(
            transport_kind,
            way=way or Way(),
            connect_timeout=connect_timeout,
            max_connections=8,
            stall_timeout=lambda: stall_timeout,
        )
        assert transport.kind == transport_kind
        clients.append(
            httpx.AsyncClient(transport=transport, trust_env=False, headers={"User-Agent": "pulltui-test"})
        )
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def paths(tmp_path: Path) -> PartialPaths:
    return PartialPaths(tmp_path, NAME)


@pytest.fixture
def opened(paths: PartialPaths) -> Iterator[Callable[[], Partial]]:
    """`opened()`: partials of the blob, closed after the test as a killed process would leave them."""
    made: list[Partial] = []

    def make() -> Partial:
        made.append(Partial(paths, DIGEST, TOTAL, PART))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A models directory of which we are the holder."""
    it = Store(tmp_path / "models")
    it.open("now")
    yield it
    it.close()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Its time is the clock's: nobody is tired of waiting before that is moved."""
    world = World(follow_after=0.01)
    monkeypatch.setattr(source_module, "_now", world.clock)
    return world
