"""Grants that end: renewed once for everybody, wherever a redirect led; logins that do not do: forgotten."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from pulltui.engine.errors import RefusedError
from pulltui.engine.login import Login
from pulltui.engine.views import EventKind
from support.asker import BLOB, LOGIN, MODEL, Asker, Serve, asked, guarded
from support.authserver import BasicDoor, HttpServer, Reply, Request, TokenDoor, basic
from support.engine import KB, Engine
from support.registry import make_model

BIG = make_model("tiny", 1500 * KB, seed=76)
WRONG = Login("me", "wrong", "the name")

Client = Callable[..., httpx.AsyncClient]
Engines = Callable[..., Engine]


def redirecting(serve: Serve, door: TokenDoor) -> HttpServer:
    """A registry that redirects blobs within itself, and looks at tokens behind the redirect, too."""
    server = guarded(serve, door)
    answer = server.answer

    def redirect(request: Request) -> Reply:
        if request.path == BLOB:
            return Reply(307, b"", [("Location", f"/inner{BLOB}")])
        return answer(request)

    server.answer = redirect
    return server


# -- one renewal ---------------------------------------------------------------------------------------


async def test_all_that_find_it_expired_at_once_share_one_renewal(client_for: Client, serve: Serve) -> None:
    count = 6
    door = TokenDoor("")
    server = guarded(serve, door)
    asker = Asker(client_for(), server)
    assert (await asker.get())[0] == 200
    registry, together = server.answer, threading.Barrier(count)

    def answer(request: Request) -> Reply:
        reply = registry(request)
        if reply.status == 401:
            together.wait(20)  # nobody hears of it before all have asked
        return reply

    server.answer = answer
    for renewal in (1, 2):
        door.expire()
        answers = await asyncio.gather(*(asker.get(BLOB, Range=f"bytes={n}-{n}") for n in range(count)))
        assert [status for status, _ in answers] == [206] * count
        assert len(asked(server, "/token")) == 1 + renewal
        with_old = [each for each in asked(server, BLOB) if each.authorization.endswith(f"-{renewal}")]
        assert len(with_old) >= count, "each of them was turned away"


def test_a_pull_whose_connections_all_find_it_expired(
    serve: Serve, engine: Engines, transport_kind: str
) -> None:
    count = 4
    door = TokenDoor("")
    server = guarded(serve, door, models=[BIG])
    registry, together = server.answer, threading.Barrier(count)
    ranges: list[Request] = []
    lock = threading.Lock()

    def answer(request: Request) -> Reply:
        if "/blobs/" not in request.path or "range" not in request.headers:
            return registry(request)
        with lock:
            ranges.append(request)
            if len(ranges) == 4:
                door.expire()
        reply = registry(request)
        if reply.status == 401:
            together.wait(20)
        return reply

    server.answer = answer
    it = engine(transport=transport_kind, connections=count, max_retries=0, stall_timeout=20.0)
    it.until_done(it.add(f"{server.host}/{BIG.path}"))
    it.assert_installed(BIG, host=server.host)
    assert door.issued == 2
    assert it.events(EventKind.RETRY, EventKind.STALLED, EventKind.WAITING) == []


async def test_what_was_expired_before_others_heard_is_no_wrong_password(
    client_for: Client, serve: Serve
) -> None:
    """A token good for one request is used up by one connection while the other's is on its way."""
    door = TokenDoor("", uses=1)
    server = guarded(serve, door)
    registry, release = server.answer, threading.Event()

    def answer(request: Request) -> Reply:
        reply = registry(request)
        if door.issued == 2:
            release.set()
        if request.authorization == "Bearer secret-token-1" and reply.status == 206:
            release.wait(5)  # not heard of before the other one has asked for a new one
        return reply

    server.answer = answer
    asker = Asker(client_for(), server)
    answers = await asyncio.gather(*(asker.get(BLOB, Range=f"bytes={n}-{n}") for n in range(2)))
    assert [status for status, _ in answers] == [206, 206]
    assert door.issued == 2


# -- behind a redirect ---------------------------------------------------------------------------------


async def test_a_token_that_expires_behind_a_redirect_is_renewed(client_for: Client, serve: Serve) -> None:
    door = TokenDoor("")
    server = redirecting(serve, door)
    asker = Asker(client_for(), server)
    assert (await asker.get(BLOB))[0] == 200
    door.expire()
    answers = await asyncio.gather(*(asker.get(BLOB, Range=f"bytes={n}-{n}") for n in range(4)))
    assert [status for status, _ in answers] == [206] * 4
    assert door.issued == 2


