"""nginx before a registry, as the witness of what was asked for and what was sent, run by run.

A run of pulltui is told from another by its User-Agent, `run-<number>`. Ranges are half-open pairs.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from pathlib import Path

from pulltui.demo.intervals import Interval
from support.debian import Nginx
from support.registry import closed_port

_BLOB = re.compile(r"/blobs/(sha256:[0-9a-f]{64})$")
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass(frozen=True)
class Request:
    """One request for a blob: which run, the bytes it asked for, and those that were sent of them."""

    run: int
    digest: str
    asked: Interval
    sent: Interval


class Witness:
    """An nginx before `127.0.0.1:upstream`; no answer is faster than `rate` bytes a second."""

    def __init__(self, directory: Path, upstream: int, rate: int) -> None:
        self._log = directory / "requests"
        port = closed_port()
        self.nginx = Nginx(
            directory,
            port,
            "log_format witness '$http_user_agent\t$uri\t$status\t$http_range\t$body_bytes_sent';\n"
            f"""server {{
                listen 127.0.0.1:{port};
                access_log {self._log} witness;
                location / {{
                    proxy_pass http://127.0.0.1:{upstream};
                    proxy_http_version 1.1;
                    proxy_set_header Host $http_host;
                    proxy_set_header Connection "";
                    proxy_max_temp_file_size 0;
                    limit_rate {rate};
                }}
            }}""",
        )
        self.nginx.start()

    @property
    def host(self) -> str:
        """`127.0.0.1:<port>`."""
        return f"127.0.0.1:{self.nginx.port}"

    def close(self) -> None:
        """End it at once, in the middle of answers."""
        self.nginx.stop()

    def testimony(self, sizes: dict[str, int]) -> list[Request]:
        """End it when every answer is over, and return all requests for the blobs in `sizes` (bytes)."""
        self.nginx.stop(signal.SIGQUIT)
        return [found for line in self._log.read_text().splitlines() if (found := parse_line(line, sizes))]


def parse_line(line: str, sizes: dict[str, int]) -> Request | None:
    """Return the request that a line of nginx's log tells of, None if it was for no blob."""
    agent, uri, status, range_, sent = line.split("\t")
    blob = _BLOB.search(uri)
    if blob is None:
        return None
    digest = blob[1]
    asked = (0, sizes[digest])
    if (bounds := _RANGE.fullmatch(range_)) is not None:
        asked = (int(bounds[1]), int(bounds[2]) + 1)
    count = int(sent) if status in {"200", "206"} else 0
    start = asked[0] if status == "206" else 0
    return Request(int(agent.removeprefix("run-")), digest, asked, (start, start + count))
