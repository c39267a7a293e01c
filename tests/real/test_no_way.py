"""The real model where there is no way to it: wrong passwords, untrusted certificates, dead proxies."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from support.certificates import Authority
from support.debian import DockerRegistry
from support.gguf import RealRegistry
from support.proxy import Proxy
from support.registry import closed_port
from support.socks import SocksProxy
from support.tokenserver import TokenServer
from support.ways import (
    NAMED,
    PASSWORD,
    QUOTED,
    TOKEN_LIFE,
    TRANSPORTS,
    USER,
    WRONG,
    check_nothing_shown,
    events,
    places,
    pull,
    with_htpasswd,
    write_credentials,
)

pytestmark = pytest.mark.real

RETRIES = 2


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


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_wrong_password_at_the_token_server(registry: RealRegistry, tmp_path: Path, transport: str) -> None:
    home, servers = places(tmp_path)
    with (
        TokenServer(tmp_path, USER, PASSWORD, TOKEN_LIFE) as tokens,
        DockerRegistry(servers, data=registry.server.data, auth=tokens.auth) as server,
    ):
        login = f"{USER}:{quote(WRONG)}"
        result = pull(
            registry.name_at(server.host),
            home,
            PULLTUI_CREDENTIALS=f"{server.host}={login}",
            PULLTUI_TRANSFER_TRANSPORT=transport,
        )
    check_failed(
        home, result, "refused", f"credentials for {server.host} refused (401)", "PULLTUI_CREDENTIALS"
    )
    assert len(tokens.requests) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_password_at_all(registry: RealRegistry, tmp_path: Path, transport: str) -> None:
    home, servers = places(tmp_path)
    with with_htpasswd(registry, servers) as server:
        result = pull(registry.name_at(server.host), home, PULLTUI_TRANSFER_TRANSPORT=transport)
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
@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_dead_proxy(registry: RealRegistry, tmp_path: Path, transport: str, scheme: str) -> None:
    proxy = f"127.0.0.1:{closed_port()}"
    result = pull(
        registry.name_at(f"https://{NAMED}"),
        tmp_path,
        HTTPS_PROXY=f"{scheme}://{QUOTED}@{proxy}",
        PULLTUI_RETRY_MAX_RETRIES=str(RETRIES),
        PULLTUI_TRANSFER_TRANSPORT=transport,
    )
    said = f"cannot reach the registry: proxy {scheme}://{proxy}: connection refused by {proxy}"
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
    said = f"proxy {proxy.url.rstrip('/')} does not connect to another.test"
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
    said = f"proxy {proxy.url.rstrip('/')} refuses the user name and password it was given"
    check_failed(tmp_path, result, "refused", said, "proxy's address")
    [asked] = proxy.asked
    assert asked.startswith(method)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_socks_proxy_that_does_not_reach_the_host(
    registry: RealRegistry, tmp_path: Path, transport: str
) -> None:
    with SocksProxy() as proxy:
        result = pull(
            registry.name_at(f"https://{NAMED}"),
            tmp_path,
            ALL_PROXY=proxy.at("socks5"),
            PULLTUI_RETRY_MAX_RETRIES=str(RETRIES),
            PULLTUI_TRANSFER_TRANSPORT=transport,
        )
    said = f"proxy {proxy.at('socks5')} does not connect to {NAMED} (Host unreachable)"
    check_failed(tmp_path, result, "failed", said, "Check the name, the network and the proxy", waits=True)
    assert proxy.asked == [f"{NAMED}:443"] * (RETRIES + 1)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_wrong_password_for_a_socks_proxy(registry: RealRegistry, tmp_path: Path, transport: str) -> None:
    with SocksProxy({NAMED}, f"{USER}:{PASSWORD}") as proxy:
        result = pull(
            registry.name_at(f"https://{NAMED}"),
            tmp_path,
            ALL_PROXY=proxy.at("socks5h", f"{USER}:{quote(WRONG)}"),
            PULLTUI_TRANSFER_TRANSPORT=transport,
        )
    said = f"proxy {proxy.at('socks5h')} refuses the user name and password it was given"
    check_failed(tmp_path, result, "refused", said, "proxy's address")
    assert proxy.logins == [f"{USER}:{WRONG}"]
