"""What pyreqwest's errors are called in httpx's words: the same as with httpx's own transport."""

from __future__ import annotations

import re
import socket
import ssl
from typing import NoReturn

import httpx
from pyreqwest.exceptions import (
    ConnectTimeoutError,
    DetailedPyreqwestError,
    NetworkError,
    PyreqwestError,
    RequestTimeoutError,
)

from pulltui.engine.trouble import (
    CUT_SHORT,
    NO_ANSWER,
    PROXY_LOGIN,
    SELF_ISSUED,
    SOCKS_BROKEN,
    SOCKS_LOGIN,
    SOCKS_REPLY,
    SOCKS_UNREACHED,
    SOCKS_WRONG_LOGIN,
    WRONG_VERSION,
)

_OS_ERROR = re.compile(r"^(.*?) ?\(os error (\d+)\)")
# What rustls says of a certificate, and OpenSSL's number for the same (X509_V_ERR_*).
_CERTIFICATE_FAULTS = (
    ("unknownissuer", 20),
    (SELF_ISSUED.lower(), 18),
    ("expired", 10),
    ("notvalidyet", 9),
    ("notvalidforname", 62),
)
_UNSPECIFIED = 1
# The connection ended; whether that was before the answer or in its body is told elsewhere.
_ENDED = (
    "end of file before message length",
    "without sending TLS close_notify",
    "closed before message completed",
    "tunnel error: unexpected end of file",
)

_SOCKS_FAULT = "SOCKS error: "
# What hyper says of a SOCKS 5 proxy's refusal, and httpcore for the same.
_SOCKS_REFUSALS = {
    "server does not support user/pass authentication": SOCKS_LOGIN,
    "credentials not accepted": SOCKS_WRONG_LOGIN,
    "general server failure": f"{SOCKS_REPLY}General SOCKS server failure.",
    "connection not allowed": f"{SOCKS_REPLY}Connection not allowed by ruleset.",
    "network unreachable": f"{SOCKS_REPLY}Network unreachable.",
    "host unreachable": f"{SOCKS_REPLY}Host unreachable.",
    "connection refused": f"{SOCKS_REPLY}Connection refused.",
    "ttl expired": f"{SOCKS_REPLY}TTL expired.",
    "command not supported": f"{SOCKS_REPLY}Command not supported.",
    "address type not supported": f"{SOCKS_REPLY}Address type not supported.",
}


def fail(error: PyreqwestError) -> NoReturn:
    """Raise what httpx's own transport raises in this case, with a cause of the same type.

    pyreqwest tells causes as sentences of hyper, rustls and the system; the last one is the innermost.
    """
    details = error.details if isinstance(error, DetailedPyreqwestError) else None
    words = [cause["message"] for cause in (details and details["causes"]) or ()] or [error.message]
    raise _translated(error, words) from _system_cause(words) or error


def _translated(error: PyreqwestError, words: list[str]) -> httpx.TransportError:
    text = words[-1]
    if isinstance(error, ConnectTimeoutError):
        return httpx.ConnectTimeout(text)
    if isinstance(error, RequestTimeoutError):
        return httpx.ReadTimeout(text)
    if any(sentence in text for sentence in _ENDED):
        if "error reading a body from connection" in words:
            return httpx.RemoteProtocolError(f"peer closed connection {CUT_SHORT} ({text})")
        return httpx.RemoteProtocolError(f"Server disconnected {NO_ANSWER} ({text})")
    if text == "tunnel error: proxy authorization required":
        return httpx.ProxyError(f"{PROXY_LOGIN} Proxy Authentication Required")
    if text.startswith("tunnel error"):
        return httpx.ProxyError(text)
    if text.startswith(_SOCKS_FAULT) and text != SOCKS_UNREACHED:
        return httpx.ProxyError(_SOCKS_REFUSALS.get(text.removeprefix(_SOCKS_FAULT), SOCKS_BROKEN))
    if isinstance(error, NetworkError):
        connecting = "client error (Connect)" in words
        return httpx.ConnectError(text) if connecting else httpx.ReadError(text)
    return httpx.RemoteProtocolError(text)


def _system_cause(words: list[str]) -> OSError | None:
    """Return what Python's own sockets would have raised, None if they would not have."""
    text = words[-1]
    if found := _OS_ERROR.match(text):
        return OSError(int(found[2]), found[1])
    if "dns error" in words or "error resolving DNS" in words:
        return socket.gaierror(socket.EAI_NONAME, text)
    if "invalid peer certificate" in text:
        return _certificate_error(text)
    if "tls handshake eof" in text:
        return ssl.SSLEOFError(ssl.SSL_ERROR_EOF, text)
    if "received corrupt message" in text:
        return ssl.SSLError(ssl.SSL_ERROR_SSL, f"{WRONG_VERSION}: {text}")
    if "received fatal alert" in text or "peer is incompatible" in text or "peer misbehaved" in text:
        return ssl.SSLError(ssl.SSL_ERROR_SSL, text)
    return None


def _certificate_error(text: str) -> ssl.SSLCertVerificationError:
    squeezed = text.lower().replace(" ", "")
    error = ssl.SSLCertVerificationError(ssl.SSL_ERROR_SSL, text)
    error.verify_message = text
    error.verify_code = next((code for words, code in _CERTIFICATE_FAULTS if words in squeezed), _UNSPECIFIED)
    return error
