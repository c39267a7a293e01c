"""A port on loopback that can be closed and opened again."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable

BACKLOG = 512
BIND_TRIES = 20


class Port:
    """One port number on 127.0.0.1 and, where it exists, on ::1."""

    def __init__(self, cdn: bool) -> None:
        """Binds at a free number; `cdn` is passed on to whoever welcomes connections. Raises OSError."""
        self._cdn = cdn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sockets: list[socket.socket] = []
        self._holders: list[socket.socket] = []
        self.number = 0
        for _ in range(BIND_TRIES):
            try:
                self.bind()
                break
            except OSError as problem:
                # The number that was free on 127.0.0.1 is taken on ::1: try another.
                self.close()
                self.number = 0
                if problem.errno != errno.EADDRINUSE:
                    raise
        else:
            raise OSError(errno.EADDRINUSE, "no port number is free on both 127.0.0.1 and ::1")
        self._hold()

    @property
    def is_open(self) -> bool:
        """Whether it listens, or is about to."""
        return bool(self._sockets)

    def bind(self) -> None:
        """Binds, at the number it had or at a free one. Raises OSError."""
        self._sockets.append(_bound(socket.AF_INET, "127.0.0.1", self.number))
        self.number = self._sockets[0].getsockname()[1]
        if _has_ipv6():
            self._sockets.append(_bound(socket.AF_INET6, "::1", self.number))

    def listen(self, welcome: Callable[[socket.socket, bool], None]) -> None:
        """Hands each accepted socket to `welcome`, from the running loop."""
        self._loop = asyncio.get_running_loop()
        for sock in self._sockets:
            sock.listen(BACKLOG)
            self._loop.add_reader(sock, self._accept, sock, welcome)

    def close(self) -> None:
        """Refuses connections from now on; to be called from the loop that listens."""
        for sock in self._sockets:
            if self._loop is not None:
                self._loop.remove_reader(sock)
            sock.close()
        self._sockets = []

    def release(self) -> None:
        """Closes it for good: the number is anybody's."""
        self.close()
        for sock in self._holders:
            sock.close()
        self._holders = []

    def _accept(self, listener: socket.socket, welcome: Callable[[socket.socket, bool], None]) -> None:
        # One wake-up may stand for many connections; an error means that the last has been taken or is gone.
        with contextlib.suppress(OSError):
            for _ in range(BACKLOG):
                sock, _address = listener.accept()
                sock.setblocking(False)
                welcome(sock, self._cdn)

    def _hold(self) -> None:
        """Keeps the number while the port is closed, by sockets that are bound and never listen.

        Where a system does not allow that, another program may in theory take the number meanwhile.
        """
        for listener in self._sockets:
            with contextlib.suppress(OSError):
                self._holders.append(_bound(listener.family, listener.getsockname()[0], self.number))


def _bound(family: int, address: str, number: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((address, number))
    except OSError:
        sock.close()
        raise
    return sock


def _has_ipv6() -> bool:
    """Whether ::1 can be bound here."""
    try:
        _bound(socket.AF_INET6, "::1", 0).close()
    except OSError:
        return False
    return True
