"""The fast transport: httpx's interface over pyreqwest's native client.

pyreqwest ships a transport of its own; it reads in 64 KiB lumps, loses what it holds when a connection
breaks, and adds httpx's timeouts up into one. This one hands every chunk on as it comes and fails with the
same exceptions, causes included, as httpx's own transport.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import BuilderError, PyreqwestError
from pyreqwest.http import HeaderMap
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from pulltui.engine.clean import safe, safe_url
from pulltui.engine.errors import PullError, TrustError
from pulltui.engine.fastfaults import fail
from pulltui.engine.lane import Lane
from pulltui.engine.shielded import see_through
from pulltui.engine.transport import DROP, FRESH

_SOON = 0.01
_LATER = 0.25
"""Seconds between one look at a request that is to end and the next one: from so few to so many."""
_CLOSING = 1.0
"""Seconds for which closing waits for requests that are to end."""


class FastTransport(httpx.AsyncBaseTransport):
    """Lanes for one request at a time each, over HTTP/1.1, all through `proxy` (None: straight).

    Raises PullError for a proxy whose host is none, TrustError for certificates that cannot be read.

    A request that is cancelled before its answer began is cut: its connection closes at once.

    `extra_roots` are PEM certificates trusted besides the system's. `silence`: seconds without a byte read
    after which a connection is dropped (ReadTimeout). It is a backstop for where connections cannot be cut
    (Windows). It must be long, for it also counts the time that nobody asks for the next chunk.
    `max_idle`: so many lanes that nobody uses are kept.
    """

    def __init__(
        self,
        *,
        proxy: str | None,
        extra_roots: bytes,
        connect_timeout: float,
        silence: float,
        max_idle: int,
        idle_timeout: float,
    ) -> None:
        self._proxy = proxy
        self._extra_roots = extra_roots
        self._connect_timeout = timedelta(seconds=connect_timeout)
        self._silence = timedelta(seconds=silence)
        self._max_idle = max_idle
        self._idle_timeout = timedelta(seconds=idle_timeout)
        atexit.unregister(_let_threads_rest)
        atexit.register(_let_threads_rest)
        self._ends: set[asyncio.Task[None]] = set()
        self._builds = asyncio.Lock()
        self._free = [self._new_lane()]
        """Lanes that nobody uses, the one that was used last at the end."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return as soon as the head of the answer is here."""
        body = await request.aread()
        origin = f"{request.url.scheme}://{request.url.netloc.decode()}"
        lane = await self._lane(origin, fresh=bool(request.extensions.get(FRESH)))
        sent = _built(lane, request, body)
        # A task of its own: whoever waits for it can be cancelled, while it tells when the request is over.
        head = asyncio.create_task(_head(sent))
        try:
            await asyncio.wait({head})
        except asyncio.CancelledError:
            self._see_to(self._end(lane, sent, head))
            raise
        try:
            response = head.result()
        except PyreqwestError as error:
            self._back(lane)
            fail(error)

        def over(whole: bool, dropped: bool) -> None:
            if whole:
                lane.kept.add(origin)
            self._part_with(lane) if dropped else self._back(lane)

        stream = FastStream(sent, response, over)
        headers, extensions = _headers(response.headers), {DROP: stream.drop}
        return httpx.Response(response.status, headers=headers, stream=stream, extensions=extensions)

    async def _end(self, lane: Lane, sent: StreamRequest, head: asyncio.Task[Response]) -> None:
        """End a request that nobody waits for; its lane is free afterwards."""
        pause = _SOON
        while not head.done():
            # Again and again: it may still look up the name, or try once more on another connection.
            if not lane.cut():
                head.cancel()
            await asyncio.wait({head}, timeout=pause)
            pause = min(2 * pause, _LATER)
        if not head.cancelled() and head.exception() is None:
            await sent.__aexit__(None, None, None)
        self._back(lane)

    async def _lane(self, origin: str, *, fresh: bool) -> Lane:
        """Return a free lane: best one with a connection to `origin`, but one without for a `fresh` one."""
        while (at := self._best(origin, fresh)) is None:
            # One at a time: dozens at once would stop what is being read for 0.2 s.
            async with self._builds:
                at = self._best(origin, fresh)
                if at is None or (self._free[at].kept and origin not in self._free[at].kept):
                    await see_through(self._build())
        lane = self._free.pop(at)
        lane.kept.discard(origin)
        lane.used.add(origin)
        return lane

    def _best(self, origin: str, fresh: bool) -> int | None:
        """Return which of the free lanes to use for `origin`, None if there is none that will do."""
        kept = [at for at, lane in enumerate(self._free) if origin in lane.kept]
        if kept and not fresh:
            return kept[-1]
        others = [at for at, lane in enumerate(self._free) if not (fresh and origin in lane.used)]
        return min(others, key=lambda at: bool(self._free[at].kept), default=None)

    async def _build(self) -> None:
        """Have one free lane more; that is done beside the loop."""
        lane = await asyncio.to_thread(self._new_lane)
        self._free.append(lane)

    def _back(self, lane: Lane) -> None:
        """It is free; of too many, one that has kept no connection goes, or the one unused for longest."""
        self._free.append(lane)
        if len(self._free) > self._max_idle:
            at = next((at for at, one in enumerate(self._free) if not one.kept), 0)
            self._part_with(self._free.pop(at))

    def _part_with(self, lane: Lane) -> None:
        lane.cut()  # what keeps it alive may take its time
        self._see_to(lane.close())

    def _see_to(self, end: Coroutine[Any, Any, None]) -> None:
        """Do that beside everything else; closing waits for it."""
        task = asyncio.create_task(end)
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    def _new_lane(self) -> Lane:
        builder = (
            ClientBuilder()
            .http1_only()
            .follow_redirects(False)
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .default_cookie_store(False)
            .referer(False)
            .connect_timeout(self._connect_timeout)
            .read_timeout(self._silence)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(self._idle_timeout)
        )
        if self._extra_roots:
            builder = builder.add_root_certificate_pem(self._extra_roots)
        builder = builder.proxy(_proxy(self._proxy)) if self._proxy else builder.no_proxy()
        try:
            return Lane(builder)
        except BuilderError as error:
            _complain_of_files()  # without them nothing can be read
            cause = error.details["causes"] or [{"message": error.message}]
            raise TrustError(
                f"the certificates to trust cannot be used: {safe(cause[-1]['message'])}",
                "Look at network.ca_file: every certificate in it must be a complete one.",
            ) from error

    async def aclose(self) -> None:
        """Close the clients and their idle connections."""
        if self._ends:
            await asyncio.wait(self._ends, timeout=_CLOSING)
        lanes, self._free = self._free, []
        for lane in lanes:
            await lane.close()


