"""Origins: scheme, host and port, which together say to whom a credential belongs (RFC 6454)."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

import httpx

from pulltui.engine.hosts import bracketed, flaw
from pulltui.engine.network import DEFAULT_PORTS

_HOST = re.compile(rb"[A-Za-z0-9_.:-]*")


def can_exist(url: httpx.URL) -> bool:
    """Return whether there can be such a host and port: httpx.URL takes more than any transport does."""
    host = url.raw_host.decode("ascii")
    known = not host or ":" in host or not flaw(host.removesuffix("."))
    return known and bool(_HOST.fullmatch(url.raw_host)) and (url.port is None or 0 < url.port < 1 << 16)


class Origin(NamedTuple):
    """Two URLs of one origin have equal ones."""

    scheme: str
    host: str
    """ASCII, lower case, no brackets."""
    port: int

    @classmethod
    def of(cls, url: httpx.URL) -> Self:
        """Return the origin of a URL; its port is the scheme's where the URL has none."""
        port = url.port or DEFAULT_PORTS.get(url.scheme, 0)
        return cls(url.scheme, url.raw_host.decode("ascii").lower().rstrip("."), port)

    @property
    def is_default(self) -> bool:
        """Whether the port is the scheme's own."""
        return self.port == DEFAULT_PORTS.get(self.scheme)

    @property
    def netloc(self) -> str:
        """`host[:port]`, the port only where it is not the scheme's own."""
        return bracketed(self.host, None if self.is_default else self.port)

    def among(self, hosts: frozenset[str]) -> bool:
        """Whether a setting's list of "host" and "host:port" (lower case) names it."""
        return not hosts.isdisjoint({bracketed(self.host, None), bracketed(self.host, self.port)})
