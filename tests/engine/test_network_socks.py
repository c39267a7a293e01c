"""SOCKS proxies: the same on both transports, and every refusal says whose it is."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest
from pulltui.engine.network import Way, find_way
from pulltui.engine.transport import chunks
from pulltui.engine.trouble import Fault, FaultKind, classify
from support import socks
from support.certificates import Authority
from support.rawserver import OK, Handler, RawServer, answering, reset
from support.registry import closed_port
from support.socks import SocksProxy

ClientFor = Callable[..., httpx.AsyncClient]
Serve = Callable[..., RawServer]

HOST = "registry.example"
PATIENCE = 90.0
LOGIN, QUOTED = "me:pass @word", "me:pass%20%40word"


def through(proxy: str) -> Way:
    return find_way(proxy, "", {})


async def fault_of(client: httpx.AsyncClient, url: str = f"http://{HOST}/") -> Fault:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(httpx.TransportError) as raised:
            await client.get(url)
    return classify(raised.value)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize(("login", "quoted"), [("", ""), (LOGIN, QUOTED)])
async def test_it_carries_and_looks_names_up_itself(
    *, scheme: str, login: str, quoted: str, client_for: ClientFor, raw_server: Serve
) -> None:
    server = raw_server(answering(OK))
    with SocksProxy({HOST}, login) as proxy:
        client = client_for(through(proxy.at(scheme, quoted)))
        assert (await client.get(f"http://{HOST}:{server.port}/")).content == b"abc"
    assert proxy.asked == [f"{HOST}:{server.port}"]
    assert proxy.logins == ([login] if login else [])


async def test_tls_ends_at_the_host(client_for: ClientFor, raw_server: Serve, authority: Authority) -> None:
    server = raw_server(answering(OK), authority.server_context(HOST))
    with SocksProxy({HOST}) as proxy:
        for ca_file in ("", str(authority.ca_file)):
            client = client_for(find_way(proxy.at("socks5h"), ca_file, {}))
            url = f"https://{HOST}:{server.port}/"
            if ca_file:
                assert (await client.get(url)).content == b"abc"
            else:
                assert (await fault_of(client, url)).kind is FaultKind.TRUST


async def test_a_slow_answer_is_not_the_proxys(client_for: ClientFor, raw_server: Serve) -> None:
    """The timeout for connecting is over once the proxy has connected."""
    with SocksProxy({HOST}) as proxy:

        def late(connection: socket.socket) -> None:
            connection.recv(9999)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n")
            connection.settimeout(1.3)
            with suppress(TimeoutError):
                connection.recv(1)
            connection.sendall(b"\r\nabc")

        server = raw_server(late)
        client = client_for(through(proxy.at("socks5h")), connect_timeout=1.0)
        async with client.stream("GET", f"http://{HOST}:{server.port}/") as response:
            assert b"".join([bytes(chunk) async for chunk in chunks(response)]) == b"abc"


@pytest.mark.parametrize(
    ("login", "does"),
    [
        ("", "asks for a user name and password"),
        ("me:hunter2", "refuses the user name and password it was given"),
    ],
)
async def test_the_login_is_refused(login: str, does: str, client_for: ClientFor) -> None:
    with SocksProxy({HOST}, LOGIN) as proxy:
        fault = await fault_of(client_for(through(proxy.at("socks5h", login))))
    assert (fault.kind, fault.reason, fault.host) == (FaultKind.PROXY, "login", "127.0.0.1")
    assert fault.text == f"proxy socks5h://127.0.0.1:{proxy.port} {does}"
    assert "hunter2" not in repr(fault)


async def test_a_login_for_one_that_takes_none(client_for: ClientFor) -> None:
    with SocksProxy({HOST}) as proxy:
        fault = await fault_of(client_for(through(proxy.at("socks5h", QUOTED))))
    assert (fault.kind, fault.reason) == (FaultKind.PROXY, "login")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (socks.FAILED, "General SOCKS server failure"),
        (socks.NOT_ALLOWED, "Connection not allowed by ruleset"),
        (socks.NO_NETWORK, "Network unreachable"),
        (socks.NO_HOST, "Host unreachable"),
        (socks.REFUSED, "Connection refused"),
        (6, "TTL expired"),
        (7, "Command not supported"),
        (8, "Address type not supported"),
    ],
)
async def test_it_does_not_reach_the_host(reply: int, why: str, client_for: ClientFor) -> None:
    with SocksProxy(refusal=reply) as proxy:
        for scheme in ("http", "https"):
            fault = await fault_of(client_for(through(proxy.at("socks5h"))), f"{scheme}://{HOST}/")
            assert (fault.kind, fault.reason, fault.host) == (FaultKind.PROXY, "", "127.0.0.1")
            assert fault.text == f"proxy socks5h://127.0.0.1:{proxy.port} does not connect to {HOST} ({why})"
    assert proxy.asked == [f"{HOST}:80", f"{HOST}:443"]


async def test_there_is_none(client_for: ClientFor) -> None:
    at = f"127.0.0.1:{closed_port()}"
    for scheme in ("http", "https"):
        fault = await fault_of(client_for(through(f"socks5h://me:hunter2@{at}")), f"{scheme}://{HOST}/")
        assert (fault.kind, fault.host) == (FaultKind.PROXY, "127.0.0.1")
        assert fault.text == f"proxy socks5h://{at}: connection refused by {at}"


async def test_its_name_is_unknown(client_for: ClientFor) -> None:
    # Some resolvers take their time to say so.
    fault = await fault_of(client_for(through("socks5h://proxy.invalid:1080"), connect_timeout=60))
    assert fault.text == "proxy socks5h://proxy.invalid:1080: unknown host proxy.invalid"


def _close(client: socket.socket) -> None:
    client.recv(99)


def _reset(client: socket.socket) -> None:
    client.recv(99)
    reset(client)


def _speak_http(client: socket.socket) -> None:
    client.recv(99)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def _connect_to_nonsense(client: socket.socket) -> None:
    client.recv(99)
    client.sendall(b"\x05\x00")
    client.recv(99)
    client.sendall(b"\x05\x63\x00\x01")


@pytest.mark.parametrize("handler", [_close, _reset, _speak_http, _connect_to_nonsense])
async def test_it_is_another_kind_of_server(
    handler: Handler, client_for: ClientFor, raw_server: Serve
) -> None:
    server = raw_server(handler)
    fault = await fault_of(client_for(through(f"socks5h://127.0.0.1:{server.port}")))
    assert (fault.kind, fault.reason, fault.host) == (FaultKind.PROXY, "", "127.0.0.1")
    assert fault.text == f"proxy socks5h://127.0.0.1:{server.port} does not answer in proper SOCKS 5"


@pytest.mark.parametrize("answer", [b"\x05\xff", b"nonsense", b""])
async def test_what_failed_is_closed(answer: bytes, client_for: ClientFor, raw_server: Serve) -> None:
    closed = threading.Event()

    def refuse(client: socket.socket) -> None:
        client.recv(99)
        client.sendall(answer)
        if not client.recv(1):
            closed.set()

    server = raw_server(refuse)
    await fault_of(client_for(through(f"socks5h://127.0.0.1:{server.port}"), connect_timeout=0.2))
    assert await asyncio.to_thread(closed.wait, PATIENCE)


async def test_it_says_nothing(client_for: ClientFor, raw_server: Serve) -> None:
    def listen(client: socket.socket) -> None:
        while client.recv(99):
            pass

    at = f"127.0.0.1:{raw_server(listen).port}"
    fault = await fault_of(client_for(through(f"socks5h://{at}"), connect_timeout=0.2))
    assert (fault.kind, fault.host) == (FaultKind.PROXY, "127.0.0.1")
    assert fault.text == f"proxy socks5h://{at}: no connection to {at} in time"
