"""To whom one goes for a token, with what question, and what counts as one."""

from __future__ import annotations

import json
from collections.abc import Sequence

import httpx
import pytest
from pulltui.engine.challenge import Challenge
from pulltui.engine.errors import RefusedError
from pulltui.engine.origin import Origin
from pulltui.engine.tokens import TokenRules, read_token, token_url

ADDRESSES = {
    "registry.example": ["93.184.216.34"],
    "auth.example": ["93.184.216.35"],
    "inside.example": ["93.184.216.36", "10.0.0.7"],
    "company.example": ["10.0.0.8"],
    "six.example": ["fe80::1%eth0"],
    "split.example": ["93.184.216.37", "10.0.0.9"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "translated.example": ["64:ff9b::10.0.0.1"],
    "tunnelled.example": ["2002:a00:1::1"],
    "public-translated.example": ["64:ff9b::93.184.216.34"],
    "public-tunnelled.example": ["2002:5db8:d822::1"],
    "all-of-them.example": ["93.184.216.38", "239.1.2.3"],
    "nothing.example": ["0.0.0.0"],
}


def rules(token_hosts: Sequence[str] = (), insecure_hosts: Sequence[str] = ()) -> TokenRules:
    async def resolve(host: str) -> Sequence[str]:
        return ADDRESSES.get(host, [])

    return TokenRules(lambda: token_hosts, lambda: insecure_hosts, resolve)


async def check(given: TokenRules, realm: str, registry: str = "https://registry.example") -> httpx.URL:
    return await given.check(realm, Origin.of(httpx.URL(registry)), str)


@pytest.mark.parametrize(
    ("realm", "registry"),
    [
        ("https://registry.example/token", "https://registry.example"),
        ("https://Registry.Example:443/token?account=x", "https://registry.example"),
        ("https://registry.example:5001/token", "https://registry.example:5000"),
        ("https://registry.example/token", "http://registry.example"),
        ("http://registry.example/token", "http://registry.example"),
        ("http://127.0.0.1:21003/token", "http://127.0.0.1:21002"),
        ("http://localhost:21003/token", "http://127.0.0.1:21002"),
        ("http://[::1]:21003/token", "http://localhost:21002"),
        ("https://nowhere.example/token", "https://nowhere.example"),
    ],
)
async def test_the_registrys_own_host_may_be_asked(realm: str, registry: str) -> None:
    assert Origin.of(await check(rules(), realm, registry)) == Origin.of(httpx.URL(realm))


@pytest.mark.parametrize(
    "realm",
    [
        "https://auth.example/token",
        "https://registry.example.evil.example/token",
        "https://evil.example/registry.example",
        "https://sub.registry.example/token",
        "https://127.0.0.1/token",
        "https://xn--bcher-kva.example/token",
    ],
)
async def test_another_host_only_if_the_settings_say_so(realm: str) -> None:
    host = httpx.URL(realm).raw_host.decode()
    with pytest.raises(RefusedError, match="another host for a token") as caught:
        await check(rules(), realm)
    assert f'network.token_hosts = ["{host}"]' in caught.value.hint


@pytest.mark.parametrize("granted", ["auth.example", "Auth.Example", "auth.example:443"])
async def test_settings_name_hosts_with_or_without_a_port(granted: str) -> None:
    assert await check(rules([granted]), "https://auth.example/token")


async def test_a_port_that_is_not_granted_is_not() -> None:
    with pytest.raises(RefusedError, match=r"auth\.example:444"):
        await check(rules(["auth.example:443"]), "https://auth.example:444/token")


@pytest.mark.parametrize(
    ("realm", "registry"),
    [
        ("http://registry.example/token", "https://registry.example"),
        ("http://auth.example/token", "https://registry.example"),
        ("http://auth.example/token", "http://registry.example"),
        ("http://127.0.0.1/token", "https://127.0.0.1"),
    ],
)
async def test_never_over_plain_http_unless_the_registry_is(realm: str, registry: str) -> None:
    with pytest.raises(RefusedError, match="over plain http"):
        await check(rules(["auth.example"]), realm, registry)


async def test_a_granted_token_host_over_plain_http_needs_that_granted_too() -> None:
    given = rules(["auth.example"], ["auth.example"])
    assert await check(given, "http://auth.example/token", "http://registry.example")


@pytest.mark.parametrize(
    "host",
    [
        "inside.example",
        "company.example",
        "six.example",
        "mapped.example",
        "translated.example",
        "tunnelled.example",
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "localhost",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[64:ff9b:1::a00:1]",
        "[::a00:1]",
        "[fec0::1]",
        "[2002:7f00:1::]",
    ],
)
async def test_a_public_registry_never_leads_to_a_private_address(host: str) -> None:
    given = rules([host])
    with pytest.raises(RefusedError, match="a private address"):
        await check(given, f"https://{host}/token")
    assert await check(given, f"https://{host}/token", "https://company.example:5000")


@pytest.mark.parametrize("registry", ["split.example", "public-translated.example", "unknown.example"])
async def test_a_registry_that_can_be_had_from_outside_is_public(registry: str) -> None:
    with pytest.raises(RefusedError, match="a private address"):
        await check(rules(["company.example"]), "https://company.example/token", f"https://{registry}")


@pytest.mark.parametrize("host", ["public-translated.example", "public-tunnelled.example", "[2606:4700::1]"])
async def test_a_public_address_is_one_however_it_is_written(host: str) -> None:
    assert await check(rules([host]), f"https://{host}/token")


@pytest.mark.parametrize(
    "host", ["all-of-them.example", "nothing.example", "0.0.0.0", "[::]", "224.0.0.1", "[ff02::1]"]
)
@pytest.mark.parametrize("registry", ["registry.example", "company.example"])
async def test_nobody_leads_to_the_address_of_no_machine(host: str, registry: str) -> None:
    with pytest.raises(RefusedError, match="the address of no machine"):
        await check(rules([host]), f"https://{host}/token", f"https://{registry}")


@pytest.mark.parametrize(
    "realm",
    [
        "token",
        "/token",
        "https:///token",
        "ftp://registry.example/",
        "https://[",
        "https://a:b@registry.example/",
    ],
)
async def test_a_realm_that_is_no_address_is_refused(realm: str) -> None:
    with pytest.raises(RefusedError, match="is no address for that") as caught:
        await check(rules(), realm)
    assert "a:b" not in str(caught.value)


def challenge(scope: str = "repository:a/b:pull", service: str = "the registry") -> Challenge:
    return Challenge("bearer", {"scope": scope, "service": service})


def test_the_question_is_sorted_and_has_each_scope() -> None:
    realm = httpx.URL("https://registry.example/token?z=1&account=me")
    url = token_url(
        realm, challenge("repository:a/b:pull repository:c:pull,push"), {"ts": "17", "nonce": "n_-"}
    )
    assert str(url) == (
        "https://registry.example/token?account=me&nonce=n_-&scope=repository%3Aa%2Fb%3Apull"
        "&scope=repository%3Ac%3Apull%2Cpush&service=the+registry&ts=17&z=1"
    )


@pytest.mark.parametrize(
    ("scope", "service", "query"),
    [("", "", b""), ("-", "", b"scope=-"), ("", "s", b"service=s")],
)
def test_what_a_challenge_leaves_out_is_not_asked(scope: str, service: str, query: bytes) -> None:
    assert token_url(httpx.URL("https://h/token"), challenge(scope, service), {}).query == query


@pytest.mark.parametrize(
    "answer",
    [
        {"token": "a.b-c"},
        {"access_token": "a.b-c"},
        {"token": "a.b-c", "access_token": "other", "expires_in": 300},
        {"token": "", "access_token": "a.b-c"},
    ],
)
def test_a_token_has_two_names(answer: dict[str, object]) -> None:
    assert read_token(json.dumps(answer).encode(), "h") == "a.b-c"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>sign in</html>",
        b"[]",
        b"{}",
        b'{"token": 5}',
        b'{"token": "a\\r\\nX: y"}',
        b'{"token": "a b"}',
        b'{"token": "\\u00fc"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_anything_else_is_none(body: bytes) -> None:
    with pytest.raises(RefusedError, match="h was asked for a token and answered with something else"):
        read_token(body, "h")
