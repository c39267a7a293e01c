"""Registries that say no, and networks that say something else: told in a sentence, with the next step."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from pulltui.engine.core import default_user_agent
from pulltui_config.settings import Network
from support.asker import Serve
from support.authserver import Door, HttpServer, Registry, Reply, Request, registry_error
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 300 * KB, seed=73)
DIGEST = layer(MODEL).digest
PORTAL = Reply(
    200, b"<!DOCTYPE html><html>Welcome to the hotel. Sign in.</html>", [("Content-Type", "text/html")]
)
ODD = "no\x1b[31m such\u202e thing"

Engines = Callable[..., Engine]


class Gate(Door):
    """Wants an Ollama that is new enough, and reads its version as Ollama writes it."""

    def turn_down(self, request: Request) -> Reply | None:
        match = re.match(r"ollama/v?(\d+)\.(\d+)\.(\d+) \(", request.headers.get("user-agent", ""))
        version = tuple(map(int, match.groups())) if match else None
        if version == (0, 0, 0) or (version is not None and version >= (0, 9, 0)):
            return None
        return registry_error(412, "the model you are pulling requires a newer version of Ollama")


def name_at(server: HttpServer) -> str:
    return f"{server.host}/{MODEL.path}"


def served(serve: Serve, special: Callable[[Request], Reply | None]) -> HttpServer:
    """A registry that answers as `special` says, as itself where that says None."""
    registry = Registry(Door(), [MODEL])
    return serve(lambda request: special(request) or registry.answer(request))


@pytest.mark.parametrize("agent", ["", "ollama/0.12.3 (arm64 darwin) Go/go1.24", "ollama/0.0.0 (x)"])
def test_a_gate_lets_us_through(serve: Serve, engine: Engines, transport_kind: str, agent: str) -> None:
    server = serve(Registry(Gate(), [MODEL]).answer)
    it = engine(transport=transport_kind, network=Network(user_agent=agent))
    it.until_done(it.add(name_at(server)))
    assert {request.headers["user-agent"] for request in server.requests} == {agent or default_user_agent()}


def test_our_name_says_who_we_are_and_claims_no_release() -> None:
    assert re.fullmatch(r"ollama/0\.0\.0 \(\w+ \w+\) pulltui/\d+\.\d+\.\d+\S*", default_user_agent())


@pytest.mark.parametrize("agent", ["curl/8", "ollama/0.1.9 (amd64 linux)"])
def test_a_gate_that_stays_shut_is_explained(
    serve: Serve, engine: Engines, transport_kind: str, agent: str
) -> None:
    server = serve(Registry(Gate(), [MODEL]).answer)
    it = engine(transport=transport_kind, network=Network(user_agent=agent))
    failed = it.until_failed(it.add(name_at(server)))
    assert f"{server.host} refuses manifest of" in failed.error
    assert failed.error.endswith("(412): the model you are pulling requires a newer version of Ollama")
    assert "network.user_agent" in failed.hint
    assert failed.kind == "refused"


@pytest.mark.parametrize("place", ["manifests", "blobs"])
@pytest.mark.parametrize(
    ("reply", "kind", "error", "hint"),
    [
        (registry_error(403, ODD), "refused", r"does not allow .* \(403\)", "accept its terms"),
        (registry_error(404, ODD), "not-found", r"has no .* \(404\)", "Check the name"),
        (registry_error(410, ODD), "not-found", r"has no .* \(410\)", "Check the name"),
        (registry_error(412, ODD), "refused", r"refuses .* \(412\)", "network.user_agent"),
        (
            registry_error(429, ODD, ("Retry-After", "99999")),
            "busy",
            "answered 429 and asks to wait 1d03h",
            "that time",
        ),
        (registry_error(451, ODD), "refused", "answered 451", "would not change that"),
        (
            registry_error(401, ODD, ("WWW-Authenticate", "Basic")),
            "refused",
            r"wants credentials.*\(401\)",
            "PULLTUI_CREDENTIALS",
        ),
    ],
    ids=["403", "404", "410", "412", "429", "451", "401"],
)
def test_each_refusal_has_a_sentence_and_the_servers_words(
    *,
    serve: Serve,
    engine: Engines,
    transport_kind: str,
    place: str,
    reply: Reply,
    kind: str,
    error: str,
    hint: str,
) -> None:
    server = served(serve, lambda request: reply if f"/{place}/" in request.path else None)
    it = engine(transport=transport_kind)
    failed = it.until_failed(it.add(name_at(server)))
    assert re.search(error, failed.error)
    assert server.host in failed.error
    assert failed.error.endswith(": no\ufffd[31m such\ufffd thing")
    assert hint in failed.hint
    assert failed.kind == kind


def test_a_busy_registry_says_why_we_wait(serve: Serve, engine: Engines, transport_kind: str) -> None:
    left = [registry_error(429, "slow down, friend", ("Retry-After", "1"))]
    server = served(serve, lambda request: left.pop() if left else None)
    it = engine(transport=transport_kind)
    pull = it.add(name_at(server))
    it.until(lambda: it.pull(pull).waiting, "it waits")
    waiting = it.pull(pull).waiting
    assert waiting is not None
    assert waiting.why == f"{server.host} is busy (429): slow down, friend"
    it.until_done(pull)


def test_a_captive_portal_instead_of_a_manifest(serve: Serve, engine: Engines, transport_kind: str) -> None:
    portal = serve(lambda _: PORTAL)
    server = serve(lambda _: Reply(302, b"", [("Location", f"http://localhost:{portal.port}/login")]))
    it = engine(transport=transport_kind)
    failed = it.until_failed(it.add(name_at(server)))
    assert failed.error == (
        f"localhost:{portal.port} answered with a web page, not a registry manifest (text/html)"
    )
    assert "sign-in page" in failed.hint


@pytest.mark.parametrize("redirected", [False, True])
def test_a_captive_portal_instead_of_a_blob(
    serve: Serve, engine: Engines, transport_kind: str, redirected: bool
) -> None:
    portal = serve(lambda _: PORTAL)
    answer = Reply(302, b"", [("Location", f"{portal.url}/login")]) if redirected else PORTAL
    signed_in: list[bool] = []
    server = served(serve, lambda request: answer if "/blobs/" in request.path and not signed_in else None)
    it = engine(transport=transport_kind, max_retries=2)
    pull = it.add(name_at(server))
    failed = it.until_failed(pull)
    host = portal.host if redirected else server.host
    assert failed.error.startswith(f"{host} keeps sending what was not asked for: a web page came instead")
    assert "sign in" in failed.error
    assert failed.done == 0
    signed_in.append(True)
    it.retry(pull)
    it.until_done(pull)
    it.assert_installed(MODEL, host=server.host)
