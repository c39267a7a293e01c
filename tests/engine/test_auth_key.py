"""Ollama's own way to prove who asks, over the wire."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from pulltui.engine.errors import RefusedError
from pulltui.engine.setbacks import PartSetback
from support.asker import LOGIN, MANIFEST, Asker, Serve, asked, guarded
from support.authserver import HttpServer, Reply, Request, TokenDoor, as_json, registry_error
from support.keys import write_key

Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return write_key(tmp_path)


def signed_by(public_file: Path, server: HttpServer, request: Request) -> bool:
    """Check a token request as Ollama's registry does."""
    public, _, signature = request.authorization.partition(":")
    known = public_file.read_text().split()[1]
    key = load_ssh_public_key(f"ssh-ed25519 {known}".encode())
    assert isinstance(key, ed25519.Ed25519PublicKey)
    nothing = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()
    try:
        key.verify(base64.b64decode(signature), f"GET,{server.url}{request.target},{nothing}".encode())
    except (InvalidSignature, ValueError):
        return False
    return public == known


async def test_ollamas_key_signs_the_question(client_for: Client, serve: Serve, key_file: Path) -> None:
    public = key_file.with_suffix(".pub")
    door = TokenDoor("", check=lambda request: signed_by(public, server, request))
    server = guarded(serve, door)
    asker = Asker(client_for(), server, keys=[key_file])
    assert (await asker.get())[0] == 200
    door.expire()
    assert (await asker.get())[0] == 200
    one, other = asked(server, "/token")
    assert [key for key, _ in one.query] == ["nonce", "scope", "service", "ts"]
    assert dict(one.query)["ts"] == "1700000000"
    nonces = {dict(request.query)["nonce"] for request in (one, other)}
    assert len(nonces) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", nonce) for nonce in nonces)
    assert [request.authorization for request in asked(server, MANIFEST)][-1] == "Bearer secret-token-2"


async def test_a_key_that_is_not_known_there(client_for: Client, serve: Serve, key_file: Path) -> None:
    server = guarded(serve, TokenDoor("", check=lambda request: False))
    with pytest.raises(RefusedError, match="it does not know the key") as caught:
        await Asker(client_for(), server, keys=[key_file]).get()
    assert str(key_file) in str(caught.value)
    assert f"{key_file}.pub" in caught.value.hint


async def test_who_turns_signatures_down_is_asked_without(
    client_for: Client, serve: Serve, key_file: Path
) -> None:
    server = guarded(serve, TokenDoor("", check=lambda request: request.authorization == ""))
    assert (await Asker(client_for(), server, keys=[key_file]).get())[0] == 200
    assert [bool(request.authorization) for request in asked(server, "/token")] == [True, False]
    assert "ts" not in dict(asked(server, "/token")[1].query)


async def test_a_password_comes_before_the_key(client_for: Client, serve: Serve, key_file: Path) -> None:
    server = guarded(serve, TokenDoor(""))
    assert (await Asker(client_for(), server, keys=[key_file], login=LOGIN).get())[0] == 200
    assert asked(server, "/token")[0].authorization == LOGIN.basic


async def test_the_key_signs_for_nobody_but_the_registry(
    client_for: Client, serve: Serve, key_file: Path
) -> None:
    door = TokenDoor("")
    tokens = serve(door.issue)
    door.realm = f"{tokens.url}/token"
    server = guarded(serve, door)
    assert (await Asker(client_for(), server, keys=[key_file]).get())[0] == 200
    assert [request.authorization for request in tokens.requests] == [""]


async def test_a_key_that_cannot_be_used_is_told_of(client_for: Client, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "id_ed25519").write_text("not a key")
    server = guarded(serve, TokenDoor("", check=lambda request: False))
    with pytest.raises(RefusedError) as caught:
        await Asker(client_for(), server, keys=[tmp_path / "id_ed25519"]).get()
    assert "is not a private key" in caught.value.hint


STUMBLES = {
    "302": Reply(302, b"", [("Location", "https://elsewhere.example/")]),
    "404": registry_error(404, "no such user"),
    "406": Reply(406),
    "500": Reply(500),
    "502": Reply(502, b"<html>", [("Content-Type", "text/html")]),
    "html": Reply(200, b"<html>", [("Content-Type", "text/html")]),
    "no token": as_json({"token": None}),
    "two lines": as_json({"token": "a\nb"}),
}


@pytest.mark.parametrize("stumble", STUMBLES)
async def test_who_stumbles_over_a_signature_is_asked_without(
    client_for: Client, serve: Serve, key_file: Path, stumble: str
) -> None:
    door = TokenDoor("")
    server = guarded(serve, door)
    registry = server.answer
    server.answer = lambda request: STUMBLES[stumble] if "ts" in dict(request.query) else registry(request)
    assert (await Asker(client_for(), server, keys=[key_file]).get())[0] == 200
    assert [bool(request.authorization) for request in asked(server, "/token")] == [True, False]
    assert door.issued == 1


@pytest.mark.parametrize("anonymous", ["refused", "of no use"])
async def test_a_token_server_in_trouble_does_not_cost_a_private_model(
    client_for: Client, serve: Serve, key_file: Path, anonymous: str
) -> None:
    """What it gives to everybody does not open this one: the signature has its turn again, later."""
    public, trouble = key_file.with_suffix(".pub"), [Reply(500)]
    good: list[str] = []

    def answer(request: Request) -> Reply:
        if request.path == "/token":
            if request.authorization and trouble:
                return trouble.pop()
            if not request.authorization:
                return as_json({"token": "everybodys-own"}) if anonymous == "of no use" else Reply(401)
            assert signed_by(public, server, request)
            good.append("Bearer owners-own")
            return as_json({"token": "owners-own"})
        if request.authorization in good:
            return Reply(200, b"it")
        asks = f'Bearer realm="{server.url}/token",scope="x"'
        return registry_error(401, "denied", ("WWW-Authenticate", asks))

    server = serve(answer)
    asker = Asker(client_for(), server, keys=[key_file])
    with pytest.raises(PartSetback, match=r"500 from .* instead of a token for Ollama's key"):
        await asker.get()
    assert await asker.get() == (200, b"it")
