"""The real model by all the ways to a registry: passwords, tokens, TLS, redirects, proxies."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pulltui.demo.intervals import total, union
from support import command
from support.authserver import basic
from support.certificates import Authority
from support.counting import Witness
from support.debian import DockerRegistry, Nginx
from support.gguf import RealRegistry
from support.proxy import Proxy
from support.registry import closed_port
from support.tokenserver import TokenServer

pytestmark = pytest.mark.real

TRANSPORTS = ["fast", "httpx"]
USER, PASSWORD, WRONG = "somebody", "correct horse battery", "incorrect horse battery"
QUOTED = f"{USER}:{quote(PASSWORD)}"
# Of PASSWORD; bcrypt is all that docker-registry knows.
HTPASSWD = f"{USER}:$2b$05$xnHpgKqaiaPiWfPDFldWhO9yA03VqJFd/RevBzl4KiQ6nbrqlSj2y\n"
NAMED = "registry.test"
"""A host that only a proxy knows."""

RETRIES = 2
TOKEN_LIFE = 3
THINKING = 0.5
"""Seconds that a new token takes: long enough for other connections to find the old one expired."""
PART_SIZE = "12 MB"
RATE = 3_500_000
"""Bytes a second of each answer: a part takes longer than a token lasts."""
WASTE = 1.02
"""What may be sent for each byte of the model (design: bytes on the wire)."""


def pull(name: str, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `pulltui pull --json` with this environment."""
    arguments = ["pull", name, "--models-dir", str(home / "models"), "--json"]
    return command.run(arguments, home, timeout=90, env=command.command_env(home, **settings))


def events(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def check(registry: RealRegistry, host: str, home: Path, result: subprocess.CompletedProcess[str]) -> None:
    """The pull went as well as one without anything in its way."""
    assert (result.returncode, result.stderr) == (0, "")
    told = events(result)
    assert {event["event"] for event in told} <= {"resolved", "progress", "verified", "done", "summary"}
    assert (told[-1]["bytes"], told[-1]["fetched_again"]) == (sum(registry.sizes.values()), 0)
    registry.check(home / "models", host)
    check_nothing_shown(home, result)


def check_nothing_shown(home: Path, result: subprocess.CompletedProcess[str], *secrets: str) -> None:
    """The password is in nothing that was printed or written, but for our file of credentials."""
    texts = [result.stdout, result.stderr]
    for path in home.rglob("*"):
        if path.is_file() and path.name != "credentials.toml" and "blobs" not in path.parts:
            texts.append(path.read_text("latin-1"))
    assert any("ended with exit code" in text for text in texts), "the log is among them"
    for password in (PASSWORD, WRONG):
        secrets += (password, quote(password), basic(USER, password).removeprefix("Basic "))
    assert [secret for secret in secrets for text in texts if secret in text] == []


def write_credentials(home: Path, host: str, password: str) -> Path:
    file = home / ".config/pulltui/credentials.toml"
    file.parent.mkdir(parents=True)
    file.touch(0o600)
    file.write_text(f'["{host}"]\nuser = "{USER}"\npassword = "{password}"\n')
    return file


def places(directory: Path) -> tuple[Path, Path]:
    """Make a home and a place for a registry."""
    home, servers = directory / "home", directory / "registry"
    home.mkdir()
    servers.mkdir()
    return home, servers


def with_htpasswd(registry: RealRegistry, directory: Path, **options: Any) -> DockerRegistry:
    """A registry on the same store that lets in one user."""
    file = directory / "htpasswd"
    file.write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "for tests", "path": str(file)}}
    return DockerRegistry(directory, data=registry.server.data, auth=auth, **options)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_user_and_a_password_in_the_name(registry: RealRegistry, tmp_path: Path, transport: str) -> None:
    home, servers = places(tmp_path)
    with with_htpasswd(registry, servers) as server:
        name = registry.name_at(f"http://{QUOTED}@{server.host}")
        result = pull(name, home, PULLTUI_TRANSFER_TRANSPORT=transport)
    check(registry, server.host, home, result)