async def test_a_stale_address_is_told_from_an_expired_token(client_for: Client, serve: Serve) -> None:
    """The address says 401 whatever is sent: that is handed on, if need be after one fresh token."""
    door = TokenDoor("")
    server = redirecting(serve, door)
    asker = Asker(client_for(), server)
    assert (await asker.get())[0] == 200
    answer = server.answer
    server.answer = lambda request: Reply(401) if request.path.startswith("/inner") else answer(request)
    assert (await asker.get(BLOB))[0] == 401
    assert door.issued == 1
    asks = [("WWW-Authenticate", f'Bearer realm="{server.url}/token"')]
    server.answer = lambda request: (
        Reply(401, b"", asks) if request.path.startswith("/inner") else answer(request)
    )
    assert (await asker.get(BLOB))[0] == 401
    assert door.issued == 2


def test_a_pull_behind_redirects_goes_on_with_fresh_tokens(
    serve: Serve, engine: Engines, transport_kind: str
) -> None:
    door = TokenDoor("")
    server = guarded(serve, door, models=[BIG])
    answer = server.answer
    inner: list[Request] = []

    def redirect(request: Request) -> Reply:
        if "/blobs/" in request.path and not request.path.startswith("/inner"):
            return Reply(307, b"", [("Location", f"/inner{request.path}")])
        if request.path.startswith("/inner"):
            inner.append(request)
            if len(inner) == 3:
                door.expire()
        return answer(request)

    server.answer = redirect
    it = engine(transport=transport_kind, max_retries=0, stall_timeout=30.0)
    it.until_done(it.add(f"{server.host}/{BIG.path}"))
    it.assert_installed(BIG, host=server.host)
    assert door.issued == 2
    assert it.events(EventKind.RETRY, EventKind.NOTE, EventKind.WAITING) == []


# -- wrong logins --------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["basic", "bearer"])
async def test_a_wrong_login_of_a_name_is_forgotten(client_for: Client, serve: Serve, door: str) -> None:
    tokens = TokenDoor("", check=lambda request: request.authorization == LOGIN.basic)
    server = guarded(serve, BasicDoor("me", "hunter2") if door == "basic" else tokens)
    environ = {"PULLTUI_CREDENTIALS": f"{server.host}=me:hunter2"}
    asker = Asker(client_for(), server, login=WRONG, environ=environ)
    with pytest.raises(RefusedError, match="refused") as caught:
        await asker.get()
    assert caught.value.hint.endswith("come from the name; add it again with the right ones.")
    assert sum(request.authorization == WRONG.basic for request in server.requests) == 1
    assert (await asker.get())[0] == 200, "by the environment's"
    assert sum(request.authorization == WRONG.basic for request in server.requests) == 1


@pytest.mark.parametrize("then", ["name", "environment", "file"])
def test_a_pull_added_again_takes_another_login(
    *, serve: Serve, engine: Engines, transport_kind: str, tmp_path: Path, then: str
) -> None:
    expected = basic("me", "hunter2")
    door = TokenDoor("", check=lambda request: request.authorization == expected)
    server = guarded(serve, door, models=[BIG])
    file = tmp_path / "credentials.toml"
    environ: dict[str, str] = {}
    it = engine(transport=transport_kind, environ=environ, credentials_file=file)
    pull = it.add(f"http://me:wrong@{server.host}/{BIG.path}")
    assert "credentials for" in it.until_failed(pull).error
    name = f"{server.host}/{BIG.path}"
    if then == "name":
        name = f"http://me:hunter2@{name}"
    elif then == "environment":
        environ["PULLTUI_CREDENTIALS"] = f"{server.host}=me:hunter2"
    else:
        file.write_text(f'["{server.host}"]\nuser = "me"\npassword = "hunter2"\n')
        file.chmod(0o600)
    assert it.add(name) == pull
    it.until_done(pull)
    it.assert_installed(BIG, host=server.host)


async def test_another_login_named_while_the_wrong_one_is_tried(client_for: Client, serve: Serve) -> None:
    tried, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def check(request: Request) -> bool:
        if request.authorization == WRONG.basic:
            loop.call_soon_threadsafe(tried.set)
            go_on.wait(20)
        return request.authorization == LOGIN.basic

    server = guarded(serve, TokenDoor("", check=check))
    asker = Asker(client_for(), server, login=WRONG)
    waiting = asyncio.create_task(asker.get())
    await tried.wait()
    asker.auth.use(LOGIN)
    go_on.set()
    assert await waiting == (200, MODEL.manifest)
