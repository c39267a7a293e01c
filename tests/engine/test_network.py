from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from pulltui.engine.errors import PullError, TrustError
from pulltui.engine.fast import FastTransport
from pulltui.engine.hosts import bracketed, is_loopback
from pulltui.engine.network import Way, find_way
from pulltui.engine.trouble import Distrust, classify
from rich.pretty import pretty_repr
from support.certificates import Authority
from support.pump import join
from support.rawserver import OK, RawServer, answering, read_head

ClientFor = Callable[..., httpx.AsyncClient]
Serve = Callable[..., RawServer]

PROXY = "http://proxy.example:3128"


def way(proxy: str = "", **environ: str) -> Way:
    return find_way(proxy, "", environ)


class TestProxyFor:
    def test_none_without_setting_and_environment(self) -> None:
        assert way().proxy_for("https://registry.ollama.ai/v2/") is None

    def test_environment_by_scheme(self) -> None:
        both = way(HTTP_PROXY="http://plain:1", HTTPS_PROXY="http://secure:2")
        assert both.proxy_for("http://h.example/") == "http://plain:1"
        assert both.proxy_for("https://h.example/") == "http://secure:2"
        assert way(HTTP_PROXY=PROXY).proxy_for("https://h.example/") is None

    def test_lower_case_wins_and_can_switch_off(self) -> None:
        assert way(HTTPS_PROXY="http://a:1", https_proxy="http://b:1").proxy_for("https://h/") == "http://b:1"
        assert way(HTTPS_PROXY="http://a:1", https_proxy="").proxy_for("https://h/") is None

    def test_all_proxy_is_for_what_has_none_of_its_own(self) -> None:
        some = way(all_proxy="socks5://all:1", https_proxy="http://secure:2")
        assert some.proxy_for("http://h/") == "socks5://all:1"
        assert some.proxy_for("https://h/") == "http://secure:2"

    def test_setting_wins(self) -> None:
        chosen = way(PROXY, HTTPS_PROXY="http://other:1", NO_PROXY="inside.example")
        assert chosen.proxy_for("https://h/") == chosen.proxy_for("http://h/") == PROXY
        assert chosen.proxy_for("https://inside.example/") is None

    def test_scheme_may_be_left_out(self) -> None:
        assert way(https_proxy="proxy.example:3128").proxy_for("https://h/") == PROXY

    @pytest.mark.parametrize(
        "host", ["localhost", "LOCALHOST:5000", "127.0.0.1", "127.3.2.1:80", "[::1]:5000", "x.localhost"]
    )
    def test_this_machine_never(self, host: str) -> None:
        assert way(PROXY, no_proxy="").proxy_for(f"http://{host}/v2/") is None

    @pytest.mark.parametrize(
        ("no_proxy", "url", "direct"),
        [
            ("*", "https://any.example/", True),
            ("example.com", "https://example.com/", True),
            ("example.com", "https://EXAMPLE.com:8443/", True),
            ("example.com", "https://a.b.example.com/", True),
            (".example.com", "https://example.com/", True),
            ("*.example.com", "https://a.example.com/", True),
            ("example.com", "https://notexample.com/", False),
            ("example.com", "https://example.com.evil/", False),
            ("a.example.com", "https://example.com/", False),
            ("x, example.com ,y", "https://example.com/", True),
            ("x example.com", "https://example.com/", True),
            ("example.com:8443", "https://example.com:8443/", True),
            ("example.com:8443", "https://example.com/", False),
            ("example.com:443", "https://example.com/", True),
            ("10.1.2.3", "http://10.1.2.3:5000/", True),
            ("10.0.0.0/8", "http://10.1.2.3:5000/", True),
            ("10.0.0.0/8", "http://11.1.2.3/", False),
            ("10.0.0.0/8", "http://ten.example/", False),
            ("fd00::/8", "http://[fd12::1]/", True),
            ("[fd12::1]", "http://[fd12::1]/", True),
            ("[fd12::1]:80", "http://[fd12::1]/", True),
            ("fd12::1", "http://[fd12::1]/", True),
            ("", "https://example.com/", False),
            (",, .", "https://example.com/", False),
            ("[broken:9999999", "https://example.com/", False),
        ],
    )
    def test_no_proxy(self, no_proxy: str, url: str, direct: bool) -> None:
        assert (way(PROXY, NO_PROXY=no_proxy).proxy_for(url) is None) is direct

    @pytest.mark.parametrize("bad", ["ftp://proxy:1", "http://", "http://proxy:99999", "http://[x", "://"])
    def test_what_is_no_proxy_is_refused_with_its_source(self, bad: str) -> None:
        with pytest.raises(PullError, match="in HTTPS_PROXY is not the address of a proxy"):
            way(HTTPS_PROXY=bad)

    @pytest.mark.parametrize("rest", ["/hunter2", "?hunter2", "#hunter2"])
    @pytest.mark.parametrize("start", ["", "1", "pass"])
    def test_what_may_be_half_a_password_is_not_shown(self, start: str, rest: str) -> None:
        """Before a slash that is not escaped, the user would be taken for the host."""
        with pytest.raises(PullError, match=r"in network\.proxy is not the address of a proxy") as raised:
            way(f"http://me:{start}{rest}@proxy.example:1")
        assert "hunter2" not in str(raised.value) + raised.value.hint
        assert "%2F for /" in raised.value.hint

    @pytest.mark.parametrize("host", ["host.123", "127.1", "host..example"])
    def test_a_proxy_whose_host_is_none(self, host: str) -> None:
        with pytest.raises(PullError, match=f'the host "{re.escape(host)}" of the proxy in ALL_PROXY'):
            way(ALL_PROXY=f"socks5://{host}:1")

    def test_the_scheme_in_capitals(self) -> None:
        chosen = way("SOCKS5://Me:Secret@proxy.example:1/")
        assert chosen.proxy_for("https://h/") == "socks5://Me:Secret@proxy.example:1"

    def test_the_password_is_not_shown(self) -> None:
        with pytest.raises(PullError) as raised:
            way("ftp://me:hunter2@proxy:1")
        assert "hunter2" not in str(raised.value)
        assert "network.proxy" in str(raised.value)

    @pytest.mark.parametrize("shown", [repr, str, "{}".format, pretty_repr])
    def test_nor_wherever_the_way_comes_out(self, shown: Callable[[Way], str]) -> None:
        """In a log, or in a traceback with its variables."""
        text = shown(way(HTTP_PROXY="http://somebody:hunter2@plain:1", HTTPS_PROXY="socks5h://hunter2@a:2"))
        assert "http://plain:1" in text and "socks5h://a:2" in text
        assert "hunter2" not in text and "somebody" not in text