class FastStream(httpx.AsyncByteStream):
    """The body of an answer; chunks are views of pyreqwest's own memory, never copied."""

    def __init__(self, sent: StreamRequest, response: Response, over: Callable[[bool, bool], None]) -> None:
        """`over` is told once that it was closed: whether it was read to its end, and is to be dropped."""
        self._sent: StreamRequest | None = sent
        self._reader = response.body_reader
        self._over = over
        self._whole = self._dropped = False

    def drop(self) -> None:
        """Have its connection carry nothing more when this is closed."""
        self._dropped = True

    # httpx promises bytes here; everything that takes bytes-like objects takes these views too.
    async def __aiter__(self) -> AsyncIterator[memoryview]:  # type: ignore[override]
        """Yield chunks as they come off the socket; raises httpx.TransportError."""
        before = _cancellations()
        while _cancellations() == before:
            try:
                chunk = await self._reader.read_chunk()
            except PyreqwestError as error:
                fail(error)
            if chunk is None:
                self._whole = True
                return
            yield memoryview(chunk)
        raise asyncio.CancelledError

    async def aclose(self) -> None:
        """Drop the connection, or give it back to its lane when the body was read to its end."""
        sent, self._sent = self._sent, None
        if sent is not None:
            try:
                await sent.__aexit__(None, None, None)
            finally:
                self._over(self._whole, self._dropped)


def _complain_of_files() -> None:
    """Raise what connecting would raise if no file can be opened just now, else do nothing."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        raise httpx.ConnectError(str(error)) from error


async def _head(sent: StreamRequest) -> Response:
    return await sent.__aenter__()


def _built(lane: Lane, request: httpx.Request, body: bytes) -> StreamRequest:
    builder = lane.request(request.method, str(request.url))
    builder = builder.headers(request.headers.multi_items()).streamed_read_buffer_limit(0)
    if body:
        builder = builder.body_bytes(body)
    return builder.build_streamed()


def _let_threads_rest() -> None:
    """Wait a moment with the GIL free, before the interpreter ends.

    pyreqwest's thread wakes us once or twice more than needed after a client was closed. An interpreter that
    ends while that thread waits for the GIL is aborted (measured: every second time, never after 10 ms).
    """
    time.sleep(0.05)


def _cancellations() -> int:
    """Return how often the running task was told to end.

    What pyreqwest awaits returns its result instead of CancelledError if that is there in the very moment of
    a cancellation (seen on 0.15.1), which would be lost then.
    """
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def _proxy(url: str) -> ProxyBuilder:
    # A SOCKS proxy looks names up itself, as with httpx: behind it there may be names of its own.
    try:
        return ProxyBuilder.all(re.sub("^socks5:", "socks5h:", url))
    except ValueError as error:
        raise PullError(
            f"proxy {safe_url(url)} cannot be used: {safe(str(error))}",
            "Correct network.proxy, or HTTPS_PROXY, HTTP_PROXY and ALL_PROXY in the environment.",
        ) from error


def _headers(headers: HeaderMap) -> list[tuple[str, str]]:
    """Return the headers, without those that are not plain text (pyreqwest cannot show them)."""
    with suppress(ValueError):
        return list(headers.items())
    readable: list[tuple[str, str]] = []
    for name in dict.fromkeys(headers.keys()):
        with suppress(ValueError):
            readable += [(name, value) for value in headers.getall(name)]
    return readable
