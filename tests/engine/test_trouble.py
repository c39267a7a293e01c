from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pulltui.engine.network import Way, find_way
from pulltui.engine.transport import chunks
from pulltui.engine.trouble import Distrust, Fault, FaultKind, classify
from support.certificates import Authority
from support.files import no_more_files
from support.rawserver import OK, Handler, RawServer, answering, read_head, reset
from support.registry import closed_port

ClientFor = Callable[..., httpx.AsyncClient]
Serve = Callable[..., RawServer]


async def fault_of(client: httpx.AsyncClient, url: str, expect: bytes = b"") -> Fault:
    """Fetch `url`, which must fail after exactly the bytes `expect` of its body."""
    got = b""
    try:
        async with client.stream("GET", url) as response:
            async for chunk in chunks(response):
                got += bytes(chunk)
    except httpx.HTTPError as error:
        assert got == expect
        return classify(error)
    raise AssertionError(f"no error; status {response.status_code}, body {got[:100]!r}")


def reset_at_once(connection: socket.socket) -> None:
    read_head(connection)
    reset(connection)


def hang_up(connection: socket.socket) -> None:
    read_head(connection)


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

MISBEHAVING: dict[str, tuple[Handler, bytes, FaultKind, str]] = {
    "reset before headers": (reset_at_once, b"", FaultKind.RESET, "connection reset by 127.0.0.1"),
    "closed before headers": (
        hang_up,
        b"",
        FaultKind.CLOSED,
        "connection closed by 127.0.0.1 without an answer",
    ),
    "short body": (
        answering(HALF),
        b"abc",
        FaultKind.SHORT_BODY,
        "connection closed by 127.0.0.1 before all bytes came",
    ),
    "short chunked body": (
        answering(CHUNKED + b"5\r\nab"),
        b"ab",
        FaultKind.SHORT_BODY,
        "connection closed by 127.0.0.1 before all bytes came",
    ),
    "broken chunk": (
        answering(CHUNKED + b"zz\r\nab\r\n"),
        b"",
        FaultKind.PROTOCOL,
        "127.0.0.1 does not answer in proper HTTP",
    ),
    "another protocol": (
        answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        b"",
        FaultKind.PROTOCOL,
        "127.0.0.1 does not answer in proper HTTP",
    ),
    "binary garbage": (
        answering(b"\x00\x01\xff\xfe" * 99),
        b"",
        FaultKind.PROTOCOL,
        "127.0.0.1 does not answer in proper HTTP",
    ),
    "contradicting lengths": (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc"),
        b"",
        FaultKind.PROTOCOL,
        "127.0.0.1 does not answer in proper HTTP",
    ),
}


@pytest.mark.parametrize("case", MISBEHAVING)
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_misbehaving_server(
    *, case: str, secure: bool, client_for: ClientFor, raw_server: Serve, authority: Authority
) -> None:
    handler, expect, kind, text = MISBEHAVING[case]
    server = raw_server(handler, authority.server_context("127.0.0.1") if secure else None)
    fault = await fault_of(client_for(Way(ca_pem=authority.ca_file.read_bytes())), server.url, expect)
    assert (fault.kind, fault.text, fault.host) == (kind, text, "127.0.0.1")
    assert fault.detail