def test_hosts() -> None:
    assert is_loopback("[::1]") and is_loopback("localhost.") and not is_loopback("localhost.example")
    assert bracketed("::1", 80) == "[::1]:80"
    assert bracketed("h", None) == "h"


class TestTrust:
    def test_ca_file_that_is_missing_or_no_certificate(self, tmp_path: Path) -> None:
        with pytest.raises(TrustError, match="cannot be read: No such file"):
            find_way("", str(tmp_path / "none.pem"), {})
        for content in (b"", b"hello", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nZm9v\n-----END"):
            (tmp_path / "bad.pem").write_bytes(content)
            with pytest.raises(TrustError, match="holds no readable certificate"):
                find_way("", str(tmp_path / "bad.pem"), {})

    async def test_every_certificate_of_the_file_counts(
        self, client_for: ClientFor, raw_server: Serve, authority: Authority, tmp_path: Path
    ) -> None:
        other = Authority(tmp_path)
        bundle = tmp_path / "bundle.pem"
        bundle.write_bytes(
            "# F\u0151tan\u00fas\u00edtv\u00e1ny\n".encode()
            + other.ca_file.read_bytes()
            + b"\n"
            + authority.ca_file.read_bytes()
        )
        client = client_for(find_way("", str(bundle), {}))
        for one in (authority, other):
            server = raw_server(answering(OK), one.server_context("127.0.0.1"))
            assert (await client.get(server.url)).content == b"abc"

    async def test_a_server_that_is_its_own_authority(
        self, client_for: ClientFor, raw_server: Serve, authority: Authority, tmp_path: Path
    ) -> None:
        """What `openssl req -x509` makes: believed when it stands in ca_file, by both transports."""
        server = raw_server(answering(OK), authority.own_context("127.0.0.1", tmp_path / "own.pem"))
        for ca_file in ("", str(authority.ca_file)):
            with pytest.raises(httpx.ConnectError) as raised:
                await client_for(find_way("", ca_file, {})).get(server.url)
            assert classify(raised.value).reason is Distrust.UNKNOWN_AUTHORITY
        client = client_for(find_way("", str(tmp_path / "own.pem"), {}))
        for _ in range(2):
            assert (await client.get(server.url)).content == b"abc"

    async def test_and_the_system_knows_it(
        self,
        client_for: ClientFor,
        raw_server: Serve,
        authority: Authority,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        server = raw_server(answering(OK), authority.own_context("127.0.0.1", tmp_path / "own.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
        assert (await client_for(find_way("", "", {})).get(server.url)).content == b"abc"

    def test_a_system_without_any_store(self, authority: Authority) -> None:
        """Slim containers have none: certifi's list stands in, and plain http works as ever."""
        program = """
import asyncio, sys, httpx
from pulltui.engine import network
from pulltui.engine.transport import make_transport
network.SYSTEM_BUNDLES = ()
assert network.find_way("", "", {}).extra_roots.count(b"BEGIN CERTIFICATE") > 50
async def get(kind, url):
    way = network.find_way("", sys.argv[3], {})
    transport = make_transport(kind, way=way, connect_timeout=5, max_connections=1, stall_timeout=lambda: 5)
    async with httpx.AsyncClient(transport=transport) as client:
        assert (await client.get(url)).content == b"abc"
for kind in ("fast", "httpx"):
    for url in sys.argv[1:3]:
        asyncio.run(get(kind, url))
"""
        with (
            RawServer(answering(OK)) as plain,
            RawServer(answering(OK), authority.server_context("127.0.0.1")) as secure,
        ):
            subprocess.run(
                [sys.executable, "-c", program, plain.url, secure.url, str(authority.ca_file)],
                env={"SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": "/nonexistent"},
                check=True,
                timeout=30,
            )


class TunnelProxy:
    """A proxy's handler: CONNECT to any name ends at `port` of this machine. Keeps the request heads."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.heads: list[str] = []

    def __call__(self, connection: socket.socket) -> None:
        self.heads.append(read_head(connection).decode())
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self._port)) as target:
            join(connection, target)


@pytest.mark.parametrize("host", ["1.2.3.4.5", "xn--a"])
def test_the_fast_transport_refuses_what_is_no_host(host: str) -> None:
    with pytest.raises(PullError, match=f"proxy http://{host}:1 cannot be used: invalid") as raised:
        FastTransport(
            proxy=f"http://me:hunter2@{host}:1",
            extra_roots=b"",
            connect_timeout=1,
            silence=1,
            max_idle=1,
            idle_timeout=1,
        )
    assert "hunter2" not in str(raised.value)
    assert raised.value.hint


class TestThroughProxies:
    async def test_plain(self, client_for: ClientFor, raw_server: Serve) -> None:
        heads: list[str] = []

        def proxy(connection: socket.socket) -> None:
            heads.append(read_head(connection).decode())
            connection.sendall(OK)

        server = raw_server(proxy)
        client = client_for(way(f"http://me:pass@127.0.0.1:{server.port}"))
        assert (await client.get("http://registry.example/v2/x")).content == b"abc"
        assert heads[0].startswith("GET http://registry.example/v2/x HTTP/1.1\r\n")
        assert "proxy-authorization: basic bwu6cgfzcw==" in heads[0].lower()

    async def test_tunnel(self, client_for: ClientFor, raw_server: Serve, authority: Authority) -> None:
        target = raw_server(answering(OK), authority.server_context("registry.example"))
        tunnel = TunnelProxy(target.port)
        server = raw_server(tunnel)
        client = client_for(find_way(f"http://127.0.0.1:{server.port}", str(authority.ca_file), {}))
        assert (await client.get("https://registry.example/v2/")).content == b"abc"
        assert tunnel.heads[0].startswith("CONNECT registry.example:443 HTTP/1.1\r\n")

    async def test_proxy_over_tls(
        self, client_for: ClientFor, raw_server: Serve, authority: Authority
    ) -> None:
        server = raw_server(answering(OK), authority.server_context("127.0.0.1"))
        client = client_for(find_way(f"https://127.0.0.1:{server.port}", str(authority.ca_file), {}))
        assert (await client.get("http://registry.example/")).content == b"abc"

    async def test_each_url_takes_its_own_way(self, client_for: ClientFor, raw_server: Serve) -> None:
        plain, direct = raw_server(answering(OK)), raw_server(answering(OK))
        client = client_for(way(http_proxy=f"127.0.0.1:{plain.port}"))
        await client.get("http://registry.example/")
        assert (plain.accepted, direct.accepted) == (1, 0)
        await client.get(direct.url)
        assert (plain.accepted, direct.accepted) == (1, 1)

    async def test_the_environment_counts_only_through_us(
        self, client_for: ClientFor, raw_server: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither transport looks at the environment by itself."""
        proxy, direct = raw_server(answering(b"")), raw_server(answering(OK))
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert (await client_for().get(direct.url)).content == b"abc"
        assert proxy.accepted == 0


def test_contexts_check_names_and_certificates() -> None:
    context = Way().ssl_context()
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
