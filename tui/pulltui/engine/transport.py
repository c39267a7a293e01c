"""Which transport carries the bytes, and the way each request takes: straight, or through a proxy."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import httpx

from pulltui.engine.errors import PullError
from pulltui.engine.network import Way
from pulltui.engine.trouble import PROXY_KEY, PROXY_LOGIN, SELF_ISSUED, SOCKS_BROKEN, SOCKS_UNREACHED

TransportKind = Literal["fast", "httpx"]

FRESH = "pulltui.fresh"
"""A request's extension: True asks for a connection that has carried nothing yet."""
DROP = "pulltui.drop"
"""A response's extension: what to call so that its connection carries nothing more. Where it is missing, do
not read the body to its end."""

IDLE_TIMEOUT = 15.0
"""Seconds a connection is kept for the next request; below what servers commonly grant."""
LEAST_SILENCE = 60.0
"""Seconds without a byte read after which the fast transport drops a connection, at least."""
_STALLS = 4
"""So many times the stall time it waits, if that is longer: the watchdog decides, it only cleans up."""


class Transport(httpx.AsyncBaseTransport):
    """Sends each request through the proxy its URL calls for, on one pool of connections a proxy
    (httpx's own has another one for connections that shall be fresh).

    Adds no header of its own except what HTTP demands (pyreqwest names itself if there is no User-Agent);
    follows nothing, decodes nothing, retries nothing. Errors are httpx's, with their request set:
    `pulltui.engine.trouble.classify` reads them.
    """

    def __init__(
        self,
        kind: TransportKind,
        way: Way,
        make: Callable[[TransportKind, str | None, float, bool], httpx.AsyncBaseTransport],
        stall_timeout: Callable[[], float],
    ) -> None:
        """`make` returns a pool of that kind, through that proxy, that drops a connection after so many
        seconds of silence, and keeps idle ones or not; `stall_timeout` is asked before each request.
        """
        self.kind = kind
        self._way = way
        self._make = make
        self._stall_timeout = stall_timeout
        self._silence = LEAST_SILENCE
        self._pools: dict[tuple[TransportKind, str | None, float, bool], httpx.AsyncBaseTransport] = {}
        self._lenient: set[bytes] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; returns when the head of the answer is here."""
        proxy = self._way.proxy_for(str(request.url))
        if proxy is not None:
            request.extensions[PROXY_KEY] = proxy
        try:
            response = await self._send(request, proxy)
        except httpx.RequestError as error:
            error.request = request
            raise
        if (
            proxy is not None
            and request.url.scheme == "http"
            and response.status_code == httpx.codes.PROXY_AUTHENTICATION_REQUIRED
        ):
            # For https it refuses the tunnel, and the transports raise this; here it answers for the host.
            await response.aclose()
            raise httpx.ProxyError(PROXY_LOGIN, request=request)
        return response

    async def _send(self, request: httpx.Request, proxy: str | None) -> httpx.Response:
        host, fresh = request.url.netloc, bool(request.extensions.get(FRESH))
        if host not in self._lenient:
            try:
                return await self._pool(self.kind, proxy, fresh).handle_async_request(request)
            except httpx.ConnectError as error:
                if SELF_ISSUED in str(error):
                    # `openssl req -x509` makes servers such certificates. OpenSSL takes one that stands in
                    # `ca_file` or the system's store, rustls never does; nothing was sent yet, so httpx's own
                    # transport decides, now and later.
                    self._lenient.add(host)
                elif SOCKS_UNREACHED not in str(error):
                    raise
                # Why there is no way to a SOCKS proxy is told by httpx's own transport only: it asks again.
        return await self._pool("httpx", proxy, fresh).handle_async_request(request)

    def _pool(self, kind: TransportKind, proxy: str | None, fresh: bool) -> httpx.AsyncBaseTransport:
        # Pools cannot be changed: a longer stall time gets another one. The one before it goes on with what
        # it has, whose watchdogs know the shorter time, and its idle connections run out.
        self._silence = max(self._silence, _STALLS * self._stall_timeout())
        silence = self._silence if kind == "fast" else 0.0
        keeps = kind == "fast" or not fresh  # httpx's own takes any idle connection that it has kept
        pool = self._pools.get((kind, proxy, silence, keeps))
        if pool is None:
            pool = self._pools[kind, proxy, silence, keeps] = self._make(kind, proxy, silence, keeps)
        return pool

    async def aclose(self) -> None:
        """Close all connections."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()


def make_transport(
    choice: Literal["auto", "fast", "httpx"],
    *,
    way: Way,
    connect_timeout: float,
    max_connections: int,
    stall_timeout: Callable[[], float],
) -> Transport:
    """Return the transport of the setting `transfer.transport`; its `kind` says which one it became.

    `connect_timeout`: seconds for name, connection and TLS together (each by itself with httpx's own).
    `max_connections`: how many idle connections are kept; how many are in flight is the caller's affair.
    `stall_timeout`: seconds after which the caller's watchdog cancels a silent request that begins now. There
    is no other timeout, except that the fast transport drops a connection after four times that, at least a
    minute.
    Raises PullError if `choice` is "fast" and pyreqwest is not installed.
    """

    def make(kind: TransportKind, proxy: str | None, silence: float, keeps: bool) -> httpx.AsyncBaseTransport:
        if kind == "httpx":
            return PlainTransport(way, proxy, connect_timeout, max_connections if keeps else 0)
        from pulltui.engine.fast import FastTransport

        return FastTransport(
            proxy=proxy,
            extra_roots=way.extra_roots,
            connect_timeout=connect_timeout,
            silence=silence,
            max_idle=max_connections,
            idle_timeout=IDLE_TIMEOUT,
        )

    return Transport(_choose(choice), way, make, stall_timeout)


