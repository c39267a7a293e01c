"""A SOCKS 5 proxy on loopback (RFC 1928, RFC 1929): the only one who knows where some hosts are."""

from __future__ import annotations

import socket
from collections.abc import Collection

from support.pump import join
from support.rawserver import RawServer

NO_LOGIN, LOGIN, NONE_OF_THESE = b"\x00", b"\x02", b"\xff"
DONE, FAILED, NOT_ALLOWED, NO_NETWORK, NO_HOST, REFUSED = range(6)
"""Replies to a request for a connection."""
_CONNECT_BY_NAME = b"\x05\x01\x00\x03"


class SocksProxy(RawServer):
    """Carries connections to ports of 127.0.0.1, which it takes `hosts` for.

    Asked for others it replies `refusal`, without a word if that is None. With a `login` (user:password) it
    lets nobody in who does not present it.
    """

    def __init__(self, hosts: Collection[str] = (), login: str = "", refusal: int | None = NO_HOST) -> None:
        self.asked: list[str] = []
        """host:port of each connection that was asked for, as the client named it."""
        self.logins: list[str] = []
        """Every user:password that was presented."""
        self._hosts = hosts
        self._login = login
        self._refusal = refusal
        super().__init__(self._carry)

    def at(self, scheme: str, login: str = "") -> str:
        """Its URL, `scheme` being socks5 or socks5h, with this user:password."""
        return f"{scheme}://{login}@127.0.0.1:{self.port}" if login else f"{scheme}://127.0.0.1:{self.port}"

    def _carry(self, client: socket.socket) -> None:
        if not self._let_in(client):
            return
        head = _exactly(client, 4)
        assert head == _CONNECT_BY_NAME, head
        host = _text(client)
        port = int.from_bytes(_exactly(client, 2), "big")
        self.asked.append(f"{host}:{port}")
        if host not in self._hosts:
            if self._refusal is not None:
                client.sendall(_reply(self._refusal))
            return
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.sendall(_reply(DONE))
            join(client, server)

    def _let_in(self, client: socket.socket) -> bool:
        version, count = _exactly(client, 2)
        assert version == 5
        offered = _exactly(client, count)
        method = LOGIN if self._login else NO_LOGIN
        if method not in offered:
            client.sendall(b"\x05" + NONE_OF_THESE)
            return False
        client.sendall(b"\x05" + method)
        if not self._login:
            return True
        assert _exactly(client, 1) == b"\x01"
        self.logins.append(f"{_text(client)}:{_text(client)}")
        right = self.logins[-1] == self._login
        client.sendall(b"\x01\x00" if right else b"\x01\x01")
        return right


def _reply(code: int) -> bytes:
    return bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])


def _text(client: socket.socket) -> str:
    """Read a text with its length before it."""
    return _exactly(client, _exactly(client, 1)[0]).decode()


def _exactly(client: socket.socket, count: int) -> bytes:
    """Read so many bytes; raises ConnectionError if the client leaves before."""
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise ConnectionError("the client left")
        data += more
    return data
