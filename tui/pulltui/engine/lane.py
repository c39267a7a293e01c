"""A native client that carries one request at a time, whose connection can be found and cut."""

from __future__ import annotations

import itertools
import os
import socket
import stat
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.request import RequestBuilder

_FILES = "/dev/fd"
"""Where Linux and macOS list the files that a process has open; Windows does not."""
_INTERVAL = 17
"""Seconds between keep-alive probes on our connections: nobody else asks for so many."""
_SOONEST = 20
"""Seconds of rest before the first probe, for the first lane; each lane has one more than the one before."""
_MARKS = 30_000
"""So many lanes have a mark of their own: Linux takes no more than 32767 s."""
_IDLE: int = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", 0))
"""The option that says when the first probe is due, as Linux and as macOS call it."""

_numbers = itertools.count()


class Lane:
    """One client of pyreqwest, for one request at a time: its idle connections are its own.

    pyreqwest goes on with a request that is cancelled before its answer began, and closing the client does
    not end it: its runtime holds on to the request, the client and the connection. What does is the end of
    the connection. Nobody tells which one that is, so every lane asks for keep-alive probes at a time of its
    own, and `cut` looks for the sockets that have it.

    A client costs 0.1 MB and the time to read the system's certificates (measured: 4 to 7 ms).
    """

    def __init__(self, builder: ClientBuilder) -> None:
        """`builder` is used up; raises what its `build` raises."""
        self._mark = _SOONEST + next(_numbers) % _MARKS
        builder = builder.tcp_keepalive(timedelta(seconds=self._mark))
        self._client: Client = builder.tcp_keepalive_interval(timedelta(seconds=_INTERVAL)).build()
        self.kept: set[str] = set()
        """Origins to which it has kept a connection, as far as we know."""
        self.used: set[str] = set()
        """Origins to which it may still have one: small rests of unwanted bodies are read all the same."""

    def request(self, method: str, url: str) -> RequestBuilder:
        """Begin a request."""
        return self._client.request(method, url)

    def cut(self) -> bool:
        """Shut its connections down, which ends what waits for them; False where they cannot be found.

        It may take several calls: one does nothing while there are no file numbers left to look with.
        """
        self.kept.clear()
        try:
            files = [int(entry.name) for entry in Path(_FILES).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        for file in files:
            # The thread that owns it may close it meanwhile: a duplicate stays what it is.
            with suppress(OSError), _duplicate(file) as found:
                if self._is_ours(found):
                    found.shutdown(socket.SHUT_RDWR)
        return True

    def _is_ours(self, found: socket.socket) -> bool:
        return (
            found.family in (socket.AF_INET, socket.AF_INET6)
            and found.type == socket.SOCK_STREAM
            and found.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == _INTERVAL
            and found.getsockopt(socket.IPPROTO_TCP, _IDLE) == self._mark
        )

    async def close(self) -> None:
        """Close the client; its idle connections go with its last user."""
        await self._client.close()


def _duplicate(file: int) -> socket.socket:
    """Return the socket `file` under another number; raises OSError if it is none (any more)."""
    if not stat.S_ISSOCK(os.fstat(file).st_mode):
        raise OSError
    duplicate = os.dup(file)
    try:
        return socket.socket(fileno=duplicate)
    except OSError:
        os.close(duplicate)
        raise
