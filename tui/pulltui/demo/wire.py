"""One accepted socket: reads request heads, sends bytes, and ends as rudely as it is told to."""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from collections.abc import Callable
from functools import partial

from pulltui.demo.request import END_OF_HEAD, MOST_HEAD, BadRequestError, Request, parse_request

RECEIVE = 16 * 1024
FLUSH_STEP = 0.002
FLUSH_TIME = 2.0


# Calls what it is given, which sends and says how much, and returns that.
Through = Callable[[Callable[[], int]], int]


class GoneError(Exception):
    """The client has closed or reset the connection."""


class Wire:
    """A non-blocking socket whose sends are counted as the kernel takes them."""

    def __init__(self, sock: socket.socket) -> None:
        """`sock` is non-blocking and belongs to the wire from now on."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()

    async def read_request(self) -> Request | None:
        """The next request; None when the client has closed. Raises BadRequestError, GoneError."""
        while (end := self._received.find(END_OF_HEAD)) < 0:
            if len(self._received) > MOST_HEAD:
                raise BadRequestError("the head is too long")
            if not await self._receive():
                return None
        head = bytes(self._received[:end])
        del self._received[: end + len(END_OF_HEAD)]
        return parse_request(head)

    async def send(self, data: bytes, through: Through | None = None) -> None:
        """Sends all of `data`, each push to the kernel `through` whoever counts it. Raises GoneError."""
        rest = memoryview(data)
        while rest:
            try:
                push = partial(self._sock.send, rest)
                sent = through(push) if through else push()
            except BlockingIOError:
                await self._writable()
            except OSError as problem:
                raise GoneError(str(problem)) from None
            else:
                rest = rest[sent:]

    async def silence(self, seconds: float | None = None) -> None:
        """Sends nothing, for ever or for some seconds. Raises GoneError as soon as the client closes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while await self._receive():
                    pass
                raise GoneError("closed by the client")

    async def flush(self) -> None:
        """Waits until the client's kernel has what was sent (2 s at most), lest a reset take some back."""
        for _ in range(round(FLUSH_TIME / FLUSH_STEP)):
            waiting = array.array("i", [0])
            try:
                fcntl.ioctl(self._sock.fileno(), termios.TIOCOUTQ, waiting)
            except OSError:
                return
            if waiting[0] == 0:
                return
            await asyncio.sleep(FLUSH_STEP)

    def reset(self) -> None:
        """Ends the connection with an RST."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def close(self) -> None:
        """Ends the connection in an orderly way."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        self._sock.close()

    async def _receive(self) -> bool:
        """Takes in what the client sends; False when it has closed. Raises GoneError on a reset."""
        try:
            data = await self._loop.sock_recv(self._sock, RECEIVE)
        except OSError as problem:
            raise GoneError(str(problem)) from None
        self._received += data
        return bool(data)

    async def _writable(self) -> None:
        ready = self._loop.create_future()
        self._loop.add_writer(self._sock, _wake, ready)
        try:
            await ready
        finally:
            self._loop.remove_writer(self._sock)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
