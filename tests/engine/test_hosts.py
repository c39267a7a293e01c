"""Hosts as people and servers write them: each works, or is refused with the reason."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from pulltui.engine.errors import BadNameError
from pulltui.engine.hosts import bracketed, is_loopback
from pulltui.engine.origin import Origin
from pulltui.engine.request import host_of
from pulltui.engine.setbacks import HostSetback, WrongAnswer
from support.asker import BLOB, Asker, Serve
from support.authserver import Door, Registry, Reply, TokenDoor
from support.engine import KB, Engine
from support.registry import closed_port, make_model

MODEL = make_model("tiny", 200 * KB, seed=74)

Client = Callable[..., httpx.AsyncClient]
Engines = Callable[..., Engine]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "LocalHost"])
@pytest.mark.parametrize("scheme", ["", "http://", "HTTP://"])
def test_a_host_with_a_port_in_any_case(
    serve: Serve, engine: Engines, transport_kind: str, host: str, scheme: str
) -> None:
    server = serve(Registry(TokenDoor("http://localhost/"), [MODEL]).answer)
    door = TokenDoor(f"{server.url}/token")
    registry = Registry(door, [MODEL])
    server.answer = lambda request: (
        door.issue(request) if request.path == "/token" else registry.answer(request)
    )
    it = engine(transport=transport_kind)
    it.until_done(it.add(f"{scheme}{host}:{server.port}/{MODEL.path}"))
    it.assert_installed(MODEL, host=f"{host}:{server.port}")
    assert {request.headers["host"] for request in server.requests} <= {
        f"{host.lower()}:{server.port}",
        server.host,
    }


def test_a_host_in_capitals_is_the_same_host(serve: Serve, engine: Engines, transport_kind: str) -> None:
    server = serve(Registry(Door(), [MODEL]).answer)
    it = engine(transport=transport_kind)
    pull = it.add(f"localhost:{server.port}/{MODEL.path}")
    it.until_done(pull)
    assert it.add(f"LOCALHOST:{server.port}/{MODEL.path}") == pull
    it.until_done(pull)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("[::1]:5000", "IPv6"),
        ("[2001:db8::1]", "IPv6"),
        ("::1", "IPv6"),
        ("b\u00fccher.example", "has"),
        ("300.1.1.1", "IPv4"),
        ("127.1", "IPv4"),
        ("host.123", "IPv4"),
        ("xn--a.example", "xn--"),
        ("host:99999", "port"),
        ("host..example", "dot"),
        ("ho st", "a space"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(engine: Engines, host: str, reason: str) -> None:
    it = engine()
    with pytest.raises(BadNameError, match=reason):
        it.add(f"{host}/{MODEL.path}")
    assert it.look().pulls == ()


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("http://xn--bcher-kva.invalid/x", "xn--bcher-kva.invalid"),
        ("http://UPPER.invalid:8080/x", "upper.invalid:8080"),
        ("http://[::1]:PORT/x", "[::1]:PORT"),
    ],
)
async def test_where_a_redirect_leads_is_told_in_ascii(
    client_for: Client, serve: Serve, location: str, shown: str
) -> None:
    port = str(closed_port())
    headers = [("Location", location.replace("PORT", port))]
    server = serve(lambda _: Reply(307, b"", headers))
    with pytest.raises(HostSetback) as caught:
        await Asker(client_for(), server).get(BLOB)
    assert caught.value.host == shown.replace("PORT", port)
    assert Origin.of(httpx.URL(f"http://{shown.replace('PORT', port)}")).host in caught.value.why


@pytest.mark.parametrize("host", ["xn--a.invalid", "%5Bx", "a%20b", "host.123", "0x7f.1"])
async def test_a_redirect_to_what_is_no_host_is_refused(client_for: Client, serve: Serve, host: str) -> None:
    server = serve(lambda _: Reply(307, b"", [("Location", f"http://{host}/x")]))
    with pytest.raises(WrongAnswer, match="redirects to an address that is none"):
        await Asker(client_for(), server).get(BLOB)


async def test_a_redirect_in_other_letters_is_refused(client_for: Client, serve: Serve) -> None:
    location = "http://b\u00fccher.invalid/x".encode().decode("latin-1")
    server = serve(lambda _: Reply(307, b"", [("Location", location)]))
    with pytest.raises(WrongAnswer, match="redirects without saying where to, or not in ASCII"):
        await Asker(client_for(), server).get(BLOB)


@pytest.mark.parametrize(
    ("url", "origin", "netloc"),
    [
        ("https://Host.Example/x", ("https", "host.example", 443), "host.example"),
        ("https://host.example:443/", ("https", "host.example", 443), "host.example"),
        ("https://host.example./", ("https", "host.example", 443), "host.example"),
        ("http://host.example:443/", ("http", "host.example", 443), "host.example:443"),
        ("https://[2001:DB8::1]:5000/", ("https", "2001:db8::1", 5000), "[2001:db8::1]:5000"),
        ("https://b\u00fccher.example/", ("https", "xn--bcher-kva.example", 443), "xn--bcher-kva.example"),
    ],
)
def test_origins(url: str, origin: tuple[str, str, int], netloc: str) -> None:
    found = Origin.of(httpx.URL(url))
    assert found == origin
    assert found.netloc == netloc


def test_addresses_are_written_as_urls_have_them() -> None:
    assert host_of(httpx.URL("http://[::1]:8080/")) == "[::1]:8080"
    assert bracketed("::1", None) == "[::1]"
    assert is_loopback("[::1]") and is_loopback("a.localhost.") and not is_loopback("localhost.example")
