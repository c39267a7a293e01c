"""Token requests: to whom one may go, what it asks, and what comes back.

Sources: distribution/distribution, docs/content/spec/auth/token.md; ollama/ollama, server/auth.go.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import parse_qsl, urlencode

import httpx
import msgspec

from pulltui.engine.challenge import Challenge
from pulltui.engine.clean import safe, safe_url
from pulltui.engine.errors import RefusedError
from pulltui.engine.hosts import is_loopback
from pulltui.engine.origin import Origin, can_exist

MAX_REPLY = 1024 * 1024
"""Bytes of a token server's answer."""

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a host, none if it has none."""

_LONGEST = 4096
"""Characters of an address that are looked at to show some."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
_NAT64 = IPv6Network("64:ff9b::/96")
"""IPv4 through a translator (RFC 6052)."""
_GLOBAL = IPv6Network("2000::/3")
"""All that is given out for the internet (RFC 4291, section 2.4, and IANA's registry)."""

Address = IPv4Address | IPv6Address


class TokenRules:
    """To whom a registry may send us for a token."""

    def __init__(
        self,
        token_hosts: Callable[[], Collection[str]],
        insecure_hosts: Callable[[], Collection[str]],
        resolve: Resolve,
    ) -> None:
        """The first two are the settings of these names."""
        self._token_hosts = token_hosts
        self._insecure_hosts = insecure_hosts
        self._resolve = resolve

    async def check(self, realm: str, registry: Origin, hide: Callable[[str], str]) -> httpx.URL:
        """Return the realm as an address that may be asked. Raises RefusedError, without what `hide` hides.

        The registry's own host may be, at any port; others only if the settings name them, and never one
        with a private address if the registry's is public. Over https, unless the registry itself is asked
        over plain http and the realm's host may be, too.

        The limit of it: addresses are looked up here and once more to connect. Who controls the name of a
        token server may answer differently then; only hosts that the settings name get that far.
        """
        shown = safe(hide(safe_url(realm, _LONGEST)), 200)
        try:
            url = httpx.URL(realm)
        except (httpx.InvalidURL, ValueError):
            url = httpx.URL("")
        http = url.scheme in ("http", "https")
        if not http or not url.raw_host or url.userinfo or not can_exist(url):
            raise RefusedError(
                f"{registry.netloc} sends us to {shown} for a token, which is no address for that",
                "The registry is misconfigured; tell whoever runs it.",
            )
        target = Origin.of(url)
        named = safe(hide(target.netloc), 260)
        own = target.host == registry.host or (is_loopback(target.host) and is_loopback(registry.host))
        if not own and not target.among(_lower(self._token_hosts())):
            raise RefusedError(
                f"{registry.netloc} sends us to another host for a token: {named}",
                f'If that is right, allow it: network.token_hosts = ["{named}"].',
            )
        if target.scheme == "http" and not self._may_be_plain(target, registry, own):
            raise RefusedError(
                f"{registry.netloc} sends us to {named} for a token, over plain http",
                "Anyone on the way could read it. The registry is misconfigured; tell whoever runs it.",
            )
        if not own:
            await self._check_addresses(target, registry, named)
        return url

    def _may_be_plain(self, target: Origin, registry: Origin, own: bool) -> bool:
        plain = own or is_loopback(target.host) or target.among(_lower(self._insecure_hosts()))
        return registry.scheme == "http" and plain

    async def _check_addresses(self, target: Origin, registry: Origin, named: str) -> None:
        addresses = await self._addresses(target.host)
        if any(address.is_multicast or address.is_unspecified for address in addresses):
            raise RefusedError(
                f"{registry.netloc} sends us to {named} for a token, which is the address of no machine",
                "The registry is misconfigured; tell whoever runs it.",
            )
        if all(_is_public(address) for address in addresses):
            return
        own = await self._addresses(registry.host)
        # Each of them: with one public address it is no company's own, and may say what others told it.
        if not own or any(_is_public(address) for address in own):
            raise RefusedError(
                f"{registry.netloc} sends us to {named} for a token, which is a private address",
                "A public registry has no business there; tell whoever runs it.",
            )

    async def _addresses(self, host: str) -> list[Address]:
        """Return what a host stands for, tunnels and translators looked through; nothing if nobody knows."""
        if is_loopback(host):
            return [IPv4Address("127.0.0.1")]
        try:
            found: Sequence[str] = (str(ip_address(host)),)
        except ValueError:
            found = await self._resolve(host)
        return [_inner(ip_address(address.partition("%")[0])) for address in found]


def _inner(address: Address) -> Address:
    """Return the IPv4 address within an IPv6 one: mapped, NAT64 or 6to4 (RFC 3056)."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    """Python's own tables differ by version in what of IPv6 they leave out of the one global block."""
    return address.is_global and (isinstance(address, IPv4Address) or address in _GLOBAL)


def token_url(realm: httpx.URL, challenge: Challenge, extra: dict[str, str]) -> httpx.URL:
    """Return the address that gives out the token: the realm's query, service, each scope, and `extra`.

    Sorted by key, as Go's url.Values.Encode does it: the signature of an Ollama key is over this text.
    """
    fields = parse_qsl(realm.query.decode("ascii"), keep_blank_values=True)
    if challenge.service:
        fields.append(("service", challenge.service))
    fields += [("scope", scope) for scope in challenge.scopes]
    fields += extra.items()
    return realm.copy_with(
        query=urlencode(sorted(fields, key=lambda field: field[0])).encode(), fragment=None
    )


def find_token(body: bytes) -> str | None:
    """Return the token in a token server's answer, None if there is none."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    token = (document.get("token") or document.get("access_token")) if isinstance(document, dict) else None
    return token if isinstance(token, str) and _TOKEN.fullmatch(token) else None


def read_token(body: bytes, host: str) -> str:
    """Return the token in a token server's answer. Raises RefusedError."""
    if (token := find_token(body)) is None:
        raise RefusedError(
            f"{safe(host, 260)} was asked for a token and answered with something else",
            "Is there a sign-in page of this network in between? Otherwise the registry is in trouble.",
        )
    return token


def _lower(hosts: Collection[str]) -> frozenset[str]:
    return frozenset(host.lower() for host in hosts)
