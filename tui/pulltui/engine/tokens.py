"""Token requests: to whom one may go, what it asks, and what comes back.

Sources: distribution/distribution, docs/content/spec/auth/token.md; ollama/ollama, server/auth.go.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from ipaddress import ip_address
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

_TOKEN = re.compile(r"[\x21-\x7e]+")


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

    async def check(self, realm: str, registry: Origin) -> httpx.URL:
        """Return the realm as an address that may be asked. Raises RefusedError.

        The registry's own host may be, at any port; others only if the settings name them, and never one
        with a private address if the registry's is public. Over https, unless the registry itself is asked
        over plain http and the realm's host may be, too.
        """
        shown = safe_url(realm)
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
        own = target.host == registry.host or (is_loopback(target.host) and is_loopback(registry.host))
        if not own and not target.among(_lower(self._token_hosts())):
            raise RefusedError(
                f"{registry.netloc} sends us to another host for a token: {target.netloc}",
                f'If that is right, allow it: network.token_hosts = ["{target.netloc}"].',
            )
        if target.scheme == "http" and not self._may_be_plain(target, registry, own):
            raise RefusedError(
                f"{registry.netloc} sends us to {target.netloc} for a token, over plain http",
                "Anyone on the way could read it. The registry is misconfigured; tell whoever runs it.",
            )
        if not own and await self._is_private(target.host) and not await self._is_private(registry.host):
            raise RefusedError(
                f"{registry.netloc} sends us to {target.netloc} for a token, which is a private address",
                "A public registry has no business there; tell whoever runs it.",
            )
        return url

    def _may_be_plain(self, target: Origin, registry: Origin, own: bool) -> bool:
        plain = own or is_loopback(target.host) or target.among(_lower(self._insecure_hosts()))
        return registry.scheme == "http" and plain

    async def _is_private(self, host: str) -> bool:
        if is_loopback(host):
            return True
        try:
            addresses: Sequence[str] = (str(ip_address(host)),)
        except ValueError:
            addresses = await self._resolve(host)
        return any(not ip_address(address.partition("%")[0]).is_global for address in addresses)


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


def read_token(body: bytes, host: str) -> str:
    """Return the token in a token server's answer. Raises RefusedError."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    token = None
    if isinstance(document, dict):
        token = document.get("token") or document.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise RefusedError(
            f"{safe(host, 260)} was asked for a token and answered with something else",
            "Is there a sign-in page of this network in between? Otherwise the registry is in trouble.",
        )
    return token


def _lower(hosts: Collection[str]) -> frozenset[str]:
    return frozenset(host.lower() for host in hosts)
