"""Users and passwords: from a model's name, the environment or a file of our own. None of them is ever shown.

`PULLTUI_CREDENTIALS` holds `host[:port]=user:password`, several with white space between them. The file is
TOML, a table a host: `["registry.example:5000"]` with `user` and `password`, readable by its owner only.

Before the host there may be `https://` or `http://`. Only what says `http://` goes to another machine over
plain http: whoever wrote a host alone did not ask for his password to be sent where anybody can read it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pulltui_config.environment import CREDENTIALS as VARIABLE

from pulltui.engine.clean import safe, safe_name
from pulltui.engine.errors import RefusedError
from pulltui.engine.hosts import bracketed, is_loopback
from pulltui.engine.login import Login, read_login
from pulltui.engine.origin import Origin

_KEY = re.compile(r"((?:https?://)?[^/@\s]+)/?")


class Credentials:
    """What the environment and the file know. Read anew each time, so that a correction counts at once."""

    def __init__(self, environ: Mapping[str, str], file: Path | None) -> None:
        self._environ = environ
        self._file = file

    def find(self, origin: Origin) -> tuple[Login | None, str]:
        """Return the login for a registry, the environment's before the file's, and why there is none.

        The latter is empty if simply nothing is known. "host:port" counts for that port, "host" for the usual
        one. Touches the disk. Raises RefusedError when the variable or the file cannot be used.
        """
        hosts = [bracketed(origin.host, origin.port)]
        if origin.is_default:
            hosts.append(bracketed(origin.host, None))
        unprotected = origin.scheme == "http" and not is_loopback(origin.host)
        problem = ""
        for logins in (self._from_environment, self._from_file):
            known = logins()
            for host in hosts:
                if (login := known.get(f"{origin.scheme}://{host}")) is not None:
                    return replace(login, plain=origin.scheme == "http"), ""
                if (login := known.get(host)) is not None:
                    if not unprotected:
                        return login, ""
                    problem = problem or only_encrypted(login.source, origin)
        return None, problem

    def where(self) -> str:
        """Return where credentials can be put, for a hint."""
        file = f", or {safe(str(self._file))}" if self._file else ""
        return f"in the name (https://user:password@host/namespace/model), in {VARIABLE}{file}"

    def _from_environment(self) -> dict[str, Login]:
        found = {}
        for number, entry in enumerate(self._environ.get(VARIABLE, "").split(), 1):
            key, _, text = entry.partition("=")
            host, login = _read_key(key), read_login(text, VARIABLE)
            if not host or login is None:
                raise RefusedError(
                    f"entry {number} of {VARIABLE} cannot be read",
                    "Write host=user:password, with white space between entries and %20 for a blank.",
                )
            found[host] = login
        return found

    def _from_file(self) -> dict[str, Login]:
        if self._file is None:
            return {}
        try:
            text = _read_private(self._file)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise RefusedError(
                f"{safe(str(self._file))} cannot be read: {error.strerror}",
                "Correct that, or move the file away; then try again.",
            ) from error
        return _read_toml(text, self._file)


def _read_private(path: Path) -> bytes:
    """Return the file's content. Raises OSError, and RefusedError if others can read it too."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - looked at and read through one descriptor
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise RefusedError(
                f"{safe(str(path))} is not a file", "It must be one; move it away and try again."
            )
        if mode & 0o077:
            raise RefusedError(
                f"{safe(str(path))} has passwords in it and is open to others (mode {mode & 0o777:04o})",
                f"Run: chmod 600 {safe(str(path))}",
            )
        return file.read()


def _read_toml(content: bytes, path: Path) -> dict[str, Login]:
    import tomllib

    hint = 'Each host is a table of two texts: ["registry.example:5000"], user = "...", password = "...".'
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        # Without the parser's own words, and without it as the cause: they may quote what is there.
        raise RefusedError(f"{safe(str(path))} is not valid TOML", hint) from None
    found = {}
    for key, entry in document.items():
        host = _read_key(key)
        user, password = (entry.get("user"), entry.get("password")) if isinstance(entry, dict) else ("", "")
        if not (isinstance(user, str) and isinstance(password, str) and user and password and host) or (
            ":" in user
        ):
            raise RefusedError(f'the entry "{safe_name(key)}" of {safe(str(path))} cannot be used', hint)
        found[host] = Login(user, password, str(path))
    return found


def _read_key(key: str) -> str:
    """Return `[scheme://]host[:port]` in lower case; empty if it is something else."""
    match = _KEY.fullmatch(key.lower())
    return match[1] if match else ""


def only_encrypted(source: str, origin: Origin) -> str:
    """Return why a login is not sent, and how to have it sent all the same."""
    return (
        f"What {safe(source)} has for {origin.netloc} goes over plain http to another machine only if it is "
        f"written down for http://{origin.netloc}"
    )
