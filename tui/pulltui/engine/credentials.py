"""Users and passwords: from a model's name, the environment or a file of our own. None of them is ever shown.

`PULLTUI_CREDENTIALS` holds `host[:port]=user:password`, several with white space between them. The file is
TOML, a table a host: `["registry.example:5000"]` with `user` and `password`, readable by its owner only.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from pulltui_config.environment import CREDENTIALS as VARIABLE

from pulltui.engine.clean import safe
from pulltui.engine.errors import RefusedError
from pulltui.engine.hosts import bracketed
from pulltui.engine.login import Login, read_login
from pulltui.engine.origin import Origin


class Credentials:
    """What the environment and the file know. Read anew each time, so that a correction counts at once."""

    def __init__(self, environ: Mapping[str, str], file: Path | None) -> None:
        self._environ = environ
        self._file = file

    def find(self, origin: Origin) -> Login | None:
        """Return the login for a registry, the environment's before the file's. Touches the disk.

        "host:port" counts for that port, "host" for the usual one. Raises RefusedError when the variable or
        the file cannot be used.
        """
        keys = [bracketed(origin.host, origin.port)]
        if origin.is_default:
            keys.append(bracketed(origin.host, None))
        for logins in (self._from_environment, self._from_file):
            known = logins()
            for key in keys:
                if key in known:
                    return known[key]
        return None

    def where(self) -> str:
        """Return where credentials can be put, for a hint."""
        file = f", or {safe(str(self._file))}" if self._file else ""
        return f"in the name (https://user:password@host/namespace/model), in {VARIABLE}{file}"

    def _from_environment(self) -> dict[str, Login]:
        found = {}
        for number, entry in enumerate(self._environ.get(VARIABLE, "").split(), 1):
            host, _, text = entry.partition("=")
            login = read_login(text, VARIABLE)
            if not host or login is None:
                raise RefusedError(
                    f"entry {number} of {VARIABLE} cannot be read",
                    "Write host=user:password, with white space between entries and %20 for a blank.",
                )
            found[host.lower()] = login
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
    for host, entry in document.items():
        user, password = (entry.get("user"), entry.get("password")) if isinstance(entry, dict) else ("", "")
        if not (
            isinstance(user, str) and isinstance(password, str) and user and password and ":" not in user
        ):
            raise RefusedError(f'the entry "{safe(host, 90)}" of {safe(str(path))} cannot be used', hint)
        found[host.lower()] = Login(user, password, str(path))
    return found
