"""A blob over TLS from nginx on loopback, verified: pulltui beside aria2c and curl with sha256sum.

    python tests/bench/loopback.py [--size 2GiB] [--pairs 7] [--directory DIR]

Everything is deleted after each run. Needs Debian's nginx-light, aria2 and curl.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.method import PAIRS, Cost, interleave, measure, table
from pulltui.demo.values import read_size
from support.certificates import Authority
from support.command import command_env
from support.debian import Nginx, program
from support.registry import closed_port

REPOSITORY = "bench/model"
STEP = 1 << 24


class Site:
    """nginx as a registry with one model of one random blob of `size` bytes, over TLS."""

    def __init__(self, directory: Path, size: int) -> None:
        authority = Authority(directory)
        authority.server_context("127.0.0.1")
        [key] = set(directory.glob("*.pem")) - {authority.ca_file}
        self.ca_file = authority.ca_file
        root = directory / "root"
        blobs, manifests = root / "v2" / REPOSITORY / "blobs", root / "v2" / REPOSITORY / "manifests"
        blobs.mkdir(parents=True)
        manifests.mkdir()
        self.sha256 = _write_random(blobs, size)
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "layers": [
                {
                    "mediaType": "application/vnd.ollama.image.model",
                    "digest": f"sha256:{self.sha256}",
                    "size": size,
                }
            ],
        }
        (manifests / "latest").write_text(json.dumps(manifest))
        port = closed_port()
        self.base = f"https://127.0.0.1:{port}"
        self.nginx = Nginx(
            directory,
            port,
            f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {key}; ssl_certificate_key {key};"
            f" root {root}; default_type application/octet-stream; sendfile on; }}",
            workers=os.cpu_count() or 1,
        )

    @property
    def blob(self) -> str:
        """The blob's URL."""
        return f"{self.base}/v2/{REPOSITORY}/blobs/sha256:{self.sha256}"


def _write_random(directory: Path, size: int) -> str:
    """Write `size` random bytes to a file called by its digest; return the sha256."""
    state = sha256()
    temporary = directory / "new"
    with temporary.open("wb") as file:
        for start in range(0, size, STEP):
            block = os.urandom(min(STEP, size - start))
            state.update(block)
            file.write(block)
    temporary.rename(directory / f"sha256:{state.hexdigest()}")
    return state.hexdigest()


def contestants(site: Site, scratch: Path) -> dict[str, Callable[[], Cost]]:
    """What is measured, by name; each makes its own directory below `scratch` and leaves nothing."""

    def run(commands: Callable[[Path], Sequence[Sequence[str]]]) -> Callable[[], Cost]:
        def once() -> Cost:
            with tempfile.TemporaryDirectory(dir=scratch) as name:
                home = Path(name)
                env = command_env(home, PULLTUI_NETWORK_CA_FILE=str(site.ca_file))
                return measure(commands(home), env, home)

        return once

    def pulltui(home: Path) -> list[list[str]]:
        pull = [sys.executable, "-m", "pulltui", "pull", f"{site.base}/{REPOSITORY}"]
        return [[*pull, "--models-dir", str(home / "models")]]

    def aria2c(home: Path) -> list[list[str]]:
        options = ["-x16", "-s16", f"--checksum=sha-256={site.sha256}", f"--ca-certificate={site.ca_file}"]
        quiet = ["--no-conf", "--console-log-level=warn", "--summary-interval=0"]
        return [[program("aria2c"), *options, *quiet, "-d", str(home), "-o", "blob", site.blob]]

    def curl(home: Path) -> list[list[str]]:
        sums = home / "sums"
        sums.write_text(f"{site.sha256}  {home / 'blob'}\n")
        get = [program("curl"), "-sSf", "--cacert", str(site.ca_file), "-o", str(home / "blob"), site.blob]
        return [get, ["sha256sum", "--check", "--quiet", str(sums)]]

    return {"pulltui": run(pulltui), "aria2c -x16": run(aria2c), "curl, sha256sum": run(curl)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench/loopback.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--size", type=read_size, default="2GiB", metavar="SIZE")
    parser.add_argument("--pairs", type=int, default=PAIRS, metavar="N")
    parser.add_argument("--directory", type=Path, help="where everything goes, instead of the system's place")
    options = parser.parse_args(arguments)
    directory = Path(tempfile.mkdtemp(prefix="pulltui-bench-", dir=options.directory))
    try:
        site = Site(directory, options.size)
        with site.nginx:
            costs = interleave(contestants(site, directory), options.pairs)
    finally:
        shutil.rmtree(directory)
    print(f"{options.size / 2**20:.0f} MiB over TLS on loopback, verified; {options.pairs} pairs, medians\n")
    print(table(costs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
