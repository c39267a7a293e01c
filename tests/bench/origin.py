"""The embedded registry in a process of its own, for a benchmark to pull from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.checkout import SOURCES


class Origin:
    """A registry with generated models; use it as a context manager.

    `url` is where it answers, `names` are those to pull, in the order of `models`.
    """

    def __init__(self, models: list[str], faults: str = "", seed: int = 0) -> None:
        """`models` as `python -m pulltui.demo` takes them, such as `a=256MB`; `faults` in its language."""
        command = [sys.executable, "-m", "pulltui.demo", "--faults", faults, "--seed", str(seed)]
        self._command = [*command, "--models", *models]

    def __enter__(self) -> Self:
        pipe, env = subprocess.PIPE, os.environ | {"PYTHONPATH": SOURCES}
        self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True, env=env)
        begun = self._read()
        self.url: str = begun["url"]
        self.names: list[str] = begun["names"]
        self._digests: list[str] = begun["digests"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def model(self, path: str) -> tuple[str, str]:
        """The digest of a model's first layer and the URL by which the registry serves it.

        Nothing is asked for: faults are the clients'.
        """
        name = next(name for name in self.names if name.endswith(f"/{path}:latest"))
        digest = self._digests[self.names.index(name)]
        return digest, f"{self.url}/v2/{path}/blobs/{digest}"

    def counters(self) -> dict[str, Any]:
        """What it has counted so far, see `pulltui.demo.Counters.dump`."""
        assert self._process.stdin is not None
        self._process.stdin.write("counters\n")
        self._process.stdin.flush()
        return self._read()

    def wait_for(self, sent: int, patience: float) -> None:
        """Wait until so many bytes of blobs were sent; raises TimeoutError after `patience` seconds."""
        deadline = time.monotonic() + patience
        while self.counters()["bytes"] < sent:
            if time.monotonic() > deadline:
                raise TimeoutError(f"less than {sent} bytes were sent within {patience:g} s")
            time.sleep(0.1)

    @property
    def cpu(self) -> float:
        """Seconds of processor it has used; Linux only."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the embedded registry has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer
