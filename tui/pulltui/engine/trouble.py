"""What went wrong on the network, the same for both transports: a kind to act on and words to show."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from enum import StrEnum

import httpx
import msgspec

from pulltui.engine.clean import safe, safe_url
from pulltui.engine.hosts import bracketed
from pulltui.engine.network import DEFAULT_PORTS

PROXY_KEY = "pulltui_proxy"
"""Under this key of a request's extensions stands the URL of the proxy that it went through."""

# How httpx (h11, httpcore) words what has no exception type of its own; the fast transport words it so too.
CUT_SHORT = "without sending complete message body"
NO_ANSWER = "without sending a response"
PROXY_LOGIN = "407"
SOCKS_LOGIN = "from proxy server, but got NO ACCEPTABLE METHODS"
SOCKS_WRONG_LOGIN = "Invalid username/password"
SOCKS_REPLY = "Proxy Server could not connect: "
SOCKS_BROKEN = "does not answer in proper SOCKS 5"
WRONG_VERSION = "WRONG_VERSION_NUMBER"
# The alert of TLS 1.3 to clients without a certificate, as OpenSSL and rustls word it.
_CLIENT_CERTIFICATE = ("ALERT_CERTIFICATE_REQUIRED", "CertificateRequired")
# How rustls words a server's certificate that is an authority's, its own.
SELF_ISSUED = "CaUsedAsEndEntity"
# What pyreqwest says when there is no connection to a SOCKS proxy, whatever the cause.
SOCKS_UNREACHED = "SOCKS error: failed to create underlying connection"


class FaultKind(StrEnum):
    """What kind of trouble it is."""

    REFUSED = "refused"
    UNKNOWN_HOST = "unknown-host"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect-timeout"
    RESET = "reset"
    SHORT_BODY = "short-body"
    """The connection ended before the body did."""
    CLOSED = "closed"
    """The connection ended before an answer."""
    PROTOCOL = "protocol"
    """The answer is not HTTP."""
    TLS = "tls"
    """No TLS session, and not for the certificate; `reason` is "no-tls" if the other side speaks no TLS, and
    "client" if it wants a certificate from us."""
    TRUST = "trust"
    """The certificate is not believed; `reason` says why."""
    PROXY = "proxy"
    """The proxy cannot be reached or will not connect; `reason` is "login" if it wants a password."""
    TOO_MANY_FILES = "too-many-files"
    SILENT = "silent"
    """The transport's own backstop: no byte for longer than the watchdog allows."""
    OTHER = "other"


class Distrust(StrEnum):
    """Why a certificate is not believed (`Fault.reason` for FaultKind.TRUST)."""

    UNKNOWN_AUTHORITY = "unknown-authority"
    """Signed by itself or by an authority that is not in the store."""
    WRONG_NAME = "wrong-name"
    EXPIRED = "expired"
    OTHER = "other"


class Fault(msgspec.Struct, frozen=True):
    """One failure on the network."""

    kind: FaultKind
    text: str
    """One clean line without a full stop: 'connection refused by 127.0.0.1:4433'."""
    reason: str = ""
    detail: str = ""
    """The transport's own words, clean; they differ between transports. For logs."""
    host: str = ""
    """The host that was asked, without port; the proxy's for FaultKind.PROXY."""


_ERRNO_KINDS = {
    errno.ECONNREFUSED: FaultKind.REFUSED,
    errno.ENETUNREACH: FaultKind.UNREACHABLE,
    errno.EHOSTUNREACH: FaultKind.UNREACHABLE,
    errno.ENETDOWN: FaultKind.UNREACHABLE,
    errno.EHOSTDOWN: FaultKind.UNREACHABLE,
    errno.EADDRNOTAVAIL: FaultKind.UNREACHABLE,
    errno.ECONNRESET: FaultKind.RESET,
    errno.ECONNABORTED: FaultKind.RESET,
    errno.EPIPE: FaultKind.RESET,
    errno.EMFILE: FaultKind.TOO_MANY_FILES,
    errno.ENFILE: FaultKind.TOO_MANY_FILES,
}

# OpenSSL's X509_V_ERR_* numbers, and the OSStatus that truststore passes on under macOS.
_DISTRUST = {
    **dict.fromkeys((2, 18, 19, 20, 21, -67843, -25318), Distrust.UNKNOWN_AUTHORITY),
    **dict.fromkeys((10, -67818), Distrust.EXPIRED),
    **dict.fromkeys((62, 63, 64, -67602), Distrust.WRONG_NAME),
}

_DISTRUST_TEXTS = {
    Distrust.UNKNOWN_AUTHORITY: "signed by itself or by an authority that this system does not know",
    Distrust.WRONG_NAME: "it is for another name",
    Distrust.EXPIRED: "it has expired",
}

_BEFORE_CONNECTED = {
    FaultKind.REFUSED,
    FaultKind.UNKNOWN_HOST,
    FaultKind.UNREACHABLE,
    FaultKind.CONNECT_TIMEOUT,
}


