"""Requests as the engine makes them, to a registry that asks who is there."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx
from pulltui.demo import Model
from pulltui.engine.attempt import Attempt
from pulltui.engine.auth import Keyring, new_nonce
from pulltui.engine.credentials import Credentials
from pulltui.engine.gates import Gates
from pulltui.engine.login import Login
from pulltui.engine.request import Requester
from pulltui.engine.tokens import TokenRules
from pulltui.engine.tuning import Tuning
from support.authserver import Door, HttpServer, Registry, Reply, Request, TokenDoor
from support.registry import KB, make_model

MODEL = make_model("tiny", 40 * KB, seed=70)
MANIFEST = f"/v2/{MODEL.path}/manifests/latest"
BLOB = f"/v2/{MODEL.path}/blobs/{next(iter(MODEL.blobs))}"
LOGIN = Login("me", "hunter2", "the name")

Serve = Callable[..., HttpServer]


class Asker:
    """Asks one registry as the engine does."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        server: HttpServer,
        *,
        login: Login | None = None,
        keys: Sequence[Path] = (),
        environ: Mapping[str, str] | None = None,
        url: str = "",
        token_hosts: Sequence[str] = (),
    ) -> None:
        """`url` is the registry's if it is not the server's: with a server that is its proxy.

        `token_hosts` are allowed over plain http, too.
        """

        async def resolve(host: str) -> Sequence[str]:
            return []

        self._tuning = Tuning()
        self.gates = Gates(self._tuning, time.monotonic)
        self._requester = Requester(
            client,
            self.gates,
            user_agent="pulltui/test",
            max_redirects=lambda: 10,
            retry_after_limit=600.0,
            wall=time.time,
        )
        rules = TokenRules(lambda: token_hosts, lambda: token_hosts, resolve)
        self._keyring = Keyring(
            Credentials(environ or {}, None), keys, rules, wall=lambda: 1_700_000_000.9, nonce=new_nonce
        )
        self._url = url or server.url
        self.auth = self._keyring.at(self._url, MODEL.path)
        if login is not None:
            self.auth.use(login)

    async def get(self, path: str = MANIFEST, **headers: str) -> tuple[int, bytes]:
        """Status and body."""
        attempt = Attempt(time.monotonic, 30.0, self._tuning)
        url = httpx.URL(self._url + path)
        answer = await self._requester.get(url, headers, attempt, self.auth)
        try:
            return answer.status, b"".join([bytes(chunk) async for chunk in answer.chunks(attempt)])
        finally:
            await answer.close()


def guarded(
    serve: Serve,
    door: Door,
    context: ssl.SSLContext | None = None,
    store: str = "",
    models: Sequence[Model] = (MODEL,),
) -> HttpServer:
    """A registry behind a door; a TokenDoor's realm is its own `/token` if it has none yet."""
    registry = Registry(door, models, store)

    def answer(request: Request) -> Reply:
        if request.path == "/token" and isinstance(door, TokenDoor):
            return door.issue(request)
        return registry.answer(request)

    server = serve(answer, context)
    if isinstance(door, TokenDoor) and not door.realm:
        door.realm = f"{server.url}/token"
    return server


def asked(server: HttpServer, path: str) -> list[Request]:
    return [request for request in server.requests if request.path == path]
