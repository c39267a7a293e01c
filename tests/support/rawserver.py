"""A server on loopback that does with each connection exactly what a test says, however wrong."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Self

Handler = Callable[[socket.socket], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"


class RawServer:
    """Accepts on 127.0.0.1 and runs `handler` on each connection in a thread; TLS if given a context.

    The connection is closed when the handler returns. What a client's leaving makes a handler raise
    (OSError) ends that connection only.
    """

    def __init__(self, handler: Handler, context: ssl.SSLContext | None = None) -> None:
        self._handler = handler
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.accepted = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def scheme(self) -> str:
        return "https" if self._context else "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/"

    def close(self) -> None:
        """Stop accepting, drop every connection, wait for the handlers."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        raw = connection
        try:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            self._handler(connection)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(raw)
            connection.close()


def read_head(connection: socket.socket) -> bytes:
    """Read and return one request's head; empty when the client closed instead."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            break
        data += more
    return data


def reset(connection: socket.socket) -> None:
    """Close so that the client gets an RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answer_all(connection: socket.socket) -> None:
    """Answer every request with OK, as long as the client keeps the connection."""
    while read_head(connection):
        connection.sendall(OK)


def answering(answer: bytes) -> Handler:
    """Return a handler that reads a request, sends `answer` and closes."""

    def handler(connection: socket.socket) -> None:
        if read_head(connection):
            connection.sendall(answer)

    return handler
