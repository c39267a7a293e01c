"""Hosts: which of them are this machine, and how they are written."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, ip_address

_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


def is_loopback(host: str) -> bool:
    """Return whether `host` (a name or an address, brackets allowed, no port) is this machine.

    127.0.0.0/8, ::1, `localhost` and what ends in `.localhost` (RFC 6761).
    """
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def flaw(host: str) -> str:
    """Return what is wrong with a host's name or IPv4 address in ASCII (no port), "" if nothing is.

    What ends in a number is an IPv4 address to the fast transport, as to browsers (WHATWG, URL, "ends in a
    number"): it would ask 127.0.0.1 for 127.1, and fails at host.123. So only the usual form is taken.
    """
    labels = host.split(".")
    if any(not 0 < len(label) < 64 for label in labels):
        return "has a dot too many, or more than 63 characters between dots"
    if not _readable(host):
        return 'has an "xn--" in it that stands for no letters'
    if _NUMBER.fullmatch(labels[-1]):
        try:
            IPv4Address(host)
        except AddressValueError:
            return (
                "is not an IPv4 address, which has four numbers from 0 to 255, although it ends in a number"
            )
    return ""


def _readable(host: str) -> bool:
    """Return whether each `xn--` in an ASCII host stands for something (IDNA 2008); httpx needs that."""
    if "xn--" not in host.lower():
        return True
    import idna

    try:
        idna.decode(host)
    except (idna.IDNAError, UnicodeError):
        return False
    return True


def bracketed(host: str, port: int | None) -> str:
    """Return `host:port` as a URL has it; an IPv6 address gets its brackets, None leaves the port out."""
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"