def test_tokens_that_expire_are_renewed_in_the_middle(registry: RealRegistry, tmp_path: Path) -> None:
    home, servers = places(tmp_path)
    with (
        TokenServer(tmp_path, USER, PASSWORD, TOKEN_LIFE, THINKING) as tokens,
        DockerRegistry(servers, data=registry.server.data, auth=tokens.auth) as server,
    ):
        witness = Witness(tmp_path, server.port, RATE)
        try:
            result = pull(
                registry.name_at(witness.host),
                home,
                PULLTUI_CREDENTIALS=f"{witness.host}={QUOTED}",
                PULLTUI_NETWORK_USER_AGENT="run-0",
                PULLTUI_TRANSFER_CONNECTIONS="8",
                PULLTUI_TRANSFER_PART_SIZE=PART_SIZE,
            )
            requests = witness.testimony(registry.sizes)
        finally:
            witness.close()
    check(registry, witness.host, home, result)
    check_nothing_shown(home, result, *tokens.tokens)
    assert len(tokens.issued) > 2, "two or more expired in the middle"
    # The registry takes each for TOKEN_LIFE less a second at least: who asks sooner is a second one.
    assert min(later - earlier for earlier, later in pairwise(tokens.issued)) > TOKEN_LIFE - 1.1
    refused = [request for request in requests if request.sent[0] == request.sent[1]]
    assert len(refused) > len(tokens.issued) - 1, "several connections found the same one expired"
    for digest, size in registry.sizes.items():
        sent = [request.sent for request in requests if request.digest == digest]
        assert union(sent) == [(0, size)]
        assert total(sent) <= size * WASTE


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_tls_with_an_authority_of_its_own(registry: RealRegistry, tmp_path: Path, transport: str) -> None:
    home, servers = places(tmp_path)
    authority = Authority(tmp_path)
    with DockerRegistry(servers, data=registry.server.data, tls=authority.server_pem("127.0.0.1")) as server:
        result = pull(
            registry.name_at(f"https://{server.host}"),
            home,
            PULLTUI_NETWORK_CA_FILE=str(authority.ca_file),
            PULLTUI_TRANSFER_TRANSPORT=transport,
        )
    check(registry, server.host, home, result)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_password_stays_with_the_registry_that_redirects(
    registry: RealRegistry, tmp_path: Path, transport: str
) -> None:
    home, servers = places(tmp_path)
    log = tmp_path / "requests"
    port = closed_port()
    store = Nginx(
        tmp_path,
        port,
        "log_format witness '$http_host\t$status\t$http_authorization\t$http_cookie';\n"
        f"server {{ listen 127.0.0.1:{port}; root {registry.server.data}; access_log {log} witness; }}",
    )
    elsewhere = {"name": "redirect", "options": {"baseurl": f"http://localhost:{port}"}}
    with store, with_htpasswd(registry, servers, middleware={"storage": [elsewhere]}) as server:
        write_credentials(home, server.host, PASSWORD)
        result = pull(registry.name_at(server.host), home, PULLTUI_TRANSFER_TRANSPORT=transport)
    check(registry, server.host, home, result)
    requests = log.read_text().splitlines()
    assert len(requests) > len(registry.sizes)
    assert set(requests) == {f"localhost:{port}\t206\t-\t-"}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_plain_http_through_a_proxy_of_the_settings(
    registry: RealRegistry, tmp_path: Path, transport: str
) -> None:
    host = f"{NAMED}:{registry.server.port}"
    with Proxy({NAMED}) as proxy:
        result = pull(
            registry.name_at(f"http://{host}"),
            tmp_path,
            PULLTUI_NETWORK_PROXY=proxy.url,
            PULLTUI_NETWORK_INSECURE_HOSTS=f'["{NAMED}"]',
            PULLTUI_TRANSFER_TRANSPORT=transport,
        )
    check(registry, host, tmp_path, result)
    assert all(request.startswith(f"GET http://{host}/v2/") for request in proxy.asked)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_tls_through_a_proxy_of_the_environment_that_wants_a_password(
    registry: RealRegistry, tmp_path: Path, transport: str
) -> None:
    home, servers = places(tmp_path)
    authority = Authority(tmp_path)
    with (
        Proxy({NAMED}, f"{USER}:{PASSWORD}") as proxy,
        DockerRegistry(servers, data=registry.server.data, tls=authority.server_pem(NAMED)) as server,
    ):
        host = f"{NAMED}:{server.port}"
        result = pull(
            registry.name_at(host),
            home,
            HTTPS_PROXY=proxy.url.replace("://", f"://{QUOTED}@"),
            PULLTUI_NETWORK_CA_FILE=str(authority.ca_file),
            PULLTUI_TRANSFER_TRANSPORT=transport,
        )
    check(registry, host, home, result)
    assert set(proxy.asked) == {f"CONNECT {host}"}


