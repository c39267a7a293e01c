"""Credentials stay with the registry: nothing of them crosses to another host or port, or down to http."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from pulltui.engine.errors import RefusedError, ResponseError
from pulltui.engine.network import Way, find_way
from support.asker import BLOB, LOGIN, MODEL, Asker, Serve, asked, guarded
from support.authserver import (
    BasicDoor,
    Door,
    HttpServer,
    Registry,
    Reply,
    Request,
    TokenDoor,
    basic,
    registry_error,
)
from support.certificates import Authority

Client = Callable[..., httpx.AsyncClient]


@pytest.mark.parametrize("door", ["basic", "bearer"])
@pytest.mark.parametrize("elsewhere", ["port", "host"])
async def test_nothing_crosses_to_another_host_or_port(
    client_for: Client, serve: Serve, door: str, elsewhere: str
) -> None:
    blobs = Registry(Door(), [MODEL])
    store = serve(blobs.answer_blob)
    host = store.host if elsewhere == "port" else f"localhost:{store.port}"
    guard = BasicDoor("me", "hunter2") if door == "basic" else TokenDoor("")
    server = guarded(serve, guard, store=f"http://{host}")
    asker = Asker(client_for(), server, login=LOGIN)
    for _ in range(2):
        assert (await asker.get(BLOB, Range="bytes=0-9"))[0] == 206
    assert len(store.requests) == 2
    for request in store.requests:
        assert "authorization" not in request.headers
        assert "hunter2" not in str(request) and "secret-token" not in str(request)
    assert any(request.authorization for request in asked(server, BLOB))


async def test_a_401_from_elsewhere_gets_nothing(client_for: Client, serve: Serve) -> None:
    store = serve(lambda _: Reply(401, b"", [("WWW-Authenticate", 'Basic realm="me too"')]))
    server = guarded(serve, BasicDoor("me", "hunter2"), store=store.url)
    assert (await Asker(client_for(), server, login=LOGIN).get(BLOB))[0] == 401
    assert [request.authorization for request in store.requests] == [""]


async def test_nothing_crosses_between_names_over_tls(
    client_for: Client, serve: Serve, authority: Authority
) -> None:
    context = authority.server_context("127.0.0.1", "localhost")
    store = serve(Registry(Door(), [MODEL]).answer_blob, context)
    server = guarded(serve, BasicDoor("me", "hunter2"), context, f"https://localhost:{store.port}")
    way = find_way("", str(authority.ca_file), {})
    assert (await Asker(client_for(way), server, login=LOGIN).get(BLOB))[0] == 200
    assert [request.authorization for request in store.requests] == [""]


async def test_nothing_goes_down_to_http(client_for: Client, serve: Serve, authority: Authority) -> None:
    context = authority.server_context("127.0.0.1")
    way = find_way("", str(authority.ca_file), {})
    plain = serve(TokenDoor("").issue)
    redirecting = guarded(serve, BasicDoor("me", "hunter2"), context, plain.url)
    with pytest.raises(ResponseError, match="from https to plain http"):
        await Asker(client_for(way), redirecting, login=LOGIN).get(BLOB)
    tokens = guarded(serve, TokenDoor(f"{plain.url}/token"), context)
    with pytest.raises(RefusedError, match="over plain http"):
        await Asker(client_for(way), tokens, login=LOGIN).get()
    assert plain.requests == []


async def test_a_foreign_token_server_is_not_even_asked(
    client_for: Client, serve: Serve, authority: Authority
) -> None:
    context = authority.server_context("127.0.0.1", "localhost")
    way = find_way("", str(authority.ca_file), {})
    door = TokenDoor("")
    server = guarded(serve, door, context)
    door.realm = "https://tokens.invalid/token"
    with pytest.raises(RefusedError, match=r"another host for a token: tokens\.invalid"):
        await Asker(client_for(way), server, login=LOGIN).get()


async def test_a_redirect_within_the_registry_keeps_what_is_sent(client_for: Client, serve: Serve) -> None:
    inner = Registry(BasicDoor("me", "hunter2"), [MODEL])

    def answer(request: Request) -> Reply:
        if request.path == BLOB and not request.query:
            return Reply(307, b"", [("Location", f"{BLOB}?hop=1")])
        return inner.answer(request)

    server = serve(answer)
    assert (await Asker(client_for(), server, login=LOGIN).get(BLOB))[0] == 200
    assert server.requests[-1].authorization == LOGIN.basic


async def test_what_a_server_repeats_of_a_secret_is_not_told(client_for: Client, serve: Serve) -> None:
    def answer(request: Request) -> Reply:
        said = f"bad login {request.authorization} hunter2"
        return registry_error(401, said, ("WWW-Authenticate", "Basic"))

    with pytest.raises(RefusedError, match="bad login") as caught:
        await Asker(client_for(), serve(answer), login=LOGIN).get()
    assert "hunter2" not in str(caught.value)
    assert LOGIN.basic.removeprefix("Basic ") not in str(caught.value)


# -- plain http ---------------------------------------------------------------------------------------


def through(proxy: HttpServer) -> Way:
    return find_way(proxy.url, "", {})


@pytest.mark.parametrize("key", ["registry.lan", "registry.lan:80", "https://registry.lan"])
@pytest.mark.parametrize("door", ["basic", "bearer"])
async def test_a_host_alone_is_no_leave_for_plain_http(
    client_for: Client, serve: Serve, door: str, key: str
) -> None:
    expected = basic("me", "hunter2")
    tokens = TokenDoor("http://registry.lan/token", check=lambda request: request.authorization == expected)
    guard = BasicDoor("me", "hunter2") if door == "basic" else tokens
    proxy = guarded(serve, guard)
    environ = {"PULLTUI_CREDENTIALS": f"{key}=me:hunter2"}
    asker = Asker(client_for(through(proxy)), proxy, environ=environ, url="http://registry.lan")
    with pytest.raises(RefusedError, match=r"registry\.lan wants credentials") as caught:
        await asker.get()
    assert ("written down for http://registry.lan" in caught.value.hint) is not key.startswith("https")
    assert not any(request.authorization for request in proxy.requests)
    spelt = {"PULLTUI_CREDENTIALS": "http://registry.lan=me:hunter2"}
    asker = Asker(client_for(through(proxy)), proxy, environ=spelt, url="http://registry.lan")
    assert (await asker.get())[0] == 200


async def test_a_host_alone_is_no_leave_for_a_plain_token_server(client_for: Client, serve: Serve) -> None:
    """This machine's registry may be asked plainly, but its tokens come from another machine."""
    proxy = serve(lambda request: registry_error(404, "not here"))
    door = TokenDoor("http://tokens.lan/token")
    server = guarded(serve, door)
    for key, asked_there in ((server.host, 0), (server.url, 1)):
        asker = Asker(
            client_for(through(proxy)),
            server,
            environ={"PULLTUI_CREDENTIALS": f"{key}=me:hunter2"},
            token_hosts=["tokens.lan"],
        )
        with pytest.raises(RefusedError) as caught:
            await asker.get()
        assert len(proxy.requests) == asked_there
        assert ("plain http" in str(caught.value)) is not bool(asked_there)
