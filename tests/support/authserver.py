"""A registry that asks who is there, its token server, and whatever else a test puts on a loopback port."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from pulltui.demo import Model


@dataclass(frozen=True)
class Request:
    """One request; header names in lower case."""

    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


@dataclass
class Reply:
    """What is answered; Content-Length is added."""

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


def as_json(document: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(document).encode(), [("Content-Type", "application/json")])


def registry_error(status: int, message: str, *headers: tuple[str, str]) -> Reply:
    reply = as_json({"errors": [{"code": "X", "message": message}]}, status)
    reply.headers += headers
    return reply


class HttpServer:
    """Answers GETs at `127.0.0.1:port` by `answer`, in a thread a connection; TLS if given a context."""

    def __init__(self, answer: Callable[[Request], Reply], context: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        """Everything that was asked, in order."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                request = Request(self.path, {key.lower(): value for key, value in self.headers.items()})
                outer.requests.append(request)
                reply = outer.answer(request)
                self.send_response_only(reply.status)
                for key, value in reply.headers:
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def handle(self) -> None:
                with suppress(OSError):  # the client has left
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.scheme = "https" if context else "http"
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Door:
    """Lets everybody in; others decide by `turn_down`."""

    def turn_down(self, request: Request) -> Reply | None:
        """Return the refusal, None to let the request in."""
        return None


class BasicDoor(Door):
    """One user, one password."""

    def __init__(self, user: str, password: str) -> None:
        self.expected = basic(user, password)

    def turn_down(self, request: Request) -> Reply | None:
        if request.authorization == self.expected:
            return None
        asks = ("WWW-Authenticate", 'Basic realm="the registry", charset="UTF-8"')
        return registry_error(401, "authentication required", asks)


class TokenDoor(Door):
    """Tokens, each good for `uses` requests of blobs (None: for ever), given out by `issue`."""

    def __init__(
        self,
        realm: str,
        *,
        uses: int | None = None,
        key: str = "token",
        check: Callable[[Request], bool] | None = None,
    ) -> None:
        """`check` decides who gets a token: everybody if None. `key` is what the answer calls it."""
        self.realm = realm
        self.uses = uses
        self.issued = 0
        self.left: dict[str, int] = {}
        self._key = key
        self._check = check
        self._lock = threading.Lock()

    def issue(self, request: Request) -> Reply:
        """Answer a request for a token."""
        if self._check is not None and not self._check(request):
            return as_json({"details": "incorrect username or password"}, 401)
        with self._lock:
            self.issued += 1
            token = f"secret-token-{self.issued}"
            self.left[token] = 10**9 if self.uses is None else self.uses
        return as_json({self._key: token, "expires_in": 60})

    def expire(self) -> None:
        """No token that was issued is good any more."""
        with self._lock:
            self.left.clear()

    def turn_down(self, request: Request) -> Reply | None:
        scheme, _, token = request.authorization.partition(" ")
        with self._lock:
            if scheme == "Bearer" and self.left.get(token, 0) > 0:
                self.left[token] -= "/blobs/" in request.path
                return None
        repository = request.path.removeprefix("/v2/").split("/manifests/")[0].split("/blobs/")[0]
        asks = f'Bearer realm="{self.realm}",service="the registry",scope="repository:{repository}:pull"'
        return registry_error(401, "authentication required", ("WWW-Authenticate", asks))


class Registry:
    """Models behind a door. `answer` is for an HttpServer; `store`: where blobs are redirected to, if set."""

    def __init__(self, door: Door, models: Sequence[Model], store: str = "") -> None:
        self.door = door
        self.store = store
        self._models = {f"/v2/{model.path}/manifests/{model.tag}": model for model in models}
        self._blobs = {digest: blob for model in models for digest, blob in model.blobs.items()}

    def answer(self, request: Request) -> Reply:
        """Answer at the registry."""
        refusal = self.door.turn_down(request)
        if refusal is not None:
            return refusal
        if (model := self._models.get(request.path)) is not None:
            kind = "application/vnd.docker.distribution.manifest.v2+json"
            return Reply(200, model.manifest, [("Content-Type", kind)])
        if self.store and "/blobs/" in request.path:
            digest = request.path.rpartition("/")[2]
            return Reply(
                307, b"", [("Location", f"{self.store}/{digest}?signed=1"), ("Set-Cookie", "who=me; Path=/")]
            )
        return self.answer_blob(request)

    def answer_blob(self, request: Request) -> Reply:
        """Answer at the store, where nobody is asked who he is."""
        blob = self._blobs.get(request.path.rpartition("/")[2])
        if blob is None:
            return registry_error(404, "blob unknown to registry")
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        if match is None:
            return Reply(200, blob.read(0, blob.size))
        start, end = int(match[1]), min(int(match[2]) + 1, blob.size)
        content = ("Content-Range", f"bytes {start}-{end - 1}/{blob.size}")
        return Reply(206, blob.read(start, end - start), [content])


def basic(user: str, password: str) -> str:
    """The header Authorization."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
