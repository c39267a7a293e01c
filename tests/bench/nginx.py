"""nginx as a registry with one random blob, over http and over TLS."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path

from support.certificates import Authority
from support.debian import Nginx
from support.registry import closed_port

REPOSITORY = "bench/model"
SCHEMES = ("http", "https")
_STEP = 1 << 24


class Site:
    """nginx with one model of one random blob of `size` bytes, at a port for each scheme.

    Everything is in `directory`; start it by `with site.nginx`.
    """

    def __init__(self, directory: Path, size: int) -> None:
        authority = Authority(directory)
        key = authority.server_pem("127.0.0.1")
        self.ca_file = authority.ca_file
        root = directory / "root"
        blobs, manifests = root / "v2" / REPOSITORY / "blobs", root / "v2" / REPOSITORY / "manifests"
        blobs.mkdir(parents=True)
        manifests.mkdir()
        self.sha256 = _write_random(blobs, size)
        self.size = size
        layer = {
            "mediaType": "application/vnd.ollama.image.model",
            "digest": f"sha256:{self.sha256}",
            "size": size,
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "layers": [layer],
        }
        (manifests / "latest").write_text(json.dumps(manifest))
        self._ports = {scheme: closed_port() for scheme in SCHEMES}
        files = f"root {root}; default_type application/octet-stream; sendfile on;"
        self.nginx = Nginx(
            directory,
            self._ports["https"],
            f"server {{ listen 127.0.0.1:{self._ports['http']}; {files} }}\n"
            f"server {{ listen 127.0.0.1:{self._ports['https']} ssl;"
            f" ssl_certificate {key}; ssl_certificate_key {key}; {files} }}",
            workers=os.cpu_count() or 1,
        )

    def name(self, scheme: str) -> str:
        """What to pull."""
        return f"{self._base(scheme)}/{REPOSITORY}"

    def blob(self, scheme: str) -> str:
        """The blob's URL."""
        return f"{self._base(scheme)}/v2/{REPOSITORY}/blobs/sha256:{self.sha256}"

    def _base(self, scheme: str) -> str:
        return f"{scheme}://127.0.0.1:{self._ports[scheme]}"


def _write_random(directory: Path, size: int) -> str:
    """Write `size` random bytes to a file called by its digest; return the sha256."""
    state = sha256()
    temporary = directory / "new"
    with temporary.open("wb") as file:
        for start in range(0, size, _STEP):
            block = os.urandom(min(_STEP, size - start))
            state.update(block)
            file.write(block)
    temporary.rename(directory / f"sha256:{state.hexdigest()}")
    return state.hexdigest()
