"""What becomes of a request that is cancelled before its answer began: its connection closes, no other one.

The transports' own limits for silence are a minute and more here: only a cut can end these requests.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from pulltui.engine import lane as lane_module
from pulltui.engine.fast import FastTransport
from pulltui.engine.lane import Lane
from pulltui.engine.network import find_way
from pulltui.engine.transport import FRESH, chunks
from support.certificates import Authority
from support.proxy import Proxy
from support.rawserver import OK, RawServer, answer_all, answering, read_head
from support.socks import SocksProxy

ClientFor = Callable[..., httpx.AsyncClient]
Serve = Callable[..., RawServer]
SOON = 20.0
"""Seconds in which a connection must have closed, on a busy machine."""


class Mute:
    """A handler that answers the first `answers` requests of all, and then none: it waits to be left."""

    def __init__(self, answers: int = 0) -> None:
        self._answers = answers
        self.asked = threading.Event()
        self.left = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        while read_head(connection):
            if self._answers == 0:
                break
            self._answers -= 1
            connection.sendall(OK)
        wait_to_be_left(connection, self.asked, self.left)


def wait_to_be_left(connection: socket.socket, asked: threading.Event, left: threading.Event) -> None:
    asked.set()
    connection.settimeout(30)
    try:
        if connection.recv(1) == b"":
            left.set()
    except ConnectionResetError:
        left.set()


async def asked_and_cancelled(client: httpx.AsyncClient, url: str, asked: threading.Event) -> None:
    task = asyncio.create_task(client.get(url))
    assert await asyncio.to_thread(asked.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("scheme", "through"),
    [("http", ""), ("https", ""), ("https", "proxy"), ("http", "socks"), ("https", "socks")],
)
async def test_cancelling_before_the_answer_closes_the_connection(
    client_for: ClientFor, raw_server: Serve, authority: Authority, scheme: str, through: str
) -> None:
    mute, host = Mute(), "hidden.example" if through else "127.0.0.1"
    server = raw_server(mute, authority.server_context(host) if scheme == "https" else None)
    with Proxy({host}) as proxy, SocksProxy({host}) as socks:
        via = {"": "", "proxy": proxy.url, "socks": socks.at("socks5h")}[through]
        client = client_for(find_way(via, str(authority.ca_file), {}), stall_timeout=60)
        await asked_and_cancelled(client, f"{scheme}://{host}:{server.port}/", mute.asked)
        assert await asyncio.to_thread(mute.left.wait, SOON)


async def test_so_it_does_to_a_proxy_that_carries_plain_http(
    client_for: ClientFor, raw_server: Serve
) -> None:
    mute = Mute()
    client = client_for(find_way(raw_server(mute).url, "", {}), stall_timeout=60)
    await asked_and_cancelled(client, "http://hidden.example/", mute.asked)
    assert await asyncio.to_thread(mute.left.wait, SOON)


async def test_cancelling_on_a_connection_that_was_used_before_closes_it(
    client_for: ClientFor, raw_server: Serve
) -> None:
    mute = Mute(answers=2)
    server, client = raw_server(mute), client_for(stall_timeout=60)
    for _ in range(2):
        assert (await client.get(server.url)).content == b"abc"
    await asked_and_cancelled(client, server.url, mute.asked)
    assert await asyncio.to_thread(mute.left.wait, SOON)
    assert server.accepted == 1, "nor is it tried again on another one"


@pytest.mark.parametrize("through", ["", "proxy", "socks"])
async def test_cancelling_a_handshake_closes_the_connection(
    client_for: ClientFor, raw_server: Serve, through: str
) -> None:
    asked, left = threading.Event(), threading.Event()

    def silent(connection: socket.socket) -> None:
        connection.recv(65536)  # the client's hello
        wait_to_be_left(connection, asked, left)

    host = "hidden.example" if through else "127.0.0.1"
    url = f"https://{host}:{raw_server(silent).port}/"
    with Proxy({host}) as proxy, SocksProxy({host}) as socks:
        via = {"": "", "proxy": proxy.url, "socks": socks.at("socks5h")}[through]
        await asked_and_cancelled(client_for(find_way(via, "", {}), connect_timeout=60), url, asked)
        assert await asyncio.to_thread(left.wait, SOON)


async def test_other_requests_go_on(client_for: ClientFor, raw_server: Serve) -> None:
    """One that waits for its answer, and one that reads it."""
    go_on, waits, mute = threading.Event(), threading.Event(), Mute()

    def late(connection: socket.socket) -> None:
        read_head(connection)
        waits.set()
        go_on.wait(10)
        connection.sendall(OK)

    def halfway(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(OK[:-2])
        go_on.wait(10)
        connection.sendall(OK[-2:])

    client = client_for(stall_timeout=60)
    waiting = asyncio.create_task(client.get(raw_server(late).url))
    assert await asyncio.to_thread(waits.wait, 5)
    async with client.stream("GET", raw_server(halfway).url) as response:
        body = chunks(response)
        assert bytes(await anext(body)) == b"a"
        await asked_and_cancelled(client, raw_server(mute).url, mute.asked)
        assert await asyncio.to_thread(mute.left.wait, SOON)
        go_on.set()
        assert b"".join([bytes(chunk) async for chunk in body]) == b"bc"
    assert (await waiting).content == b"abc"


class TestAmongLanes:
    """The fast transport only."""

    def transport(self, silence: float = 60, max_idle: int = 4) -> FastTransport:
        return FastTransport(
            proxy=None,
            extra_roots=b"",
            connect_timeout=5,
            silence=silence,
            max_idle=max_idle,
            idle_timeout=15,
        )

    async def test_requests_find_the_connection_to_their_host(self, raw_server: Serve) -> None:
        """However many hosts and lanes there are."""
        servers = [raw_server(answer_all) for _ in range(3)]
        async with httpx.AsyncClient(transport=self.transport()) as client:
            for _ in range(3):
                await asyncio.gather(*[client.get(server.url) for server in servers])
            for server in servers:
                await client.get(server.url)
        assert [server.accepted for server in servers] == [1, 1, 1]

    async def test_of_too_many_lanes_those_without_a_connection_go(self, raw_server: Serve) -> None:
        server = raw_server(answer_all)
        async with httpx.AsyncClient(transport=self.transport(max_idle=2)) as client:
            await client.get(server.url)
            for _ in range(4):  # each on a lane of its own, which has no connection afterwards
                async with client.stream("GET", server.url, extensions={FRESH: True}):
                    pass
            accepted = server.accepted
            await client.get(server.url)
        assert server.accepted == accepted

    async def test_others_go_on_while_a_lane_is_made(
        self, raw_server: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Making one takes milliseconds, dozens at once would stop everything that is being read."""
        made, go_on, make = threading.Event(), threading.Event(), FastTransport._new_lane

        def slowly(transport: FastTransport) -> Lane:
            made.set()
            assert go_on.wait(30)
            return make(transport)

        hold = threading.Event()

        def handler(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na")
            assert hold.wait(30)
            connection.sendall(b"bc")

        transport = self.transport()
        monkeypatch.setattr(FastTransport, "_new_lane", slowly)
        async with (
            httpx.AsyncClient(transport=transport) as client,
            client.stream("GET", raw_server(handler).url) as response,
        ):
            body = chunks(response)
            assert bytes(await anext(body)) == b"a"
            other = asyncio.create_task(client.get(raw_server(answering(OK)).url))
            assert await asyncio.to_thread(made.wait, 20)
            hold.set()
            assert b"".join([bytes(chunk) async for chunk in body]) == b"bc"
            assert not other.done()
            go_on.set()
            assert (await other).content == b"abc"

    async def test_where_files_cannot_be_listed_the_limit_for_silence_ends_it(
        self, raw_server: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lane_module, "_FILES", str(tmp_path / "none"))
        mute = Mute()
        async with httpx.AsyncClient(transport=self.transport(silence=0.3)) as client:
            await asked_and_cancelled(client, raw_server(mute).url, mute.asked)
            assert await asyncio.to_thread(mute.left.wait, SOON)

    async def test_closing_ends_what_was_cancelled_just_before(self, raw_server: Serve) -> None:
        mute = Mute()
        async with httpx.AsyncClient(transport=self.transport()) as client:
            await asked_and_cancelled(client, raw_server(mute).url, mute.asked)
        assert await asyncio.to_thread(mute.left.wait, SOON)
