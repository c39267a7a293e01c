"""Whole pulls from registries that ask who is there, and what of that is seen from outside: nothing."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pulltui.demo import Registry as Embedded
from pulltui.engine.views import EventKind
from support.asker import Serve, asked, guarded
from support.authserver import BasicDoor, Door, HttpServer, Registry, TokenDoor, basic
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("tiny", 1500 * KB, seed=71)
DIGEST = layer(MODEL).digest
SECRETS = ["hunter2", basic("me", "hunter2").removeprefix("Basic "), "secret-token"]

Engines = Callable[..., Engine]
Embeddeds = Callable[..., Embedded]


def front(serve: Serve, door: Door, store: str = "") -> HttpServer:
    return guarded(serve, door, store=store, models=[MODEL])


def name_at(server: HttpServer, login: str = "") -> str:
    return f"http://{login}{server.host}/{MODEL.path}"


def password(request_authorization: str) -> bool:
    return request_authorization == basic("me", "hunter2")


@pytest.mark.parametrize("source", ["name", "environment", "file"])
def test_a_password_from_everywhere_it_may_be(
    serve: Serve, engine: Engines, transport_kind: str, tmp_path: Path, source: str
) -> None:
    server = front(serve, BasicDoor("me", "hunter2"))
    file = tmp_path / "credentials.toml"
    environ = {}
    if source == "file":
        file.write_text(f'["{server.host}"]\nuser = "me"\npassword = "hunter2"\n')
        file.chmod(0o600)
    elif source == "environment":
        environ = {"PULLTUI_CREDENTIALS": f"other.example=a:b {server.host}=me:hunter2"}
    it = engine(transport=transport_kind, environ=environ, credentials_file=file)
    it.until_done(it.add(name_at(server, "me:hunter2@" if source == "name" else "")))
    it.assert_installed(MODEL, host=server.host)
    assert it.events(EventKind.RETRY, EventKind.STALLED, EventKind.WAITING) == []


def test_a_token_that_expires_in_mid_pull_costs_no_retry(
    serve: Serve, engine: Engines, transport_kind: str
) -> None:
    door = TokenDoor("", uses=2, check=lambda request: password(request.authorization))
    server = front(serve, door)
    it = engine(transport=transport_kind, max_retries=0)
    it.until_done(it.add(name_at(server, "me:hunter2@")))
    it.assert_installed(MODEL, host=server.host)
    assert it.events(EventKind.RETRY, EventKind.STALLED, EventKind.WAITING) == []
    assert door.issued > 2
    blobs = [request for request in server.requests if "/blobs/" in request.path]
    # No more tokens than the requests needed them: nobody fetched one for himself.
    assert door.issued <= 1 + len(blobs) // 2


def test_a_password_can_be_corrected(serve: Serve, engine: Engines, transport_kind: str) -> None:
    server = front(serve, BasicDoor("me", "hunter2"))
    it = engine(transport=transport_kind)
    pull = it.add(name_at(server, "me:hunter3@"))
    failed = it.until_failed(pull)
    assert failed.error.startswith(f"credentials for {server.host} refused (401)")
    assert (failed.kind, failed.exit_code) == ("refused", 1)
    assert it.add(name_at(server, "me:hunter2@")) == pull
    it.until_done(pull)


def test_a_file_that_others_can_read_fails_the_pull_with_the_remedy(
    serve: Serve, engine: Engines, transport_kind: str, tmp_path: Path
) -> None:
    server = front(serve, BasicDoor("me", "hunter2"))
    file = tmp_path / "credentials.toml"
    file.write_text(f'["{server.host}"]\nuser = "me"\npassword = "hunter2"\n')
    file.chmod(0o644)
    it = engine(transport=transport_kind, credentials_file=file)
    pull = it.add(name_at(server))
    failed = it.until_failed(pull)
    assert "is open to others" in failed.error
    assert failed.hint == f"Run: chmod 600 {file}"
    file.chmod(0o600)
    it.retry(pull)
    it.until_done(pull)


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_the_store_behind_the_registry_sees_nothing(
    serve: Serve, registry: Embeddeds, engine: Engines, transport_kind: str, kind: str
) -> None:
    store = registry(MODEL, faults="expire@150ms,link@4MB/s")
    door = TokenDoor("", uses=2) if kind == "bearer" else BasicDoor("me", "hunter2")
    server = front(serve, door, f"{store.url}/v2/{MODEL.path}/blobs")
    it = engine(transport=transport_kind)
    it.until_done(it.add(name_at(server, "me:hunter2@")))
    it.assert_installed(MODEL, host=server.host)
    records = store.counters.records()
    assert {record.host for record in records} == {"registry", "cdn"}
    for record in records:
        assert not {"authorization", "cookie", "proxy-authorization"} & set(record.headers)
        assert not any(secret in str(record) for secret in SECRETS)
    assert all("cookie" not in request.headers for request in server.requests)


@pytest.mark.parametrize("good", [True, False])
def test_nothing_of_it_is_seen_anywhere(
    *,
    serve: Serve,
    engine: Engines,
    transport_kind: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    good: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    for logger in ("httpx", "httpcore", "asyncio", "pulltui", "pyreqwest"):
        caplog.set_level(logging.DEBUG, logger)
    expected = basic("me", "hunter2" if good else "hunter3")
    door = TokenDoor("", uses=3, check=lambda request: request.authorization == expected)
    server = front(serve, door)
    it = engine(transport=transport_kind)
    pull = it.add(name_at(server, "me:hunter2@"))
    views = []
    if good:
        it.until(lambda: it.pull(pull).done > 0, "it has begun")
        views.append(repr(it.look()))
        it.pause(pull)
        kept = b"".join(path.read_bytes() for path in it.work.rglob("*.json"))
        views.append(kept.decode())
        it.resume(pull)
        it.until_done(pull)
    else:
        assert "refused" in it.until_failed(pull).error
    views += [repr(it.look()), repr(it.events()), repr(it.service.__dict__)]
    it.stop()
    out = capfd.readouterr()
    assert server.host in caplog.text
    texts = [*views, caplog.text, out.out, out.err, *(str(path) for path in tmp_path.rglob("*"))]
    for text in texts:
        for secret in SECRETS:
            assert secret not in text
        assert re.search(r"\bme:", text) is None


def test_each_of_two_models_has_its_own_token(serve: Serve, engine: Engines, transport_kind: str) -> None:
    other = make_model("other", 600 * KB, seed=72)
    door = TokenDoor("")
    server = guarded(serve, door, models=[MODEL, other])
    it = engine(transport=transport_kind)
    it.until_done(it.add(name_at(server)), it.add(f"{server.host}/{other.path}"))
    it.assert_installed(MODEL, other, host=server.host)
    assert sorted(dict(request.query)["scope"] for request in asked(server, "/token")) == [
        f"repository:{other.path}:pull",
        f"repository:{MODEL.path}:pull",
    ]


def test_a_public_registry_is_asked_for_nothing(serve: Serve, engine: Engines, transport_kind: str) -> None:
    server = serve(Registry(Door(), [MODEL]).answer)
    it = engine(transport=transport_kind, environ={"PULLTUI_CREDENTIALS": "not readable"})
    it.until_done(it.add(name_at(server)))
    assert not any(request.authorization for request in server.requests)
