from __future__ import annotations

import asyncio
import hashlib
import os
import queue
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from pulltui.engine import fast as fast_module
from pulltui.engine import transport as transport_module
from pulltui.engine.errors import PullError
from pulltui.engine.fast import FastStream
from pulltui.engine.network import Way
from pulltui.engine.transport import DROP, FRESH, Transport, chunks, make_transport
from support.rawserver import OK, RawServer, answer_all, answering, read_head

ClientFor = Callable[..., httpx.AsyncClient]
Serve = Callable[..., RawServer]


def make(choice: str, way: Way | None = None) -> Transport:
    return make_transport(
        choice,  # type: ignore[arg-type]
        way=way or Way(),
        connect_timeout=1,
        max_connections=1,
        stall_timeout=lambda: 1,
    )


async def read(client: httpx.AsyncClient, url: str) -> bytes:
    async with client.stream("GET", url) as response:
        return b"".join([bytes(chunk) async for chunk in chunks(response)])


async def test_request_and_answer_pass_unchanged(client_for: ClientFor, raw_server: Serve) -> None:
    heads: list[bytes] = []

    def handler(connection: socket.socket) -> None:
        heads.append(read_head(connection))
        connection.sendall(
            b"HTTP/1.1 206 Partial Content\r\nContent-Encoding: gzip\r\nContent-Range: bytes 1-3/9\r\n"
            b"X-Twice: a\r\nX-Twice: b\r\nX-Latin: \xe9\r\nSet-Cookie: a=b\r\n"
            b"Content-Length: 3\r\n\r\n\x00\xff!"
        )

    server = raw_server(handler)
    async with client_for().stream(
        "GET", server.url + "v2/x?a=b%2Fc", headers={"Range": "bytes=1-3", "Accept-Encoding": "identity"}
    ) as response:
        body = b"".join([bytes(chunk) async for chunk in chunks(response)])
        assert response.status_code == 206
        assert response.headers["content-range"] == "bytes 1-3/9"
        assert response.headers["x-twice"] == "a, b"
    assert body == b"\x00\xff!", "not decoded"
    head = heads[0].decode().lower()
    assert head.startswith("get /v2/x?a=b%2fc http/1.1\r\n")
    assert "\r\nrange: bytes=1-3\r\n" in head
    assert "\r\naccept-encoding: identity\r\n" in head
    assert head.count("user-agent:") == 1 and "user-agent: pulltui-test" in head
    assert f"\r\nhost: 127.0.0.1:{server.port}\r\n" in head
    assert "referer" not in head


async def test_a_fresh_connection_has_carried_nothing(client_for: ClientFor, raw_server: Serve) -> None:
    server, client = raw_server(answer_all), client_for()
    for fresh, connections in ((False, 1), (False, 1), (True, 2), (True, 3), (False, 3)):
        async with client.stream("GET", server.url, extensions={FRESH: fresh}) as response:
            assert [bytes(chunk) async for chunk in chunks(response)] == [b"abc"]
        assert server.accepted == connections, f"fresh: {fresh}"


async def test_what_is_dropped_is_closed_and_carries_nothing_more(
    client_for: ClientFor, raw_server: Serve
) -> None:
    left: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def handler(connection: socket.socket) -> None:
        try:
            answer_all(connection)
        finally:
            left.put(True)

    server, client = raw_server(handler), client_for()
    for connections in (1, 2, 3):
        async with client.stream("GET", server.url) as response:
            assert bytes(await anext(chunks(response))) == b"abc"
            if (drop := response.extensions.get(DROP)) is not None:
                drop()
        assert server.accepted == connections
        assert await asyncio.to_thread(left.get, timeout=20)


async def test_redirects_are_left_to_us_and_cookies_forgotten(
    client_for: ClientFor, raw_server: Serve
) -> None:
    heads: list[bytes] = []

    def handler(connection: socket.socket) -> None:
        while head := read_head(connection):
            heads.append(head)
            connection.sendall(
                b"HTTP/1.1 307 Go\r\nLocation: https://elsewhere.example/x\r\nContent-Length: 0\r\n\r\n"
            )

    server = raw_server(handler)
    async with client_for().stream("GET", server.url, follow_redirects=False) as response:
        assert response.status_code == 307
        assert response.headers["location"] == "https://elsewhere.example/x"
    assert len(heads) == 1