def classify(error: BaseException) -> Fault:
    """Return what `error`, raised by a request or while its body was read, means.

    Both transports give the same kind, text and reason for the same trouble. Never raises; what is not
    known is FaultKind.OTHER with the error's own words.
    """
    kind, reason = _kind(error)
    request = _request(error)
    url = request.url if request else httpx.URL()
    proxy = str(request.extensions.get(PROXY_KEY, "")) if request else ""
    host = _host(url)
    detail = safe(str(_innermost(error)) or type(error).__name__)
    if proxy and kind in _BEFORE_CONNECTED:
        at = httpx.URL(proxy)
        text = f"proxy {safe_url(proxy)}: {_words(kind, reason, at, detail)}"
        return Fault(FaultKind.PROXY, text, reason, detail, _host(at))
    if kind is FaultKind.PROXY:
        at = httpx.URL(proxy)
        return Fault(
            kind, f"proxy {safe_url(proxy)} {_refusal(at, reason, host, detail)}", reason, detail, _host(at)
        )
    text = _words(kind, reason, url, detail)
    if proxy and kind not in (FaultKind.TOO_MANY_FILES, FaultKind.TRUST):
        text += f" (through proxy {safe_url(proxy)})"
    return Fault(kind, text, reason, detail, host)


def _host(url: httpx.URL) -> str:
    """Return the host as it is asked for; httpx would decode xn--, which may look like another, or fail."""
    return safe(url.raw_host.decode("ascii"))


def _refusal(proxy: httpx.URL, reason: str, host: str, detail: str) -> str:
    """Return what a proxy that was reached does instead of connecting to `host`."""
    if reason:
        asks, refuses = "asks for a user name and password", "refuses the user name and password it was given"
        return refuses if proxy.userinfo else asks
    if detail == SOCKS_BROKEN:
        return detail
    _, _, reply = detail.rstrip(".").partition(SOCKS_REPLY)
    return f"does not connect to {host}" + (f" ({reply})" if reply else "")


def _words(kind: FaultKind, reason: str, url: httpx.URL, detail: str) -> str:
    host = _host(url) or "the server"
    address = bracketed(host, url.port or DEFAULT_PORTS.get(url.scheme))
    texts = {
        FaultKind.REFUSED: f"connection refused by {address}",
        FaultKind.UNKNOWN_HOST: f"unknown host {host}",
        FaultKind.UNREACHABLE: f"no route to {host}",
        FaultKind.CONNECT_TIMEOUT: f"no connection to {address} in time",
        FaultKind.RESET: f"connection reset by {host}",
        FaultKind.SHORT_BODY: f"connection closed by {host} before all bytes came",
        FaultKind.CLOSED: f"connection closed by {host} without an answer",
        FaultKind.PROTOCOL: f"{host} does not answer in proper HTTP",
        FaultKind.TLS: f"no TLS session with {address}",
        FaultKind.TOO_MANY_FILES: "too many open files",
        FaultKind.SILENT: f"nothing came from {host}",
    }
    if kind is FaultKind.TRUST:
        why = _DISTRUST_TEXTS.get(Distrust(reason), detail)
        return f"the certificate of {host} is not trusted: {why}"
    if reason == "no-tls":
        return f"{address} does not speak TLS"
    if reason == "client":
        return f"{address} wants a certificate from us, and there is no way to give one"
    return texts.get(kind, detail)


def _kind(error: BaseException) -> tuple[FaultKind, str]:
    text = str(error)
    if isinstance(error, httpx.RemoteProtocolError):
        if CUT_SHORT in text:
            return FaultKind.SHORT_BODY, ""
        return (FaultKind.CLOSED if NO_ANSWER in text else FaultKind.PROTOCOL), ""
    if isinstance(error, httpx.ConnectTimeout):
        return FaultKind.CONNECT_TIMEOUT, ""
    if isinstance(error, httpx.TimeoutException):
        return FaultKind.SILENT, ""
    if isinstance(error, httpx.ProxyError):
        login = text.startswith(PROXY_LOGIN) or SOCKS_LOGIN in text or text == SOCKS_WRONG_LOGIN
        return FaultKind.PROXY, "login" if login else ""
    connecting = isinstance(error, httpx.ConnectError)
    for link in _chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            return FaultKind.TRUST, _DISTRUST.get(link.verify_code, Distrust.OTHER)
        if isinstance(link, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return (FaultKind.CLOSED if connecting else FaultKind.SHORT_BODY), ""
        if isinstance(link, ssl.SSLError):
            if any(words in str(link) for words in _CLIENT_CERTIFICATE):
                return FaultKind.TLS, "client"
            reason = "no-tls" if WRONG_VERSION in str(link) else ""
            return (FaultKind.TLS if connecting else FaultKind.PROTOCOL), reason
        if isinstance(link, socket.gaierror):
            return FaultKind.UNKNOWN_HOST, ""
        if isinstance(link, OSError):
            if link.errno == errno.ETIMEDOUT:  # the kernel gave up, before us
                return (FaultKind.CONNECT_TIMEOUT if connecting else FaultKind.RESET), ""
            if link.errno in _ERRNO_KINDS:
                return _ERRNO_KINDS[link.errno], ""
    return FaultKind.OTHER, ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what caused it, outermost first; of a group, the causes of its first member.

    httpcore raises its errors `from None`, so a context counts although it is suppressed.
    """
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        if isinstance(link, BaseExceptionGroup):
            link = link.exceptions[0]
        else:
            link = link.__cause__ or link.__context__


def _innermost(error: BaseException) -> BaseException:
    """Return the deepest cause that says something, the error itself if it speaks for itself."""
    if isinstance(error, httpx.RemoteProtocolError | httpx.ProxyError):
        return error
    told = [link for link in _chain(error) if isinstance(link, OSError | httpx.HTTPError) and str(link)]
    return told[-1] if told else error


def _request(error: BaseException) -> httpx.Request | None:
    try:
        return error.request if isinstance(error, httpx.RequestError) else None
    except RuntimeError:  # raised by httpx when nobody has set it
        return None
