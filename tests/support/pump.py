"""Bytes carried from one socket to another, as proxies do."""

from __future__ import annotations

import contextlib
import socket
import threading

_CHUNK = 1 << 18


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes until either has left."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def join(client: socket.socket, server: socket.socket) -> None:
    """Carry bytes both ways until both have left."""
    thread = threading.Thread(target=pump, args=(client, server), daemon=True)
    thread.start()
    pump(server, client)
    thread.join(5)
