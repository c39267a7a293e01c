"""An HTTP proxy on loopback: the only one who knows where some hosts are."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Collection
from urllib.parse import urlsplit

from support.rawserver import RawServer, read_head

_CHUNK = 1 << 18


class Proxy(RawServer):
    """Carries CONNECT, and GETs of http URLs, to ports of 127.0.0.1, which it takes `hosts` for.

    Others get a 502; whoever does not present `login` (user:password; empty: nobody has to) gets a 407.
    """

    def __init__(self, hosts: Collection[str], login: str = "") -> None:
        self.asked: list[str] = []
        """Method and target of each request."""
        self._hosts = hosts
        self._login = f"Basic {base64.b64encode(login.encode()).decode()}" if login else ""
        super().__init__(self._carry)

    def _carry(self, client: socket.socket) -> None:
        request, *lines = read_head(client).decode("latin-1").split("\r\n")
        if not request:
            return
        method, target, version = request.split(" ")
        self.asked.append(f"{method} {target}")
        headers = {name.lower(): (name, value) for name, _, value in (line.partition(": ") for line in lines)}
        if self._login and headers.get("proxy-authorization", ("", ""))[1] != self._login:
            client.sendall(
                _refusal("407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="x"')
            )
            return
        url = urlsplit(f"//{target}" if method == "CONNECT" else target)
        if url.hostname not in self._hosts:
            client.sendall(_refusal("502 Bad Gateway"))
            return
        with socket.create_connection(("127.0.0.1", url.port or 80)) as server:
            if method == "CONNECT":
                client.sendall(f"{version} 200 Connection established\r\n\r\n".encode())
                threading.Thread(target=_pump, args=(client, server), daemon=True).start()
            else:
                kept = [
                    f"{name}: {value}"
                    for key, (name, value) in headers.items()
                    if name and key not in ("connection", "proxy-connection", "proxy-authorization")
                ]
                head = [f"{method} /{target.split('/', 3)[3]} {version}", *kept, "Connection: close", "", ""]
                server.sendall("\r\n".join(head).encode("latin-1"))
            _pump(server, client)


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes until either has left."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _refusal(status: str, *headers: str) -> bytes:
    return "\r\n".join(
        [f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""]
    ).encode()
