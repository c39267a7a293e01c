"""The command and the servers for the real model by all the ways to a registry, and what must hold after."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pulltui.demo.intervals import total, union
from support import command
from support.authserver import basic
from support.counting import Request
from support.debian import DockerRegistry
from support.gguf import RealRegistry

TRANSPORTS = ["fast", "httpx"]
USER, PASSWORD, WRONG = "somebody", "correct horse battery", "incorrect horse battery"
QUOTED = f"{USER}:{quote(PASSWORD)}"
# Of PASSWORD; bcrypt is all that docker-registry knows.
HTPASSWD = f"{USER}:$2b$05$xnHpgKqaiaPiWfPDFldWhO9yA03VqJFd/RevBzl4KiQ6nbrqlSj2y\n"
NAMED = "registry.test"
"""A host that only a proxy knows."""
TOKEN_LIFE = 3
WASTE = 1.02
"""What may be sent for each byte of the model (design: bytes on the wire)."""


def pull(name: str, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `pulltui pull --json` with this environment."""
    arguments = ["pull", name, "--models-dir", str(home / "models"), "--json"]
    return command.run(arguments, home, timeout=90, env=command.command_env(home, **settings))


def events(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def check(registry: RealRegistry, host: str, home: Path, result: subprocess.CompletedProcess[str]) -> None:
    """The pull went as well as one without anything in its way."""
    assert result.stderr == ""
    assert result.returncode == 0
    told = events(result)
    # A note is of a connection that another one relieved; what was on its way to it then is the waste. The
    # disk of a machine that does much else may be slow, which is not the network's doing.
    told_of = [event for event in told if not event.get("why", "").startswith("held by the disk")]
    usual = {"resolved", "progress", "connections", "note", "verified", "done", "summary"}
    assert [event for event in told_of if event["event"] not in usual] == []
    size = sum(registry.sizes.values())
    assert size <= told[-1]["bytes"] <= size * WASTE
    assert told[-1]["fetched_again"] == told[-1]["bytes"] - size
    registry.check(home / "models", host)
    check_nothing_shown(home, result)


def check_nothing_shown(home: Path, result: subprocess.CompletedProcess[str], *secrets: str) -> None:
    """The password is in nothing that was printed or written, but for our file of credentials."""
    texts = [result.stdout, result.stderr]
    for path in home.rglob("*"):
        if path.is_file() and path.name != "credentials.toml" and "blobs" not in path.parts:
            texts.append(path.read_text("latin-1"))
    assert any("ended with exit code" in text for text in texts), "the log is among them"
    for password in (PASSWORD, WRONG):
        secrets += (password, quote(password), basic(USER, password).removeprefix("Basic "))
    assert [secret for secret in secrets for text in texts if secret in text] == []


def write_credentials(home: Path, host: str, password: str) -> Path:
    file = home / ".config/pulltui/credentials.toml"
    file.parent.mkdir(parents=True)
    file.touch(0o600)
    file.write_text(f'["{host}"]\nuser = "{USER}"\npassword = "{password}"\n')
    return file


def places(directory: Path) -> tuple[Path, Path]:
    """Make a home and a place for a registry."""
    home, servers = directory / "home", directory / "registry"
    home.mkdir()
    servers.mkdir()
    return home, servers


def with_htpasswd(registry: RealRegistry, directory: Path, **options: Any) -> DockerRegistry:
    """A registry on the same store that lets in one user."""
    file = directory / "htpasswd"
    file.write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "for tests", "path": str(file)}}
    return DockerRegistry(directory, data=registry.server.data, auth=auth, **options)


def check_sent_once(requests: list[Request], sizes: dict[str, int]) -> None:
    """Each of these blobs came whole, and next to nothing of it twice."""
    for digest, size in sizes.items():
        sent = [request.sent for request in requests if request.digest == digest]
        assert union(sent) == [(0, size)]
        assert total(sent) <= size * WASTE
