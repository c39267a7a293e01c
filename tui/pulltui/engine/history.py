"""What has finished: `history.jsonl` beside the queue, one object a line, the newest last, a thousand kept.

{"name": "gemma3:4b", "digest": "sha256:<hex of the manifest>", "size": bytes of all blobs,
 "seconds": spent on it, "when": "2025-11-21T18:04:05+01:00", "rate": bytes a second fetched,
 "fetched_again": bytes asked for twice}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from pulltui.engine.partstate import replace_durably

CAP = 1000
_ONLY_US = 0o600


class Record(msgspec.Struct, frozen=True):
    """One pull that is done."""

    name: str
    """As people write it, shortest form."""
    digest: str
    """Of its manifest: the id that `ollama list` shows."""
    size: int
    seconds: float
    when: str
    """Wall clock, ISO 8601 with its offset."""
    rate: float = 0.0
    """Average of what was fetched, bytes a second; 0 if everything was here already."""
    fetched_again: int = 0


class History:
    """The file. Blocking calls: not for the event loop."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "history.jsonl"

    def read(self) -> list[Record]:
        """Return what has finished, the oldest first; lines that say nothing are left out. Raises OSError."""
        found = []
        for line in self._lines():
            try:
                found.append(msgspec.json.decode(line, type=Record))
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
        return found

    def append(self, records: Sequence[Record]) -> None:
        """Add records, durably; the oldest go when there are more than `CAP`. Raises OSError.

        One that fetched nothing is left out if the newest of its name says the same: a process that was
        killed before it had told the queue pulls once more what is there.
        """
        latest = {record.name: record.digest for record in self.read()}
        new = [record for record in records if record.rate or latest.get(record.name) != record.digest]
        if new:
            lines = [*self._lines(), *map(msgspec.json.encode, new)][-CAP:]
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_durably(self.file, b"\n".join([*lines, b""]), _ONLY_US)

    def _lines(self) -> list[bytes]:
        try:
            return [line for line in self.file.read_bytes().split(b"\n") if line]
        except (FileNotFoundError, NotADirectoryError):
            return []