async def test_first_byte_comes_at_once_and_none_is_lost(client_for: ClientFor, raw_server: Serve) -> None:
    go_on = threading.Event()

    def handler(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        go_on.wait(5)
        go_on.clear()
        connection.sendall(b"a")
        go_on.wait(5)
        connection.sendall(b"bc")

    server = raw_server(handler)
    async with client_for().stream("GET", server.url) as response:
        body = chunks(response)
        go_on.set()  # the head is here although no byte of the body was sent
        assert bytes(await anext(body)) == b"a"
        go_on.set()
        assert bytes(await anext(body)) == b"bc"
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(body)


async def test_chunks_serve_as_buffers(client_for: ClientFor, raw_server: Serve, tmp_path: Path) -> None:
    server = raw_server(answering(OK))
    async with client_for().stream("GET", server.url) as response:
        (chunk,) = [chunk async for chunk in chunks(response)]
    descriptor = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    try:
        assert os.pwrite(descriptor, chunk, 4) == 3
        assert os.pwrite(descriptor, chunk[1:], 0) == 2
    finally:
        os.close(descriptor)
    assert (tmp_path / "out").read_bytes() == b"bc\0\0abc"
    assert zlib.crc32(chunk) == zlib.crc32(b"abc")
    assert hashlib.sha256(chunk).digest() == hashlib.sha256(b"abc").digest()
    assert len(chunk) == 3 and chunk.readonly


async def test_whole_body_arrives(client_for: ClientFor, raw_server: Serve) -> None:
    data = os.urandom(3_000_000)
    server = raw_server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + data))
    assert await read(client_for(), server.url) == data


async def test_connection_is_used_again_after_a_body_read_to_its_end(
    client_for: ClientFor, raw_server: Serve
) -> None:
    def handler(connection: socket.socket) -> None:
        while read_head(connection):
            connection.sendall(OK)

    server = raw_server(handler)
    client = client_for()
    for _ in range(5):
        assert await read(client, server.url) == b"abc"
    assert server.accepted == 1


class Watched:
    """A handler that sends `answer`, then waits until the client hangs up."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.asked = threading.Event()
        self.left = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(self._answer)
        self.asked.set()
        connection.settimeout(30)
        try:
            if connection.recv(1) == b"":
                self.left.set()
        except ConnectionResetError:
            self.left.set()


async def test_leaving_a_body_closes_the_connection(client_for: ClientFor, raw_server: Serve) -> None:
    watched = Watched(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    async with client_for().stream("GET", raw_server(watched).url) as response:
        assert bytes(await anext(chunks(response))) == b"abc"
    assert await asyncio.to_thread(watched.left.wait, 20)


async def test_cancelling_a_read_closes_the_connection(client_for: ClientFor, raw_server: Serve) -> None:
    watched = Watched(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    got: list[bytes] = []
    reading = asyncio.Event()

    async def fetch() -> None:
        async with client.stream("GET", server.url) as response:
            async for chunk in chunks(response):
                got.append(bytes(chunk))
                reading.set()

    client, server = client_for(), raw_server(watched)
    task = asyncio.create_task(fetch())
    await reading.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert got == [b"abc"]
    assert await asyncio.to_thread(watched.left.wait, 20)
    assert await read(client, raw_server(answering(OK)).url) == b"abc", "the transport still serves"


async def test_a_reader_may_take_its_time(client_for: ClientFor, raw_server: Serve) -> None:
    """A slow disk is no reason to lose a connection, however short the stall timeout is."""
    data = bytes(6_000_000)
    server = raw_server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 6000000\r\n\r\n" + data))
    async with client_for(stall_timeout=0.01).stream("GET", server.url) as response:
        body = chunks(response)
        size = len(await anext(body))
        await asyncio.sleep(0.2)  # the pause is what is tested; nothing is waited for
        async for chunk in body:
            size += len(chunk)
    assert size == len(data)


async def test_many_connections_at_once(client_for: ClientFor, raw_server: Serve) -> None:
    together = threading.Barrier(16, timeout=30)

    def handler(connection: socket.socket) -> None:
        read_head(connection)
        together.wait()
        connection.sendall(OK)

    server = raw_server(handler)
    client = client_for()
    bodies = await asyncio.gather(*[read(client, server.url) for _ in range(16)])
    assert bodies == [b"abc"] * 16


def test_interpreter_ends_in_peace_after_closing() -> None:
    """pyreqwest's thread must not wait for the GIL when Python goes away: that aborts the process."""
    program = """
import asyncio, sys, httpx
from pulltui.engine.network import Way
from pulltui.engine.transport import chunks, make_transport
async def main():
    way = Way()
    transport = make_transport("fast", way=way, connect_timeout=5, max_connections=1, stall_timeout=lambda: 5)
    async with httpx.AsyncClient(transport=transport) as client:
        async def get():
            async with client.stream("GET", sys.argv[1]) as response:
                async for chunk in chunks(response):
                    pass
        await asyncio.gather(*[get() for _ in range(16)])
asyncio.run(main())
"""
    # The server hangs up after each answer and says so: a connection used again would fail now and then.
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\nConnection: close\r\n\r\n"
    with RawServer(answering(head + bytes(4_000_000))) as server:
        for _ in range(3):
            subprocess.run([sys.executable, "-c", program, server.url], check=True, timeout=30)


