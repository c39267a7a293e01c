from __future__ import annotations

import socket
import time
from collections.abc import Callable

import httpx
import pytest
from pulltui.engine.attempt import Attempt
from pulltui.engine.clean import WEB_PAGE, server_words
from pulltui.engine.errors import BusyError, RefusedError, ResponseError, TrustError
from pulltui.engine.gates import Gates
from pulltui.engine.network import find_way
from pulltui.engine.request import Requester, host_of
from pulltui.engine.setbacks import HostSetback, PartSetback, WrongAnswer
from pulltui.engine.tuning import Tuning
from support.certificates import Authority
from support.rawserver import Handler, RawServer, answering, read_head, reset
from support.registry import closed_port

Serve = Callable[..., RawServer]
Client = Callable[..., httpx.AsyncClient]


class Asker:
    """Asks one server as the engine does."""

    def __init__(self, client: httpx.AsyncClient, max_redirects: int = 10) -> None:
        tuning = Tuning()
        self.gates = Gates(tuning, time.monotonic)
        self.attempt = Attempt(time.monotonic, 30.0, tuning)
        self.requester = Requester(
            client,
            self.gates,
            user_agent="pulltui/test",
            max_redirects=lambda: max_redirects,
            retry_after_limit=600.0,
            wall=time.time,
        )

    async def get(self, url: str, **headers: str) -> tuple[int, bytes, str]:
        """Status, body and final address."""
        answer = await self.requester.get(httpx.URL(url), headers, self.attempt)
        try:
            body = b"".join([bytes(chunk) async for chunk in answer.chunks(self.attempt)])
            return answer.status, body, str(answer.url)
        finally:
            await answer.close()

    def nothing_in_use(self) -> bool:
        return all(not gate.through for gate in self.gates._gates.values())


@pytest.fixture
def asker(client_for: Client) -> Asker:
    return Asker(client_for())


