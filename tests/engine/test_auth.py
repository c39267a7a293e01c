"""Who we are to a registry: what is sent after it asked, and how often tokens are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from pulltui.engine.errors import RefusedError, ResponseError
from pulltui.engine.login import Login
from pulltui.engine.setbacks import HostSetback, PartSetback
from support.asker import BLOB, LOGIN, MANIFEST, MODEL, Asker, Serve, asked, guarded
from support.authserver import (
    BasicDoor,
    Door,
    Registry,
    Reply,
    Request,
    TokenDoor,
    as_json,
    basic,
    registry_error,
)

Client = Callable[..., httpx.AsyncClient]


# -- passwords ----------------------------------------------------------------------------------------


async def test_a_password_is_sent_after_it_was_asked_for(client_for: Client, serve: Serve) -> None:
    server = guarded(serve, BasicDoor("me", "hunter2"))
    asker = Asker(client_for(), server, login=LOGIN)
    assert await asker.get() == (200, MODEL.manifest)
    assert await asker.get() == (200, MODEL.manifest)
    assert [request.authorization for request in server.requests] == ["", LOGIN.basic, LOGIN.basic]


async def test_no_password_is_sent_to_who_does_not_ask(client_for: Client, serve: Serve) -> None:
    server = guarded(serve, Door())
    assert (await Asker(client_for(), server, login=LOGIN).get())[0] == 200
    assert [request.authorization for request in server.requests] == [""]


async def test_a_wrong_password_is_refused_at_once(client_for: Client, serve: Serve) -> None:
    server = guarded(serve, BasicDoor("me", "another"))
    asker = Asker(client_for(), server, login=LOGIN)
    with pytest.raises(RefusedError, match=f"credentials for {server.host} refused") as caught:
        await asker.get()
    assert caught.value.kind == "refused"
    assert "authentication required" in str(caught.value)
    assert "the name" in caught.value.hint
    assert len(server.requests) == 2
    asker.auth.use(Login("me", "another", "a correction"))
    assert (await asker.get())[0] == 200


async def test_without_a_password_it_says_where_to_put_one(client_for: Client, serve: Serve) -> None:
    server = guarded(serve, BasicDoor("me", "hunter2"))
    with pytest.raises(RefusedError, match=rf"{server.host} wants credentials.*\(401\)") as caught:
        await Asker(client_for(), server).get()
    assert "https://user:password@" in caught.value.hint
    assert "PULLTUI_CREDENTIALS" in caught.value.hint
    assert len(server.requests) == 1


@pytest.mark.parametrize("asks", ["Negotiate", 'Digest realm="x",nonce="y"', ""])
async def test_a_way_that_is_not_known_is_named(client_for: Client, serve: Serve, asks: str) -> None:
    headers = [("WWW-Authenticate", asks)] if asks else []
    server = serve(lambda _: Reply(401, b"", headers))
    with pytest.raises(RefusedError, match=asks.partition(" ")[0].lower() or "none"):
        await Asker(client_for(), server, login=LOGIN).get()


async def test_a_realm_that_is_no_address_is_no_token_server(client_for: Client, serve: Serve) -> None:
    asks = ("WWW-Authenticate", 'Bearer realm="Authentication required", charset="UTF-8"')
    server = serve(lambda _: registry_error(401, "Invalid username or password.", asks))
    with pytest.raises(RefusedError, match=r"or does not have this \(401\): Invalid username") as caught:
        await Asker(client_for(), server).get()
    assert "PULLTUI_CREDENTIALS" in caught.value.hint
    with pytest.raises(RefusedError, match=r"not known here \(bearer, without the address of a token"):
        await Asker(client_for(), server, login=LOGIN).get()


# -- tokens -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["token", "access_token"])
async def test_a_token_for_everybody(client_for: Client, serve: Serve, key: str) -> None:
    server = guarded(serve, TokenDoor("", key=key))
    assert (await Asker(client_for(), server).get())[0] == 200
    (question,) = asked(server, "/token")
    assert question.query == [("scope", f"repository:{MODEL.path}:pull"), ("service", "the registry")]
    assert question.authorization == ""
    assert [request.authorization for request in asked(server, MANIFEST)] == ["", "Bearer secret-token-1"]


async def test_a_token_for_a_password(client_for: Client, serve: Serve) -> None:
    expected = basic("me", "hunter2")
    server = guarded(serve, TokenDoor("", check=lambda request: request.authorization == expected))
    assert (await Asker(client_for(), server, login=LOGIN).get())[0] == 200
    # The password went to the token server only.
    assert [request.authorization for request in server.requests] == ["", expected, "Bearer secret-token-1"]
    other = Asker(client_for(), server, login=Login("me", "wrong", "a file"))
    with pytest.raises(RefusedError, match=f"credentials for {server.host} refused"):
        await other.get()


async def test_one_refresh_for_all_connections(client_for: Client, serve: Serve) -> None:
    door = TokenDoor("")
    server = guarded(serve, door)
    asker = Asker(client_for(), server)
    assert (await asker.get())[0] == 200
    for round_ in (2, 3):
        door.expire()
        answers = await asyncio.gather(*(asker.get(BLOB, Range=f"bytes={n}-{n}") for n in range(12)))
        assert [status for status, _ in answers] == [206] * 12
        assert door.issued == round_
    assert all(not gate.through for gate in asker.gates._gates.values())


async def test_a_token_that_is_refused_when_fresh_is_final(client_for: Client, serve: Serve) -> None:
    door = TokenDoor("", uses=0)
    server = guarded(serve, door)
    with pytest.raises(RefusedError, match=f"credentials for {server.host} refused"):
        await Asker(client_for(), server, login=LOGIN).get()
    assert door.issued == 1
    assert len(asked(server, MANIFEST)) == 2


async def test_a_registry_that_changes_its_mind_for_ever_is_left(client_for: Client, serve: Serve) -> None:
    door = TokenDoor("", uses=0)
    server = guarded(serve, door)
    asker = Asker(client_for(), server)

    async def accept() -> None:
        while True:
            if asker.auth.grant is not None:
                asker.auth.grant.accepted = True
            await asyncio.sleep(0)

    other = asyncio.create_task(accept())
    with pytest.raises(RefusedError):
        await asker.get()
    other.cancel()
    assert 1 <= door.issued <= 5


async def test_what_the_challenge_says_of_the_token_is_told(client_for: Client, serve: Serve) -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/token":
            return as_json({"token": "secret-token"})
        asks = f'Bearer realm="{server.url}/token",error="insufficient_scope\x1b[2J"'
        return Reply(401, b"", [("WWW-Authenticate", asks.replace("\x1b", " "))])

    server = serve(answer)
    with pytest.raises(RefusedError, match=r"\(401\): insufficient_scope"):
        await Asker(client_for(), server).get()


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(200, b"x" * (1 << 20) + b"x"), ResponseError, "more than 1 MiB as a token"),
        (Reply(200, b"<html>"), RefusedError, "answered with something else"),
        (Reply(302, b"", [("Location", "https://elsewhere.example/")]), RefusedError, "answered 302"),
        (Reply(404, b"no such page"), RefusedError, "answered 404 when asked for a token: no such page"),
        (Reply(500, b""), PartSetback, "500 from .* instead of a token"),
        (Reply(503, b"", [("Retry-After", "2")]), HostSetback, "is busy"),
        (registry_error(401, "who are you"), RefusedError, r"wants credentials.*\(401\): who are you"),
        (registry_error(403, "not you"), RefusedError, "not you"),
    ],
    ids=["endless", "html", "redirect", "404", "500", "503", "401", "403"],
)
async def test_a_token_server_in_trouble(
    client_for: Client, serve: Serve, reply: Reply, error: type[Exception], words: str
) -> None:
    door = TokenDoor("")
    registry = Registry(door, [MODEL])
    server = serve(lambda request: reply if request.path == "/token" else registry.answer(request))
    door.realm = f"{server.url}/token"
    asker = Asker(client_for(), server)
    with pytest.raises(error, match=words):
        await asker.get()
    assert all(not gate.through for gate in asker.gates._gates.values())


async def test_repositories_have_tokens_of_their_own(client_for: Client, serve: Serve) -> None:
    server = guarded(serve, TokenDoor(""))
    asker = Asker(client_for(), server)
    one = asker.auth
    assert asker._keyring.at(server.url, MODEL.path.upper()) is one
    assert asker._keyring.at(server.url, "other/model") is not one
    assert asker._keyring.at(f"http://localhost:{server.port}", MODEL.path) is not one
    assert asker._keyring.at(f"https://{server.host}", MODEL.path) is not one


async def test_what_waited_at_a_gate_asks_with_the_grant_of_now(client_for: Client, serve: Serve) -> None:
    """A token that expires while a request waits for its host is not taken for a wrong password."""
    door = TokenDoor("")
    server = guarded(serve, door)
    asker = Asker(client_for(), server)
    assert (await asker.get())[0] == 200
    gate = asker.gates.gate(server.host)
    entry = await gate.enter()
    entry.trouble(HostSetback("busy", server.host, busy=True, retry_after=0.2))
    waiting = asyncio.create_task(asker.get(BLOB, Range="bytes=0-0"))
    await asyncio.sleep(0)
    door.expire()
    asker.auth.grant = None
    entry.leave()
    gate.retry_now()
    assert (await waiting)[0] == 206
    assert asked(server, BLOB)[0].authorization == "", "not with the one it had before it waited"
