"""The real model by all the ways to a registry: passwords, tokens, TLS, redirects, proxies."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from support.certificates import Authority
from support.counting import Witness
from support.debian import DockerRegistry, Nginx
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
    check,
    check_nothing_shown,
    check_sent_once,
    places,
    pull,
    with_htpasswd,
    write_credentials,
)

pytestmark = pytest.mark.real

THINKING = 1.2
"""Seconds that a new token takes: long enough for other connections to find the old one expired."""
PART_SIZE = "12 MB"
RATE = 3_500_000
"""Bytes a second of each answer: a part takes longer than a token lasts."""


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_user_and_a_password_in_the_name(registry: RealRegistry, tmp_path: Path, transport: str) -> None:
    home, servers = places(tmp_path)
    with with_htpasswd(registry, servers) as server:
        name = registry.name_at(f"http://{QUOTED}@{server.host}")
        result = pull(name, home, PULLTUI_TRANSFER_TRANSPORT=transport)
    check(registry, server.host, home, result)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_tokens_that_expire_are_renewed_in_the_middle(
    registry: RealRegistry, tmp_path: Path, transport: str
) -> None:
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
                PULLTUI_TRANSFER_TRANSPORT=transport,
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
    check_sent_once(requests, registry.sizes)


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


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_tls_through_a_socks_proxy_that_wants_a_password(
    registry: RealRegistry, tmp_path: Path, transport: str
) -> None:
    home, servers = places(tmp_path)
    authority = Authority(tmp_path)
    with (
        SocksProxy({NAMED}, f"{USER}:{PASSWORD}") as proxy,
        DockerRegistry(servers, data=registry.server.data, tls=authority.server_pem(NAMED)) as server,
    ):
        host = f"{NAMED}:{server.port}"
        result = pull(
            registry.name_at(host),
            home,
            ALL_PROXY=proxy.at("socks5h", QUOTED),
            PULLTUI_NETWORK_CA_FILE=str(authority.ca_file),
            PULLTUI_TRANSFER_TRANSPORT=transport,
        )
    check(registry, host, home, result)
    assert set(proxy.asked) == {host}