def redirecting(*targets: str, status: int = 307) -> Handler:
    """Answer each request with the next redirect, then with 200."""
    left = list(targets)

    def handler(connection: socket.socket) -> None:
        if not read_head(connection):
            return
        if left:
            head = f"{status} Moved\r\nLocation: {left.pop(0)}\r\nContent-Length: 0"
        else:
            head = "200 OK\r\nContent-Length: 3"
        body = "abc" if "200 OK" in head else ""
        connection.sendall(f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n{body}".encode())

    return handler


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_every_redirect_is_followed(asker: Asker, raw_server: Serve, status: int) -> None:
    server = raw_server(redirecting("/elsewhere?x=1", "deeper", status=status))
    code, body, url = await asker.get(server.url)
    assert (code, body) == (200, b"abc")
    assert url == server.url + "deeper"
    assert asker.nothing_in_use()


async def test_a_loop_ends_with_its_host_and_the_limit(asker: Asker, raw_server: Serve) -> None:
    server = raw_server(redirecting(*["/again"] * 100))
    with pytest.raises(ResponseError, match="redirects more than 10 times") as caught:
        await asker.get(server.url)
    assert f"127.0.0.1:{server.port}" in str(caught.value)
    assert "max_redirects" in caught.value.hint
    assert server.accepted == 11
    assert asker.nothing_in_use()


async def test_the_limit_of_redirects_is_a_setting(client_for: Client, raw_server: Serve) -> None:
    server = raw_server(redirecting("/a", "/b"))
    assert (await Asker(client_for(), max_redirects=2).get(server.url))[0] == 200
    server = raw_server(redirecting("/a", "/b"))
    with pytest.raises(ResponseError, match="more than 1 times"):
        await Asker(client_for(), max_redirects=1).get(server.url)


@pytest.mark.parametrize(
    "location", ["http://[broken", "http://host:99999999/", "http://host:0/", "http://a b/", ""]
)
async def test_a_redirect_to_nowhere_is_a_wrong_answer(
    asker: Asker, raw_server: Serve, location: str
) -> None:
    server = raw_server(redirecting(location))
    with pytest.raises((WrongAnswer, ResponseError), match="redirects"):
        await asker.get(server.url)
    assert asker.nothing_in_use()


async def test_a_redirect_without_a_location(asker: Asker, raw_server: Serve) -> None:
    server = raw_server(answering(b"HTTP/1.1 307 x\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(WrongAnswer, match="without saying where to"):
        await asker.get(server.url)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://host/file", "javascript:alert(1)", "data:,x"]
)
async def test_no_other_scheme_is_followed(asker: Asker, raw_server: Serve, location: str) -> None:
    server = raw_server(redirecting(location))
    with pytest.raises((ResponseError, WrongAnswer), match="redirects to"):
        await asker.get(server.url)


async def test_https_never_leads_to_http(client_for: Client, raw_server: Serve, authority: Authority) -> None:
    plain = raw_server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    secure = raw_server(redirecting(plain.url), authority.server_context("127.0.0.1"))
    asker = Asker(client_for(find_way("", str(authority.ca_file), {})))
    with pytest.raises(ResponseError, match="from https to plain http"):
        await asker.get(secure.url)
    assert plain.accepted == 0


async def test_an_unknown_certificate_is_final_and_says_what_to_do(
    asker: Asker, raw_server: Serve, authority: Authority
) -> None:
    server = raw_server(answering(b""), authority.server_context("127.0.0.1"))
    with pytest.raises(TrustError, match=f"127.0.0.1:{server.port}") as caught:
        await asker.get(server.url)
    assert "ca_file" in caught.value.hint
    assert asker.nothing_in_use()


async def test_what_is_sent(asker: Asker, raw_server: Serve) -> None:
    heads: list[bytes] = []

    def handler(connection: socket.socket) -> None:
        heads.append(read_head(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    server = raw_server(handler)
    await asker.get(server.url, Range="bytes=0-9")
    lines = {line.lower() for line in heads[0].decode().split("\r\n")}
    assert "accept-encoding: identity" in lines
    assert "user-agent: pulltui/test" in lines
    assert "range: bytes=0-9" in lines
    assert not any(line.startswith(("authorization", "cookie")) for line in lines)


async def test_refused_is_the_hosts_trouble(asker: Asker) -> None:
    port = closed_port()
    with pytest.raises(HostSetback, match="refused") as caught:
        await asker.get(f"http://127.0.0.1:{port}/")
    assert caught.value.host == f"127.0.0.1:{port}"
    gate = asker.gates.gate(f"127.0.0.1:{port}")
    assert gate.waiting is not None
    assert gate.tries == 1
    assert not gate.through


@pytest.mark.parametrize(
    ("answer", "retry_after", "ceiling"),
    [
        (b"HTTP/1.1 503 x\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 7.0, False),
        (b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", None, False),
        (b"HTTP/1.1 429 x\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n", 3.0, True),
        (b"HTTP/1.1 502 x\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n", 5.0, False),
    ],
)
async def test_busy_is_the_hosts_trouble(
    asker: Asker, raw_server: Serve, answer: bytes, retry_after: float | None, ceiling: bool
) -> None:
    server = raw_server(answering(answer))
    with pytest.raises(HostSetback, match="is busy") as caught:
        await asker.get(server.url)
    assert caught.value.busy
    assert (caught.value.retry_after, caught.value.ceiling) == (retry_after, ceiling)
    assert asker.nothing_in_use()


async def test_a_wait_of_more_than_ten_minutes_fails_with_the_time(asker: Asker, raw_server: Serve) -> None:
    server = raw_server(answering(b"HTTP/1.1 429 x\r\nRetry-After: 99999\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(BusyError, match="429 and asks to wait 1d03h") as caught:
        await asker.get(server.url)
    assert caught.value.kind == "busy"


async def test_a_502_without_retry_after_is_the_callers_affair(asker: Asker, raw_server: Serve) -> None:
    server = raw_server(answering(b"HTTP/1.1 502 x\r\nContent-Length: 3\r\n\r\nabc"))
    assert (await asker.get(server.url))[:2] == (502, b"abc")


async def test_a_reset_is_the_parts_trouble(asker: Asker, raw_server: Serve) -> None:
    def handler(connection: socket.socket) -> None:
        read_head(connection)
        reset(connection)

    server = raw_server(handler)
    with pytest.raises(PartSetback, match=r"reset|closed"):
        await asker.get(server.url)
    assert asker.nothing_in_use()


async def test_a_body_that_ends_early_is_the_parts_trouble(asker: Asker, raw_server: Serve) -> None:
    server = raw_server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"))
    with pytest.raises(PartSetback):
        await asker.get(server.url)
    assert asker.nothing_in_use()


async def test_a_proxy_that_wants_a_password_is_said(client_for: Client, raw_server: Serve) -> None:
    proxy = raw_server(answering(b"HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n"))
    asker = Asker(client_for(find_way(f"http://127.0.0.1:{proxy.port}", "", {})))
    with pytest.raises(RefusedError, match="asks for a user name") as caught:
        await asker.get("https://registry.test/")
    assert "proxy" in caught.value.hint


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b'{"errors":[{"code":"DENIED","message":"no access"}]}', "application/json", "no access"),
        (b'{"errors":[{"code":"DENIED"}]}', "application/json", "DENIED"),
        (b'{"error":"gone"}', "application/json", "gone"),
        (b'{"errors":[]}', "application/json", ""),
        (b"plain words\n", "text/plain", "plain words"),
        (b"<html>sorry</html>", "text/html", WEB_PAGE),
        (b" \n<!DOCTYPE HTML><p>", "", WEB_PAGE),
        (b"sign in", "Text/HTML; charset=utf-8", WEB_PAGE),
        (b'{"details":"incorrect password"}', "application/json", "incorrect password"),
        (b'{"errors":[{"message":{"a":1}}]}', "application/json", ""),
        (b'{"errors":[{"message":"half of', "", ""),
        (b"<Error/>", "application/xml", ""),
        (b"\x1b[2Jboo", "text/plain", "\ufffd[2Jboo"),
        (b"\xff\xfe", "text/plain", "\ufffd\ufffd"),
        (b"[" * 4096, "application/json", None),
        (b"", "", ""),
    ],
)
def test_what_a_server_says_is_shown_clean(body: bytes, content_type: str, words: str | None) -> None:
    said = server_words(body, content_type, str)
    assert len(said) <= 200
    if words is not None:
        assert said == words


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com/x", "example.com"),
        ("http://127.0.0.1:80/x", "127.0.0.1"),
        ("http://[::1]:5000/x", "[::1]:5000"),
    ],
)
def test_hosts_as_gates_and_people_know_them(url: str, host: str) -> None:
    assert host_of(httpx.URL(url)) == host


async def test_a_redirect_does_not_choose_as_whom_we_log_in(asker: Asker, raw_server: Serve) -> None:
    heads: list[bytes] = []

    def handler(connection: socket.socket) -> None:
        head = read_head(connection)
        heads.append(head)
        answer = "200 OK\r\nContent-Length: 0"
        if len(heads) == 1:
            answer = f"307 Moved\r\nLocation: http://x:y@127.0.0.1:{server.port}/there\r\nContent-Length: 0"
        connection.sendall(f"HTTP/1.1 {answer}\r\nConnection: close\r\n\r\n".encode())

    server = raw_server(handler)
    assert (await asker.get(server.url))[0] == 200
    assert b"GET /there" in heads[1]
    assert b"authorization" not in heads[1].lower()
