"""The way out: which proxy a URL takes, and which certificates are believed.

The transports differ in both when left to themselves, so it is resolved here once and given to either.
"""

from __future__ import annotations

import re
import ssl
import sys
from collections.abc import Mapping
from functools import cached_property
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pulltui.engine.clean import safe, safe_url
from pulltui.engine.errors import PullError, TrustError
from pulltui.engine.hosts import flaw, is_loopback

DEFAULT_PORTS = {"http": 80, "https": 443}
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
# Where Linux distributions and BSDs keep their bundles, besides what OpenSSL was built to look at.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Way(msgspec.Struct, frozen=True, dict=True):
    """Proxies and trust, resolved; made by `find_way`."""

    http_proxy: str = ""
    """Proxy URL for http URLs; empty: none."""
    https_proxy: str = ""
    no_proxy: tuple[str, ...] = ()
    """Entries of NO_PROXY, lower case."""
    ca_pem: bytes = b""
    """What is trusted besides the system's store, PEM."""

    def __repr__(self) -> str:
        """Show the proxies without their users and passwords: this may come into logs and tracebacks."""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Way({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return the same for rich's tracebacks, which would look at the fields."""
        return [
            ("http_proxy", self.http_proxy and safe_url(self.http_proxy)),
            ("https_proxy", self.https_proxy and safe_url(self.https_proxy)),
            ("no_proxy", self.no_proxy),
            ("ca_pem", f"{len(self.ca_pem)} bytes"),
        ]

    def proxy_for(self, url: str) -> str | None:
        """Return the URL of the proxy that `url` (http or https) goes through, None for none.

        This machine is never asked for through a proxy.
        """
        parts = urlsplit(url)
        proxy = self.https_proxy if parts.scheme == "https" else self.http_proxy
        host = (parts.hostname or "").rstrip(".")
        if not proxy or is_loopback(host):
            return None
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
        return None if any(_covers(entry, host, port) for entry in self.no_proxy) else proxy

    @cached_property
    def extra_roots(self) -> bytes:
        """PEM certificates to trust besides the system's; certifi's where the system has none at all."""
        if _system_has_store():
            return self.ca_pem
        import certifi

        return Path(certifi.where()).read_bytes() + b"\n" + self.ca_pem

    def ssl_context(self) -> ssl.SSLContext:
        """Return a new client context that checks against the system's store and `extra_roots`."""
        import truststore

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.extra_roots:
            context.load_verify_locations(cadata=self.extra_roots.decode("ascii", "ignore"))
        return context


def find_way(proxy: str, ca_file: str, environ: Mapping[str, str]) -> Way:
    """Resolve proxies and trust from the settings `network.proxy`, `network.ca_file` and the environment.

    The setting wins over HTTPS_PROXY, HTTP_PROXY and ALL_PROXY (the lower-case spelling of each wins over
    the upper-case one, as with curl); NO_PROXY holds in either case. A SOCKS proxy looks the names up itself,
    whether it is written socks5 or socks5h. Raises PullError for a proxy that is
    no proxy's address, TrustError for a `ca_file` that cannot be read or holds no certificate.
    """
    if proxy:
        chosen = _proxy_url(proxy, "network.proxy")
        http_proxy = https_proxy = chosen
    else:
        http_proxy = _from_environment(environ, "HTTP_PROXY", "ALL_PROXY")
        https_proxy = _from_environment(environ, "HTTPS_PROXY", "ALL_PROXY")
    entries = _variable(environ, "NO_PROXY").replace(",", " ").lower().split()
    return Way(
        http_proxy=http_proxy,
        https_proxy=https_proxy,
        no_proxy=tuple(entries),
        ca_pem=_read_ca_file(ca_file) if ca_file else b"",
    )


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name.lower(), environ.get(name, "")).strip()


def _from_environment(environ: Mapping[str, str], *names: str) -> str:
    for name in names:
        if value := _variable(environ, name):
            return _proxy_url(value, name)
    return ""


def _proxy_url(text: str, source: str) -> str:
    url = text if "://" in text else f"http://{text}"
    hint = "Write it as http://host:port, https://host:port or socks5://host:port."
    _, *rest = re.split("[/?#]", url.partition("://")[2], maxsplit=1)
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        good = parts.scheme in PROXY_SCHEMES and bool(host) and parts.port != 0 and not any(rest)
    except ValueError:
        good = False
    if not good:
        shown = safe_url(url)
        if "@" in "".join(rest):  # then what looks like host and path is a user and a password
            shown, hint = "what stands", f"{hint} In a user and a password: %2F for /, %3F for ?, %23 for #."
        raise PullError(f"{shown} in {source} is not the address of a proxy", hint)
    if host.isascii() and ":" not in host and (wrong := flaw(host)):
        raise PullError(f'the host "{safe(host)}" of the proxy in {source} {wrong}', hint)
    # The transports tell the schemes apart by their lower case.
    return f"{parts.scheme}://{parts.netloc}"


def _covers(entry: str, host: str, port: int) -> bool:
    """Return whether an entry of NO_PROXY (`*`, a domain, an address, a network; maybe `:port`) is meant."""
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return ip_address(host) in ip_network(entry, strict=False)
        except ValueError:
            return False
    if entry.startswith("[") or entry.count(":") == 1:
        try:
            parts = urlsplit(f"//{entry}")
            wanted, only = parts.hostname or "", parts.port
        except ValueError:
            return False
        if only is not None and only != port:
            return False
        entry = wanted
    entry = entry.removeprefix("*").strip(".")
    return bool(entry) and (host == entry or host.endswith("." + entry))


def _system_has_store() -> bool:
    if sys.platform == "darwin":
        return True
    found = ssl.get_default_verify_paths()
    files = [Path(path) for path in (found.cafile, *SYSTEM_BUNDLES) if path]
    if any(path.is_file() and path.stat().st_size for path in files):
        return True
    return found.capath is not None and any(Path(found.capath).iterdir())


def _read_ca_file(ca_file: str) -> bytes:
    path = Path(ca_file).expanduser()
    hint = "network.ca_file must be a file of PEM certificates (BEGIN CERTIFICATE)."
    try:
        # OpenSSL reads no comments in other letters, which bundles have: names of authorities.
        pem = path.read_bytes().decode("ascii", "ignore")
    except OSError as error:
        raise TrustError(f"ca_file {safe(str(path))} cannot be read: {error.strerror}", hint) from error
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise TrustError(f"ca_file {safe(str(path))} holds no readable certificate", hint) from error
    return pem.encode()