def check_failed(
    home: Path, result: subprocess.CompletedProcess[str], kind: str, *said: str, waits: bool = False
) -> None:
    """The pull failed for this reason, at once unless it `waits`; `said` is in the sentence or the hint."""
    assert (result.returncode, result.stderr) == (1, "")
    *before, failed, summary = events(result)
    assert (failed["event"], failed["kind"], summary["exit_code"]) == ("failed", kind, 1)
    assert {event["event"] for event in before} - {"progress"} == ({"waiting"} if waits else set())
    assert [words for words in said if words not in f"{failed['why']} | {failed['hint']}"] == []
    check_nothing_shown(home, result)
    left = {path.relative_to(home / "models") for path in (home / "models").rglob("*") if path.is_file()}
    assert left == {Path(".pulltui/lock")}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("source", ["name", "variable", "file"])
def test_a_wrong_password(registry: RealRegistry, tmp_path: Path, transport: str, source: str) -> None:
    home, servers = places(tmp_path)
    settings = {"PULLTUI_TRANSFER_TRANSPORT": transport}
    with with_htpasswd(registry, servers) as server:
        host, known = server.host, "the name"
        login = f"{USER}:{quote(WRONG)}"
        if source == "name":
            host = f"http://{login}@{host}"
        elif source == "variable":
            known = "PULLTUI_CREDENTIALS"
            settings[known] = f"{host}={login}"
        else:
            known = str(write_credentials(home, host, WRONG))
        result = pull(registry.name_at(host), home, **settings)
    check_failed(
        home,
        result,
        "refused",
        f"credentials for {server.host} refused (401)",
        "Check user and password",
        known,
    )


def test_a_wrong_password_at_the_token_server(registry: RealRegistry, tmp_path: Path) -> None:
    home, servers = places(tmp_path)
    with (
        TokenServer(tmp_path, USER, PASSWORD, TOKEN_LIFE) as tokens,
        DockerRegistry(servers, data=registry.server.data, auth=tokens.auth) as server,
    ):
        login = f"{USER}:{quote(WRONG)}"
        result = pull(registry.name_at(server.host), home, PULLTUI_CREDENTIALS=f"{server.host}={login}")
    check_failed(
        home, result, "refused", f"credentials for {server.host} refused (401)", "PULLTUI_CREDENTIALS"
    )
    assert len(tokens.requests) == 1


def test_no_password_at_all(registry: RealRegistry, tmp_path: Path) -> None:
    home, servers = places(tmp_path)
    with with_htpasswd(registry, servers) as server:
        result = pull(registry.name_at(server.host), home)
    check_failed(
        home, result, "refused", f"{server.host} wants credentials", "PULLTUI_CREDENTIALS", "credentials.toml"
    )


