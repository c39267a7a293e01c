"""What the registry will answer, and what the faults make of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from http import HTTPStatus

from pulltui.demo.blobs import Blob, BytesBlob, DamagedBlob
from pulltui.demo.faults import RANGE_MODES, Fault, Faults

SHIFT = 4096
HTML = b"<html><title>Welcome</title><body>Please log in to use this network.</body></html>\n"


class Before(Enum):
    """What happens instead of an answer."""

    NOTHING = ""
    MUTE = "silence"
    CLOSE = "the connection is closed"
    GARBAGE = "something that is not HTTP"


class Then(Enum):
    """What happens after `cut` bytes of the body."""

    GO_ON = ""
    SILENCE = "silence for ever"
    PAUSE = "silence for `pause` seconds, then the rest"
    TRICKLE = "one byte a second"
    RESET = "the connection is reset"
    CLOSE = "the connection is closed"


class Framing(Enum):
    """How the client learns where the body ends."""

    LENGTH = "Content-Length"
    CHUNKED = "Transfer-Encoding: chunked"
    CLOSE = "the connection's end"


@dataclass
class Reply:
    """An answer: the bytes `start` to `stop` of `body`, and how it is to go wrong.

    `asked` is what the request wanted of the blob `digest`; `genuine` whether the bytes sent are the blob's;
    `refused` the fault of the whole registry (expire, max) that is the reason for an error.
    """

    place: str
    status: int
    body: Blob
    headers: list[tuple[str, str]] = field(default_factory=list)
    digest: str = ""
    ranged: bool = False
    asked: tuple[int, int] = (0, 0)
    start: int = 0
    stop: int = 0
    before: Before = Before.NOTHING
    cut: int = 0
    then: Then = Then.GO_ON
    pause: float = 0.0
    extra: int = 0
    framing: Framing = Framing.LENGTH
    gzip: bool = False
    rate: float | None = None
    delay: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    refused: str = ""
    genuine: bool = True

    @property
    def length(self) -> int:
        """Bytes of the body proper."""
        return self.stop - self.start

    def set(self, name: str, value: str) -> None:
        """Sets a header, replacing one of that name."""
        self.remove(name)
        self.headers.append((name, value))

    def remove(self, name: str) -> None:
        """Takes a header out."""
        self.headers = [header for header in self.headers if header[0] != name]

    def replace_body(self, status: int, content_type: str, body: bytes) -> None:
        """Turns it into another answer altogether."""
        self.status, self.body, self.start, self.stop = status, BytesBlob(body), 0, len(body)
        self.headers = [("Content-Type", content_type)]
        self.genuine = False

    def head(self) -> bytes:
        """The status line and headers as sent."""
        headers = list(self.headers)
        if self.framing is Framing.LENGTH:
            headers.append(("Content-Length", str(self.length + self.extra)))
        elif self.framing is Framing.CHUNKED:
            headers.append(("Transfer-Encoding", "chunked"))
        else:
            headers.append(("Connection", "close"))
        reason = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Unknown"
        lines = [
            f"HTTP/1.1 {self.status} {reason}",
            *(f"{name}: {value}" for name, value in headers),
            "",
            "",
        ]
        return "\r\n".join(lines).encode("latin-1")


def plain_reply(place: str, status: int, content_type: str, body: bytes) -> Reply:
    """A whole answer whose body is `body`."""
    blob = BytesBlob(body)
    return Reply(place, status, blob, [("Content-Type", content_type)], stop=len(body), asked=(0, len(body)))


def error_reply(place: str, status: int, code: str, message: str) -> Reply:
    """An error as registries write it (distribution spec, "Error Codes")."""
    return plain_reply(place, status, "application/json", error_body(code, message))


def error_body(code: str, message: str) -> bytes:
    """`{"errors":[{"code","message"}]}`."""
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode() + b"\n"


def busy_headers(plan: Faults, wall: float, usual: float | None) -> list[tuple[str, str]]:
    """The Retry-After of a 429 or 503: from the plan, else `usual` seconds, else none. `wall`: unix time."""
    date = plan.number("retry-after-date")
    if date is not None:
        return [("Retry-After", formatdate(wall + date, usegmt=True))]
    seconds = plan.number("retry-after")
    seconds = usual if seconds is None else seconds
    return [("Retry-After", str(round(seconds)))] if seconds else []


class Spoiler:
    """Applies faults to replies; remembers what takes turns."""

    def __init__(self, plan: Faults, seed: int) -> None:
        """`seed` decides which bits flip."""
        self._plan = plan
        self._random = random.Random(f"spoiler {seed}")
        self._wrong_ranges = 0
        self._etags = 0
        self._by_kind: dict[str, Callable[[Reply, Fault], None]] = {
            "mute": lambda reply, _: setattr(reply, "before", Before.MUTE),
            "close": lambda reply, _: setattr(reply, "before", Before.CLOSE),
            "garbage": lambda reply, _: setattr(reply, "before", Before.GARBAGE),
            "stall": lambda reply, fault: _cut(reply, fault, Then.SILENCE),
            "trickle": lambda reply, fault: _cut(reply, fault, Then.TRICKLE),
            "reset": lambda reply, fault: _cut(reply, fault, Then.RESET),
            "short": lambda reply, fault: _cut(reply, fault, Then.CLOSE),
            "quiet": _quiet,
            "long": lambda reply, fault: setattr(reply, "extra", fault.value),
            "html": lambda reply, _: reply.replace_body(200, "text/html", HTML),
            "norange": _no_range,
            "wrongrange": self._wrong_range,
            "gzip": _gzip,
            "chunked": lambda reply, _: setattr(reply, "framing", Framing.CHUNKED),
            "nolength": lambda reply, _: setattr(reply, "framing", Framing.CLOSE),
            "flip": self._flip,
            "slow": lambda reply, fault: setattr(reply, "rate", fault.value),
            "ttfb": lambda reply, fault: setattr(reply, "delay", fault.value),
            "etag": self._etag,
        }

    def spoil(self, reply: Reply, faults: list[Fault], wall: float) -> None:
        """Makes of `reply` what `faults` (one fate first, then changes) say. `wall` in unix time."""
        for fault in faults:
            if fault.status is not None:
                message = "this is the fault that was ordered"
                reply.replace_body(fault.status, "application/json", error_body("UNAVAILABLE", message))
                if fault.status in {429, 503}:
                    usual = None if fault.value is None else 1.0
                    reply.headers += busy_headers(self._plan, wall, usual)
            else:
                self._by_kind[fault.kind](reply, fault)
        reply.faults += faults

    def _wrong_range(self, reply: Reply, fault: Fault) -> None:
        mode = str(fault.value) if fault.value else RANGE_MODES[self._wrong_ranges % 3]
        self._wrong_ranges += 1
        start, stop, size = reply.start, reply.stop, reply.body.size
        if mode == "shorter":
            reply.stop = stop = start + max(1, (stop - start) // 2)
        said = {
            "start": f"bytes {start + SHIFT}-{stop - 1 + SHIFT}/{size}",
            "total": f"bytes {start}-{stop - 1}/{size + 1}",
            "end": f"bytes {start}-{stop}/{size}",
            "unit": f"items {start}-{stop - 1}/{size}",
        }.get(mode, f"bytes {start}-{stop - 1}/{size}")
        reply.remove("Content-Range")
        if mode != "missing":
            reply.headers.append(("Content-Range", said))
        if mode == "double":
            reply.headers.append(("Content-Range", f"bytes 0-{stop - start - 1}/{size}"))
        if mode == "start":
            reply.start, reply.stop = _shifted(start, stop, size)

    def _flip(self, reply: Reply, _: Fault) -> None:
        position = self._random.randrange(reply.start, reply.stop)
        reply.body = DamagedBlob(reply.body, position, self._random.randrange(8))

    def _etag(self, reply: Reply, _: Fault) -> None:
        self._etags += 1
        reply.set("ETag", f'"other-{self._etags}"')


def _cut(reply: Reply, fault: Fault, then: Then) -> None:
    reply.cut = reply.length // 2 if fault.size is None else fault.size
    reply.then = then


def _quiet(reply: Reply, fault: Fault) -> None:
    reply.cut, reply.then = reply.length // 2, Then.PAUSE
    reply.pause = float(fault.value) if isinstance(fault.value, int | float) else 0.0


def _no_range(reply: Reply, _: Fault) -> None:
    reply.status, reply.start, reply.stop = 200, 0, reply.body.size
    reply.remove("Content-Range")


def _gzip(reply: Reply, _: Fault) -> None:
    reply.gzip, reply.genuine, reply.framing = True, False, Framing.CHUNKED
    reply.set("Content-Encoding", "gzip")


def _shifted(start: int, stop: int, size: int) -> tuple[int, int]:
    """The same number of bytes from a bit further on, or back where the blob ends."""
    by = min(SHIFT, size - stop) or -min(SHIFT, start)
    return start + by, stop + by
