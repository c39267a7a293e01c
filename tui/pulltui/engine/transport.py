"""Which transport carries the bytes, and the way each request takes: straight, or through a proxy."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from typing import Literal

import httpx

from pulltui.engine.clean import safe_url
from pulltui.engine.errors import PullError
from pulltui.engine.network import Way
from pulltui.engine.trouble import PROXY_KEY, PROXY_LOGIN, SELF_ISSUED

TransportKind = Literal["fast", "httpx"]

IDLE_TIMEOUT = 15.0
"""Seconds a connection is kept for the next request; below what servers commonly grant."""


class Transport(httpx.AsyncBaseTransport):
    """Sends each request through the proxy its URL calls for, on one pool of connections a proxy.

    Adds no header of its own except what HTTP demands (pyreqwest names itself if there is no User-Agent);
    follows nothing, decodes nothing, retries nothing. Errors are httpx's, with their request set:
    `pulltui.engine.trouble.classify` reads them.
    """

    def __init__(
        self,
        kind: TransportKind,
        way: Way,
        make: Callable[[TransportKind, str | None], httpx.AsyncBaseTransport],
    ) -> None:
        self.kind = kind
        self._way = way
        self._make = make
        self._pools: dict[tuple[TransportKind, str | None], httpx.AsyncBaseTransport] = {}
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
        host = request.url.netloc
        if host not in self._lenient:
            try:
                return await self._pool(self.kind, proxy).handle_async_request(request)
            except httpx.ConnectError as error:
                if SELF_ISSUED not in str(error) or not self._way.ca_pem:
                    raise
            # `openssl req -x509` makes servers such certificates. OpenSSL takes one that stands in `ca_file`,
            # rustls never does; nothing was sent yet, so httpx's own transport decides, now and later.
            self._lenient.add(host)
        return await self._pool("httpx", proxy).handle_async_request(request)

    def _pool(self, kind: TransportKind, proxy: str | None) -> httpx.AsyncBaseTransport:
        pool = self._pools.get((kind, proxy))
        if pool is None:
            pool = self._pools[kind, proxy] = self._make(kind, proxy)
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
    stall_timeout: float,
) -> Transport:
    """Return the transport of the setting `transfer.transport`; its `kind` says which one it became.

    `connect_timeout`: seconds for name, connection and TLS together (each by itself with httpx's own).
    `max_connections`: how many idle connections are kept; how many are in flight is the caller's affair.
    `stall_timeout`: seconds after which the caller's watchdog cancels a silent request. There is no other
    timeout, except that the fast transport drops a connection after four times that, at least a minute.
    Raises PullError if `choice` is "fast" and pyreqwest is not installed.
    """

    def make(kind: TransportKind, proxy: str | None) -> httpx.AsyncBaseTransport:
        if kind == "httpx":
            return PlainTransport(way, proxy, connect_timeout, max_connections)
        from pulltui.engine.fast import FastTransport

        return FastTransport(
            proxy=proxy,
            extra_roots=way.extra_roots,
            connect_timeout=connect_timeout,
            silence=max(60.0, 4 * stall_timeout),
            max_idle=max_connections,
            idle_timeout=IDLE_TIMEOUT,
        )

    return Transport(_choose(choice), way, make)


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
        self._timeout = {"connect": connect_timeout}
        try:
            super().__init__(verify=context, limits=limits, proxy=via, trust_env=False)
        except ImportError as error:
            raise PullError(
                f"proxy {safe_url(proxy or '')} cannot be used by httpx's own transport",
                'Set transfer.transport = "fast", or use an http proxy.',
            ) from error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request with no timeout but the one for connecting."""
        request.extensions["timeout"] = self._timeout
        return await super().handle_async_request(request)


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