async def test_reset_in_the_body(client_for: ClientFor, raw_server: Serve) -> None:
    arrived = threading.Event()

    def handler(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(HALF)
        arrived.wait(60)
        reset(connection)

    got = b""
    with pytest.raises(httpx.ReadError) as raised:
        async with client_for().stream("GET", raw_server(handler).url) as response:
            async for chunk in chunks(response):
                got += bytes(chunk)
                arrived.set()
    assert got == b"abc"
    fault = classify(raised.value)
    assert (fault.kind, fault.text) == (FaultKind.RESET, "connection reset by 127.0.0.1")


async def test_refused(client_for: ClientFor) -> None:
    port = closed_port()
    fault = await fault_of(client_for(), f"http://127.0.0.1:{port}/")
    assert (fault.kind, fault.text) == (FaultKind.REFUSED, f"connection refused by 127.0.0.1:{port}")
    fault = await fault_of(client_for(), f"http://localhost:{port}/")
    assert (fault.kind, fault.text) == (FaultKind.REFUSED, f"connection refused by localhost:{port}")


async def test_unknown_host(client_for: ClientFor) -> None:
    # Some resolvers take their time to say so.
    fault = await fault_of(client_for(connect_timeout=60), "https://registry.invalid/v2/")
    assert (fault.kind, fault.text) == (FaultKind.UNKNOWN_HOST, "unknown host registry.invalid")


async def test_unreachable(client_for: ClientFor) -> None:
    """No socket may connect to the broadcast address, on any machine."""
    fault = await fault_of(client_for(), "http://255.255.255.255/")
    assert (fault.kind, fault.text) == (FaultKind.UNREACHABLE, "no route to 255.255.255.255")


@pytest.fixture
def full_backlog() -> Iterator[int]:
    """A port that takes no further connection: its queue is full and nobody accepts."""
    sockets = [socket.socket()]
    sockets[0].bind(("127.0.0.1", 0))
    sockets[0].listen(0)
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(sockets[0].getsockname())
        sockets.append(filler)
    yield sockets[0].getsockname()[1]
    for one in sockets:
        one.close()


async def test_connect_timeout(client_for: ClientFor, full_backlog: int) -> None:
    fault = await fault_of(client_for(connect_timeout=0.05), f"http://127.0.0.1:{full_backlog}/")
    assert (fault.kind, fault.text) == (
        FaultKind.CONNECT_TIMEOUT,
        f"no connection to 127.0.0.1:{full_backlog} in time",
    )


async def test_tls_handshake_timeout(client_for: ClientFor, raw_server: Serve) -> None:
    def say_nothing(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    server = raw_server(say_nothing)
    fault = await fault_of(client_for(connect_timeout=0.1), f"https://127.0.0.1:{server.port}/")
    assert fault.kind is FaultKind.CONNECT_TIMEOUT


async def test_tls_to_a_plain_port(client_for: ClientFor, raw_server: Serve) -> None:
    def plain_error(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    server = raw_server(plain_error)
    fault = await fault_of(client_for(), f"https://127.0.0.1:{server.port}/")
    assert (fault.kind, fault.reason) == (FaultKind.TLS, "no-tls")
    assert fault.text == f"127.0.0.1:{server.port} does not speak TLS"


async def test_hang_up_in_the_handshake(client_for: ClientFor, raw_server: Serve) -> None:
    server = raw_server(lambda connection: connection.recv(65536) and None)
    fault = await fault_of(client_for(), f"https://127.0.0.1:{server.port}/")
    assert fault.kind is FaultKind.CLOSED


async def test_no_common_tls_version(client_for: ClientFor, raw_server: Serve, authority: Authority) -> None:
    context = authority.server_context("127.0.0.1")
    context.set_ciphers("AES256-SHA")  # RSA key exchange, which no client of ours offers
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = raw_server(answering(OK), context)
    fault = await fault_of(client_for(Way(ca_pem=authority.ca_file.read_bytes())), server.url)
    assert (fault.kind, fault.text) == (FaultKind.TLS, f"no TLS session with 127.0.0.1:{server.port}")


async def test_a_certificate_of_ours_is_wanted(
    client_for: ClientFor, raw_server: Serve, authority: Authority
) -> None:
    context = authority.server_context("127.0.0.1")
    context.minimum_version = ssl.TLSVersion.TLSv1_3  # the alert comes instead of an answer
    context.verify_mode = ssl.CERT_REQUIRED

    def refuse(connection: socket.socket) -> None:
        """Send the alert, and close only when the client has: an RST would overtake it."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while data := connection.recv(65536):
            incoming.write(data)
            with contextlib.suppress(ssl.SSLError):
                tls.do_handshake()
            connection.sendall(outgoing.read())

    server = raw_server(refuse)
    way = Way(ca_pem=authority.ca_file.read_bytes())
    fault = await fault_of(client_for(way), f"https://127.0.0.1:{server.port}/")
    assert (fault.kind, fault.reason) == (FaultKind.TLS, "client")
    assert fault.text.startswith(f"127.0.0.1:{server.port} wants a certificate from us")


UNKNOWN = "signed by itself or by an authority that this system does not know"


@pytest.mark.parametrize(
    ("certificate", "reason", "why"),
    [
        ("self-signed", Distrust.UNKNOWN_AUTHORITY, UNKNOWN),
        ("stranger", Distrust.UNKNOWN_AUTHORITY, UNKNOWN),
        ("expired", Distrust.EXPIRED, "it has expired"),
        ("wrong address", Distrust.WRONG_NAME, "it is for another name"),
        ("wrong name", Distrust.WRONG_NAME, "it is for another name"),
    ],
)
async def test_certificates(
    *,
    certificate: str,
    reason: Distrust,
    why: str,
    client_for: ClientFor,
    raw_server: Serve,
    authority: Authority,
    tmp_path: Path,
) -> None:
    contexts = {
        "self-signed": lambda: authority.server_context("127.0.0.1", self_signed=True),
        "stranger": lambda: Authority(tmp_path).server_context("127.0.0.1"),
        "expired": lambda: authority.server_context("127.0.0.1", expired=True),
        "wrong address": lambda: authority.server_context("127.0.0.2"),
        "wrong name": lambda: authority.server_context("other.example"),
    }
    server = raw_server(answering(OK), contexts[certificate]())
    host = "localhost" if certificate == "wrong name" else "127.0.0.1"
    way = find_way("", str(authority.ca_file), {})
    fault = await fault_of(client_for(way), f"https://{host}:{server.port}/")
    assert (fault.kind, fault.reason) == (FaultKind.TRUST, reason)
    assert fault.text == f"the certificate of {host} is not trusted: {why}"


async def test_ca_file_is_believed(client_for: ClientFor, raw_server: Serve, authority: Authority) -> None:
    server = raw_server(answering(OK), authority.server_context("127.0.0.1"))
    fault = await fault_of(client_for(), server.url)
    assert fault.reason is Distrust.UNKNOWN_AUTHORITY
    way = find_way("", str(authority.ca_file), {})
    assert (await client_for(way).get(server.url)).status_code == 200


async def test_too_many_files(client_for: ClientFor, raw_server: Serve) -> None:
    client = client_for()
    assert (await client.get(raw_server(answering(OK)).url)).status_code == 200, "all it needs is loaded"
    url = f"http://127.0.0.1:{closed_port()}/"
    with no_more_files():
        fault = await fault_of(client, url)
    assert (fault.kind, fault.text) == (FaultKind.TOO_MANY_FILES, "too many open files")


async def test_too_many_files_for_one_connection_more(client_for: ClientFor, raw_server: Serve) -> None:
    """The others go on: a connection of its own needs files, too, that tell whom to trust."""
    client = client_for()
    url = f"http://127.0.0.1:{closed_port()}/"
    async with client.stream("GET", raw_server(answering(OK)).url):
        with no_more_files():
            fault = await fault_of(client, url)
    assert (fault.kind, fault.text) == (FaultKind.TOO_MANY_FILES, "too many open files")


class TestProxies:
    async def test_refusing(self, client_for: ClientFor) -> None:
        port = closed_port()
        way = Way(http_proxy=f"http://user:secret@127.0.0.1:{port}", https_proxy=f"http://127.0.0.1:{port}")
        for url in ("http://registry.example/v2/", "https://registry.example/v2/"):
            fault = await fault_of(client_for(way), url)
            assert (fault.kind, fault.host) == (FaultKind.PROXY, "127.0.0.1")
            assert fault.text == (f"proxy http://127.0.0.1:{port}: connection refused by 127.0.0.1:{port}"), (
                "without the password"
            )

    async def test_unknown(self, client_for: ClientFor) -> None:
        way = Way(https_proxy="http://proxy.invalid:3128")
        fault = await fault_of(client_for(way), "https://registry.example/v2/")
        assert fault.text == "proxy http://proxy.invalid:3128: unknown host proxy.invalid"

    @pytest.mark.parametrize(
        ("answer", "reason", "text"),
        [
            (b"407 Proxy Authentication Required", "login", "asks for a user name and password"),
            (b"502 Bad Gateway", "", "does not connect to registry.example"),
        ],
    )
    async def test_tunnel_refused(
        self, *, answer: bytes, reason: str, text: str, client_for: ClientFor, raw_server: Serve
    ) -> None:
        server = raw_server(answering(b"HTTP/1.1 " + answer + b"\r\nContent-Length: 0\r\n\r\n"))
        way = Way(https_proxy=f"http://127.0.0.1:{server.port}")
        fault = await fault_of(client_for(way), "https://registry.example/v2/")
        assert (fault.kind, fault.reason) == (FaultKind.PROXY, reason)
        assert fault.text == f"proxy http://127.0.0.1:{server.port} {text}"

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize(
        ("login", "text"),
        [
            ("", "asks for a user name and password"),
            ("me:hunter2@", "refuses the user name and password it was given"),
        ],
    )
    async def test_login_is_the_proxys_affair(
        self, *, login: str, text: str, scheme: str, client_for: ClientFor, raw_server: Serve
    ) -> None:
        """With http URLs the proxy answers in the host's place."""
        server = raw_server(answering(b"HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n"))
        proxy = f"http://{login}127.0.0.1:{server.port}"
        fault = await fault_of(
            client_for(Way(http_proxy=proxy, https_proxy=proxy)), f"{scheme}://registry.example/v2/"
        )
        assert (fault.kind, fault.reason) == (FaultKind.PROXY, "login")
        assert fault.text == f"proxy http://127.0.0.1:{server.port} {text}"

    async def test_trouble_behind_it_names_it_too(self, client_for: ClientFor, raw_server: Serve) -> None:
        server = raw_server(answering(HALF))
        way = Way(http_proxy=f"http://127.0.0.1:{server.port}")
        fault = await fault_of(client_for(way), "http://registry.example/v2/", b"abc")
        assert fault.kind is FaultKind.SHORT_BODY
        assert fault.text == (
            "connection closed by registry.example before all bytes came"
            f" (through proxy http://127.0.0.1:{server.port})"
        )


class TestAnyError:
    def test_what_is_not_known_keeps_its_words(self) -> None:
        fault = classify(ValueError("odd\x1b[31m thing"))
        assert (fault.kind, fault.text) == (FaultKind.OTHER, "odd\ufffd[31m thing")
        assert classify(KeyboardInterrupt()).text == "KeyboardInterrupt"

    def test_read_timeout_is_silence(self) -> None:
        request = httpx.Request("GET", "https://registry.example/")
        fault = classify(httpx.ReadTimeout("", request=request))
        assert (fault.kind, fault.text) == (FaultKind.SILENT, "nothing came from registry.example")

    def test_what_came_before_is_not_the_cause(self) -> None:
        """A request made while another error is handled has that error as its context."""
        try:
            try:
                raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
            except ConnectionResetError:
                raise httpx.RemoteProtocolError("illegal request line")  # noqa: B904
        except httpx.RemoteProtocolError as error:
            assert classify(error).kind is FaultKind.PROTOCOL

    def test_a_group_of_causes(self) -> None:
        """Happy eyeballs: one address refused, the other without a route."""
        error = httpx.ConnectError("All connection attempts failed")
        error.__cause__ = ExceptionGroup(
            "", [OSError(errno.ECONNREFUSED, "refused"), OSError(errno.ENETUNREACH, "no route")]
        )
        assert classify(error).kind is FaultKind.REFUSED

    def test_names_are_cleaned(self) -> None:
        error = httpx.ConnectError("x", request=httpx.Request("GET", "http://h/"))
        error.__cause__ = OSError(errno.ECONNREFUSED, "no\x1b]0;title\x07")
        fault = classify(error)
        assert "\x1b" not in fault.detail + fault.text
