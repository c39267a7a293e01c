"""A request as it came off the socket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

MOST_HEAD = 64 * 1024
END_OF_HEAD = b"\r\n\r\n"
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class BadRequestError(Exception):
    """What came is not a request this server understands."""


@dataclass(frozen=True)
class Request:
    """Method, target as sent, headers with names in lower case (repeated ones joined with a comma)."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """The path, percent signs decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """The query's fields."""
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def wants_close(self) -> bool:
        """Whether the client will not send another request on this connection."""
        return self.headers.get("connection", "").lower() == "close"

    def range(self, size: int) -> tuple[int, int] | None:
        """The bytes asked for as (start, stop), half open, within `size`; None without a (single) range.

        Raises ValueError for a range past the end (RFC 9110, section 14.1.2: to be answered with 416).
        """
        match = RANGE.fullmatch(self.headers.get("range", ""))
        if match is None or not (match[1] or match[2]):
            return None
        if not match[1]:
            start, stop = max(0, size - int(match[2])), size
        else:
            start = int(match[1])
            stop = min(size, int(match[2]) + 1) if match[2] else size
        if start >= stop:
            raise ValueError(self.headers["range"])
        return start, stop


def parse_request(head: bytes) -> Request:
    """Reads a request's head (without the empty line). Raises BadRequestError."""
    try:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _version = first.split(" ")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError(line)
            name = name.strip().lower()
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    except ValueError as problem:
        raise BadRequestError(str(problem)) from None
    return Request(method, target, headers)
