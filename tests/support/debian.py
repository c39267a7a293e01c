"""Servers from Debian on loopback: docker-registry and nginx. One that is missing fails the test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from support.registry import closed_port

START_TIME = 60.0
STOP_TIME = 60.0
PACKAGES = {
    "docker-registry": "docker-registry",
    "nginx": "nginx-light",
    "aria2c": "aria2",
    "tmux": "tmux",
    "curl": "curl",
}


def program(name: str) -> str:
    """Where a program is; raises RuntimeError that names Debian's package if it is missing."""
    # Where Debian keeps servers is not on every user's path.
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise RuntimeError(f"{name} is missing; this test needs Debian's package {PACKAGES[name]}")
    return found


class Server:
    """A server process that listens at 127.0.0.1:`port`; `directory` has what it writes, `log` among it."""

    def __init__(self, command: Sequence[str], directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.log = directory / "server.log"
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and return when it accepts; raises RuntimeError with its log if it does not."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_TIME
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self._command[0]} does not answer:\n{self.log.read_text()}")
            time.sleep(0.01)
        return self

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it with this signal; returns when it has ended."""
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_TIME)
            finally:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True)
class Layer:
    """One entry of a manifest to push: its media type, and a file or its bytes."""

    media_type: str
    content: Path | bytes


class DockerRegistry(Server):
    """Debian's docker-registry on the store in `data`: an empty one in `directory` if that is None.

    `tls`: a PEM file with key and certificate, by which it speaks TLS. `options` are further sections of its
    settings, like `auth` and `middleware`.
    """

    def __init__(
        self, directory: Path, *, data: Path | None = None, tls: Path | None = None, **options: Any
    ) -> None:
        port = closed_port()
        self.data = data or directory / "data"
        http: dict[str, Any] = {"addr": f"127.0.0.1:{port}", "secret": "for tests"}
        if tls is not None:
            http["tls"] = {"certificate": str(tls), "key": str(tls)}
        settings = directory / "registry.yml"
        # JSON is YAML.
        settings.write_text(
            json.dumps(
                {
                    "version": 0.1,
                    "log": {"accesslog": {"disabled": True}, "level": "warn"},
                    "storage": {
                        "filesystem": {"rootdirectory": str(self.data)},
                        "maintenance": {"uploadpurging": {"enabled": False}},
                    },
                    "http": http,
                    **options,
                }
            )
        )
        super().__init__([program("docker-registry"), "serve", str(settings)], directory, port)

    @property
    def host(self) -> str:
        """`127.0.0.1:<port>`."""
        return f"127.0.0.1:{self.port}"

    def push(self, repository: str, tag: str, config: Layer, layers: Sequence[Layer]) -> bytes:
        """Upload blobs and manifest as docker would; return the manifest's raw bytes."""
        base = f"http://127.0.0.1:{self.port}/v2/{repository}"
        with httpx.Client(trust_env=False, timeout=60) as client:
            manifest = {
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": self._upload(client, base, config),
                "layers": [self._upload(client, base, layer) for layer in layers],
            }
            raw = json.dumps(manifest, indent=3).encode()
            client.put(
                f"{base}/manifests/{tag}", content=raw, headers={"Content-Type": str(manifest["mediaType"])}
            ).raise_for_status()
        return raw

    def _upload(self, client: httpx.Client, base: str, layer: Layer) -> dict[str, Any]:
        data = layer.content if isinstance(layer.content, bytes) else layer.content.read_bytes()
        digest = f"sha256:{sha256(data).hexdigest()}"
        begun = client.post(f"{base}/blobs/uploads/").raise_for_status()
        location = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": digest})
        client.put(
            location, content=data, headers={"Content-Type": "application/octet-stream"}
        ).raise_for_status()
        return {"mediaType": layer.media_type, "digest": digest, "size": len(data)}

    def blob(self, digest: str) -> Path:
        """Where the registry keeps a blob (its `filesystem` driver's layout)."""
        hexadecimal = digest.removeprefix("sha256:")
        return self.data / "docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"


class Nginx(Server):
    """nginx with these directives in its `http` block; they make it listen at 127.0.0.1:`port`."""

    def __init__(self, directory: Path, port: int, http: str, workers: int = 1) -> None:
        temporary = "\n".join(
            f"{kind}_temp_path {directory}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        # Its workers become somebody else, who may not look into a directory of root's.
        user = "user root;" if os.geteuid() == 0 else ""
        settings = directory / "nginx.conf"
        settings.write_text(
            f"daemon off; {user} worker_processes {workers}; pid {directory}/nginx.pid;\n"
            f"events {{ worker_connections 1024; }}\nhttp {{\n{temporary}\naccess_log off;\n{http}\n}}\n"
        )
        command = [program("nginx"), "-e", str(directory / "error.log"), "-c", str(settings)]
        super().__init__(command, directory, port)
