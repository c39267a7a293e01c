"""Networks that want people to sign in answer in the registry's place: recognised whatever the status."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pulltui.engine.clean import SIGN_IN, WEB_PAGE
from pulltui.engine.views import EventKind
from support.asker import Serve
from support.authserver import BasicDoor, Door, HttpServer, Registry, Reply, Request, TokenDoor, basic
from support.engine import KB, Engine
from support.registry import make_model

MODEL = make_model("tiny", 300 * KB, seed=77)
HTML = b"<!DOCTYPE html><html><title>Welcome to the hotel</title>Sign in.</html>"

Engines = Callable[..., Engine]


def portal(status: int, kind: str = "text/html; charset=utf-8") -> Reply:
    return Reply(status, HTML, [("Content-Type", kind)] if kind else [])


def served(serve: Serve, special: Callable[[Request], Reply | None], door: Door | None = None) -> HttpServer:
    registry = Registry(door or Door(), [MODEL])
    return serve(lambda request: special(request) or registry.answer(request))


@pytest.mark.parametrize("status", [401, 403, 404, 410, 511])
@pytest.mark.parametrize("place", ["manifests", "blobs"])
def test_a_sign_in_page_with_any_status(
    *, serve: Serve, engine: Engines, transport_kind: str, status: int, place: str
) -> None:
    signed_in: list[bool] = []
    server = served(
        serve, lambda request: None if signed_in or f"/{place}/" not in request.path else portal(status)
    )
    it = engine(transport=transport_kind)
    pull = it.add(f"{server.host}/{MODEL.path}")
    failed = it.until_failed(pull)
    assert failed.error.startswith(f"{server.host} answered {status}")
    assert failed.error.endswith(f": {WEB_PAGE}")
    assert SIGN_IN in failed.hint
    assert failed.kind == ("not-found" if status in (404, 410) else "refused")
    assert it.events(EventKind.RETRY, EventKind.WAITING) == []
    signed_in.append(True)
    it.retry(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)


@pytest.mark.parametrize(
    "reply", [Reply(511), Reply(511, b"please", [("Retry-After", "5")]), portal(511, "")]
)
def test_511_says_so_without_a_page(serve: Serve, engine: Engines, transport_kind: str, reply: Reply) -> None:
    server = served(serve, lambda _: reply)
    it = engine(transport=transport_kind)
    failed = it.until_failed(it.add(f"{server.host}/{MODEL.path}"))
    assert failed.error.endswith(WEB_PAGE)
    assert failed.hint == SIGN_IN


def test_a_sign_in_page_behind_a_redirect(serve: Serve, engine: Engines, transport_kind: str) -> None:
    hotel = serve(lambda _: portal(403))
    server = served(
        serve,
        lambda request: (
            Reply(302, b"", [("Location", f"{hotel.url}/in")]) if "/blobs/" in request.path else None
        ),
    )
    it = engine(transport=transport_kind)
    failed = it.until_failed(it.add(f"{server.host}/{MODEL.path}"))
    assert failed.error.startswith(f"{hotel.host} refuses fresh addresses of blob")
    assert failed.error.endswith(f"(403): {WEB_PAGE}")
    assert failed.hint == SIGN_IN


@pytest.mark.parametrize("status", [401, 403, 404, 511])
def test_a_sign_in_page_for_a_token(serve: Serve, engine: Engines, transport_kind: str, status: int) -> None:
    door = TokenDoor("")
    server = served(serve, lambda request: portal(status) if request.path == "/token" else None, door)
    door.realm = f"{server.url}/token"
    it = engine(transport=transport_kind)
    failed = it.until_failed(it.add(f"{server.host}/{MODEL.path}"))
    assert failed.error == f"{server.host} answered {status} when asked for a token: {WEB_PAGE}"
    assert failed.hint == SIGN_IN


@pytest.mark.parametrize("door", ["basic", "bearer"])
def test_a_sign_in_page_in_the_middle_costs_no_login(
    serve: Serve, engine: Engines, transport_kind: str, door: str
) -> None:
    expected = basic("me", "hunter2")
    tokens = TokenDoor("", check=lambda request: request.authorization == expected)
    guard = BasicDoor("me", "hunter2") if door == "basic" else tokens
    signed_in: list[bool] = []
    server = served(
        serve, lambda request: None if signed_in or "/blobs/" not in request.path else portal(401), guard
    )
    registry = server.answer
    server.answer = lambda request: tokens.issue(request) if request.path == "/token" else registry(request)
    tokens.realm = f"{server.url}/token"
    it = engine(transport=transport_kind)
    pull = it.add(f"http://me:hunter2@{server.host}/{MODEL.path}")
    assert it.until_failed(pull).hint == SIGN_IN
    signed_in.append(True)
    it.retry(pull)
    it.until_done(pull)


def test_a_page_that_asks_for_a_password_properly_is_none(
    serve: Serve, engine: Engines, transport_kind: str
) -> None:
    """A web server in front of a registry sends pages with its 401."""
    asks = ("WWW-Authenticate", 'Basic realm="the registry"')
    door = BasicDoor("me", "hunter2")

    def answer(request: Request) -> Reply | None:
        if door.turn_down(request) is None:
            return None
        return Reply(401, HTML, [("Content-Type", "text/html"), asks])

    server = served(serve, answer, door)
    it = engine(transport=transport_kind)
    failed = it.until_failed(it.add(f"http://me:wrong@{server.host}/{MODEL.path}"))
    assert failed.error == f"credentials for {server.host} refused (401)"
    pull = it.add(f"http://me:hunter2@{server.host}/{MODEL.path}")
    it.until_done(pull)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_with_a_page_is_busy(
    serve: Serve, engine: Engines, transport_kind: str, status: int
) -> None:
    left = [portal(status)]
    server = served(serve, lambda _: left.pop() if left else None)
    it = engine(transport=transport_kind)
    pull = it.add(f"{server.host}/{MODEL.path}")
    it.until_done(pull)
    assert all("web page" not in event.why for event in it.events())
