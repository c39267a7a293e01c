"""Hosts: which of them are this machine, and how they are written."""

from __future__ import annotations

from ipaddress import ip_address


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


def readable(host: str) -> bool:
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