def _choose(choice: Literal["auto", "fast", "httpx"]) -> TransportKind:
    if choice == "httpx":
        return "httpx"
    # pyreqwest's allocator (mimalloc) reads this when it is loaded. It would commit its memory ahead, in huge
    # pages: measured, 20 MB more resident and not a bit faster.
    os.environ.setdefault("MIMALLOC_ARENA_EAGER_COMMIT", "0")
    try:
        import pulltui.engine.fast  # noqa: F401  (loads pyreqwest)
    except ImportError as error:
        if choice == "auto":
            return "httpx"
        raise PullError(
            "the fast transport needs pyreqwest, which is not installed here",
            'Set transfer.transport = "auto".',
        ) from error
    return "fast"


class PlainTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport with our timeouts, trust and proxy."""

    def __init__(self, way: Way, proxy: str | None, connect_timeout: float, max_idle: int) -> None:
        context = way.ssl_context()
        limits = httpx.Limits(max_keepalive_connections=max_idle, keepalive_expiry=IDLE_TIMEOUT)
        secure = proxy is not None and proxy.startswith("https:")
        via = httpx.Proxy(proxy, ssl_context=context if secure else None) if proxy else None
        self._connect_timeout = connect_timeout
        self._socks = proxy is not None and proxy.startswith("socks")
        super().__init__(verify=context, limits=limits, proxy=via, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request with no timeout but the one for connecting."""
        request.extensions["timeout"] = {"connect": self._connect_timeout}
        try:
            if self._socks:
                return await self._through_socks(request)
            if request.url.scheme == "https":
                return await self._over_tls(request)
            return await super().handle_async_request(request)
        except ssl.SSLError as error:  # an alert instead of an answer, which httpcore does not know
            raise httpx.ReadError(str(error)) from error

    async def _over_tls(self, request: httpx.Request) -> httpx.Response:
        """Send it; a connection that is given up in its handshake is closed, which httpcore forgets."""
        opened: Any = None

        async def trace(event: str, facts: dict[str, Any]) -> None:
            nonlocal opened
            if event == "connection.connect_tcp.complete":
                opened = facts["return_value"]
            elif event.endswith(".start_tls.complete"):
                opened = None

        request.extensions["trace"] = trace
        try:
            return await super().handle_async_request(request)
        except asyncio.CancelledError:
            if opened is not None:
                await opened.aclose()
            raise

    async def _through_socks(self, request: httpx.Request) -> httpx.Response:
        """Send it with a timeout for the talk with the proxy, and an httpx error for whatever that brings.

        httpcore waits for a SOCKS proxy's words without end, knows no error for strange ones, and leaves the
        connection open after any, and when it is given up in the handshake that follows.
        """
        opened: Any = None
        talking = False
        try:
            async with asyncio.timeout(None) as limit:

                async def trace(event: str, facts: dict[str, Any]) -> None:
                    nonlocal opened, talking
                    if event == "socks.setup_socks5_connection.started":
                        opened, talking = facts["stream"], True
                        limit.reschedule(asyncio.get_running_loop().time() + self._connect_timeout)
                    elif event == "socks.setup_socks5_connection.complete":
                        opened, talking = opened if request.url.scheme == "https" else None, False
                        limit.reschedule(None)
                    elif event.endswith(".start_tls.complete"):
                        opened = None

                request.extensions["trace"] = trace
                return await super().handle_async_request(request)
        except BaseException as error:  # a cancellation; socksio's own; an assertion of httpcore's
            if opened is not None:
                await opened.aclose()
            if not talking:
                raise
            if isinstance(error, TimeoutError):
                raise httpx.ConnectTimeout("the SOCKS proxy says nothing") from error
            if isinstance(error, httpx.ProxyError) or not isinstance(error, Exception):
                raise
            raise httpx.ProxyError(SOCKS_BROKEN) from error


async def chunks(response: httpx.Response) -> AsyncIterator[memoryview]:
    """Yield the body of a streamed answer as it comes off the socket, undecoded, without copying.

    Read to the end, or the connection cannot be used again; leaving the response's `async with` closes it at
    once otherwise. Raises httpx.TransportError, for `classify`.
    """
    try:
        async for chunk in response.stream:  # type: ignore[union-attr]
            yield memoryview(chunk)
    except httpx.RequestError as error:
        error.request = response.request
        raise
    except ssl.SSLError as error:  # an alert, which httpcore does not know
        raise httpx.ReadError(str(error), request=response.request) from error
