"""A user and a password, and how to keep them out of sight."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote


@dataclass(frozen=True)
class Login:
    """A user and a password; its repr has neither."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    source: str
    """Where it was found, for people."""

    @property
    def basic(self) -> str:
        """The header Authorization (RFC 7617)."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


def read_login(text: str, source: str) -> Login | None:
    """Return the login that `user:password` means, percent signs decoded as in a URL; None if it is none."""
    user, colon, password = (unquote(part) for part in text.partition(":"))
    good = user and colon and password and (user + password).isprintable() and ":" not in user
    return Login(user, password, source) if good else None


def secrets_of(authorization: str) -> list[str]:
    """Return what must not be shown of a header Authorization: a server may repeat it in its answer."""
    scheme, _, value = authorization.rpartition(" ")
    secrets = [value]
    if scheme == "Basic":
        with suppress(ValueError):
            secrets.append(base64.b64decode(value).decode().partition(":")[2])
    return [secret for secret in secrets if secret]