async def test_a_longer_stall_time_counts_from_the_next_request_on(
    raw_server: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fast transport's own limit must never be the smaller one: whoever waits decides."""
    monkeypatch.setattr(transport_module, "LEAST_SILENCE", 0.05)
    stall_timeout = 0.05
    late = threading.Event()

    def handler(connection: socket.socket) -> None:
        read_head(connection)
        late.wait(0.6)
        connection.sendall(OK)

    server = raw_server(handler)
    transport = make_transport(
        "fast", way=Way(), connect_timeout=5, max_connections=1, stall_timeout=lambda: stall_timeout
    )
    async with httpx.AsyncClient(transport=transport, timeout=None) as client:
        with pytest.raises(httpx.TimeoutException):
            await client.get(server.url)
        stall_timeout = 30.0
        assert (await client.get(server.url)).content == b"abc"


def test_auto_is_the_fast_one_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make("auto").kind == "fast"
    monkeypatch.setitem(sys.modules, "pulltui.engine.fast", None)
    assert make("auto").kind == "httpx"
    with pytest.raises(PullError, match="needs pyreqwest"):
        make("fast")


class Sent:
    """A request of pyreqwest whose answer is there in the very moment in which it is cancelled."""

    closed = 0

    def __init__(self, chunks: list[bytes]) -> None:
        self.body_reader = self
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked = asyncio.Event()
        self.answered = asyncio.Event()
        self._chunks = chunks

    async def read_chunk(self) -> bytes | None:
        if len(self._chunks) == 1:
            self.asked.set()
            with suppress(asyncio.CancelledError):  # what pyreqwest does
                await asyncio.Event().wait()
        return self._chunks.pop(0) if self._chunks else None

    async def __aenter__(self) -> Sent:
        self.asked.set()
        await self.answered.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed += 1


async def test_a_cancellation_that_comes_with_a_chunk_is_not_lost_and_nor_is_the_chunk() -> None:
    sent = Sent([b"one", b"two"])
    stream = FastStream(cast(Any, sent), cast(Any, sent), lambda whole: None)
    came: list[bytes] = []

    async def read() -> None:
        async for chunk in stream:
            came.append(bytes(chunk))

    task = asyncio.create_task(read())
    await sent.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert came == [b"one", b"two"]


async def test_a_cancellation_that_comes_with_the_head_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Sent([])
    transport = make("fast")
    monkeypatch.setattr(fast_module, "_built", lambda *_: sent)
    async with httpx.AsyncClient(transport=transport) as client:
        task = asyncio.create_task(client.get("http://127.0.0.1:9/"))
        await sent.asked.wait()
        sent.answered.set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert sent.closed == 1