@dataclass(frozen=True)
class BadCertificate:
    """A certificate, and what is said about it."""

    name: str
    """To whom it is made out."""
    options: dict[str, bool]
    """Of `Authority.server_pem`."""
    trusted: bool
    """Whether the authority is."""
    said: tuple[str, str]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    "bad",
    [
        BadCertificate("127.0.0.1", {}, False, ("that this system does not know", "network.ca_file")),
        BadCertificate("127.0.0.1", {"self_signed": True}, True, ("signed by itself", "network.ca_file")),
        BadCertificate("127.0.0.1", {"expired": True}, True, ("it has expired", "clock")),
        BadCertificate(NAMED, {}, True, ("it is for another name", "Ask for the registry by the name")),
    ],
    ids=["unknown authority", "self-signed", "expired", "another name"],
)
def test_a_bad_certificate(
    registry: RealRegistry, tmp_path: Path, transport: str, bad: BadCertificate
) -> None:
    home, servers = places(tmp_path)
    authority = Authority(tmp_path)
    pem = authority.server_pem(bad.name, **bad.options)
    settings = {"PULLTUI_NETWORK_CA_FILE": str(authority.ca_file)} if bad.trusted else {}
    with DockerRegistry(servers, data=registry.server.data, tls=pem) as server:
        name = registry.name_at(f"https://{QUOTED}@{server.host}")
        result = pull(name, home, PULLTUI_TRANSFER_TRANSPORT=transport, **settings)
    said = f"{server.host}: the certificate of 127.0.0.1 is not trusted"
    check_failed(home, result, "trust", said, *bad.said)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_dead_proxy(registry: RealRegistry, tmp_path: Path, transport: str) -> None:
    proxy = f"127.0.0.1:{closed_port()}"
    result = pull(
        registry.name_at(f"https://{NAMED}"),
        tmp_path,
        PULLTUI_NETWORK_PROXY=f"http://{QUOTED}@{proxy}",
        PULLTUI_RETRY_MAX_RETRIES=str(RETRIES),
        PULLTUI_TRANSFER_TRANSPORT=transport,
    )
    said = f"cannot reach the registry: proxy http://{proxy}: connection refused by {proxy}"
    check_failed(tmp_path, result, "failed", said, "Check the name, the network and the proxy", waits=True)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_proxy_that_does_not_know_the_host(registry: RealRegistry, tmp_path: Path, transport: str) -> None:
    with Proxy({NAMED}) as proxy:
        result = pull(
            registry.name_at("https://another.test"),
            tmp_path,
            PULLTUI_NETWORK_PROXY=proxy.url,
            PULLTUI_RETRY_MAX_RETRIES=str(RETRIES),
            PULLTUI_TRANSFER_TRANSPORT=transport,
        )
    said = f"proxy {proxy.url} does not connect to another.test"
    check_failed(tmp_path, result, "failed", said, waits=True)
    assert proxy.asked == ["CONNECT another.test:443"] * (RETRIES + 1)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("scheme", "method"), [("https", "CONNECT"), ("http", "GET")])
def test_a_wrong_password_for_the_proxy(
    registry: RealRegistry, tmp_path: Path, transport: str, scheme: str, method: str
) -> None:
    with Proxy({NAMED}, f"{USER}:{PASSWORD}") as proxy:
        result = pull(
            registry.name_at(f"{scheme}://{NAMED}"),
            tmp_path,
            PULLTUI_NETWORK_PROXY=proxy.url.replace("://", f"://{USER}:{quote(WRONG)}@"),
            PULLTUI_NETWORK_INSECURE_HOSTS=f'["{NAMED}"]',
            PULLTUI_TRANSFER_TRANSPORT=transport,
        )
    said = f"proxy {proxy.url} refuses the user name and password it was given"
    check_failed(tmp_path, result, "refused", said, "proxy's address")
    [asked] = proxy.asked
    assert asked.startswith(method)
