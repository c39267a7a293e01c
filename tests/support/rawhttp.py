"""A client that sees what a polite one hides: every header as sent, and how a connection ended."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

import httpx
from pulltui.demo import Blob, Registry

LONG = 10.0
"""Seconds without a byte that are silence on any machine."""


class Ending(Enum):
    """How an answer ended."""

    COMPLETE = "all of its Content-Length came"
    CLOSED = "the server closed"
    RESET = "the server reset"
    SILENT = "nothing came for the patience given"
    LEFT = "the client had enough"


@dataclass
class Answer:
    """What came: status 0 if no whole head did; header names as sent; seconds from request to first byte."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    ending: Ending = Ending.CLOSED
    raw: bytes = b""
    first_byte: float = 0.0

    def all(self, name: str) -> list[str]:
        """The values of all headers of that name."""
        return [value for key, value in self.headers if key.lower() == name]

    def get(self, name: str) -> str:
        """The value of the only header of that name, "" without one."""
        values = self.all(name)
        assert len(values) < 2, values
        return values[0] if values else ""


def ask(
    url: str,
    span: tuple[int, int] | None = None,
    patience: float = LONG,
    *,
    after: int | None = None,
    enough: int | None = None,
    method: str = "GET",
    headers: dict[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own, with `span` (half open) as its range.

    `patience`: how many seconds without a byte are silence, once `after` bytes of body have come if that is
    given; until then it is ten. After `enough` bytes of body the client leaves.
    """
    parts = urlsplit(url)
    lines = [f"{method} {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    if span is not None:
        lines.append(f"Range: bytes={span[0]}-{span[1] - 1}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    with socket.create_connection((parts.hostname, parts.port), timeout=LONG) as sock:
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        return _receive(sock, patience, after, enough)


def _receive(sock: socket.socket, patience: float, after: int | None, enough: int | None) -> Answer:
    answer = Answer()
    began = time.monotonic()
    raw = bytearray()
    while not _complete(answer, len(raw), enough):
        due = after is None or (answer.status and len(raw) >= after)
        sock.settimeout(patience if due else LONG)
        try:
            data = sock.recv(256 * 1024)
        except TimeoutError:
            answer.ending = Ending.SILENT
            break
        except ConnectionResetError:
            answer.ending = Ending.RESET
            break
        if not data:
            break
        answer.first_byte = answer.first_byte or time.monotonic() - began
        raw += data
        if not answer.status and b"\r\n\r\n" in raw:
            head, _, rest = bytes(raw).partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            answer.status = int(first.split(" ")[1])
            answer.headers = [(line.partition(": ")[0], line.partition(": ")[2]) for line in lines]
            raw = bytearray(rest)
    answer.body = bytes(raw) if answer.status else b""
    answer.raw = bytes(raw)
    return answer


def _complete(answer: Answer, received: int, enough: int | None) -> bool:
    if answer.status and enough is not None and received >= enough:
        answer.ending = Ending.LEFT
        return True
    length = answer.all("content-length")
    if answer.status and length and received >= int(length[0]):
        answer.ending = Ending.COMPLETE
        return True
    return False


def resolve(registry: Registry, path: str, blob: Blob) -> str:
    """The URL at the registry's second host, by its redirect."""
    answer = httpx.get(f"{registry.url}/v2/{path}/blobs/{blob.digest}", trust_env=False)
    assert answer.status_code == 307, answer
    return answer.headers["location"]
