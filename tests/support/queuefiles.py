"""The files of a queue as a pulltui that ended has left them."""

from __future__ import annotations

from pathlib import Path

from pulltui.demo import Model
from pulltui.engine.manifest import parse_manifest
from pulltui.engine.partial import Partial
from pulltui.engine.queuefile import Entry, QueueFile
from pulltui.engine.store import Store
from pulltui_config import locate
from support.registry import KB, layer

SINCE = "2026-01-02T03:04:05+00:00"
"""When the holder of the directory says that it began."""


class Files:
    """The files of a queue as a pulltui that ended has left them."""

    def __init__(self, models: Path) -> None:
        self.models = models
        self.queue = QueueFile(locate().models_state(models))
        self.store = Store(models)
        self._raw: dict[str, bytes] = {}

    def entry(self, name: str, model: Model | None = None, **fields: object) -> Entry:
        """An entry; `model` is what its manifest says."""
        if model is not None:
            manifest = parse_manifest(model.manifest)
            self._raw[manifest.digest] = model.manifest
            fields |= {"manifest": manifest.digest, "size": manifest.size}
        return Entry(name=f"registry.ollama.ai/library/{name}:latest", scheme="https", **fields)  # type: ignore[arg-type]

    def save(self, *entries: Entry) -> None:
        self.queue.save(entries, self._raw)

    def begin(self, model: Model, count: int) -> str:
        """Leave `count` bytes of a model's large blob on disk; its digest."""
        blob = layer(model)
        self.store.open(SINCE)
        partial = Partial(self.store.partial(blob.digest), blob.digest, blob.size, 100 * KB)
        for part in partial.table:
            size = min(part.size, count - part.offset)
            if size > 0:
                partial.write(part, memoryview(blob.read(part.offset, size)), None)
        partial.checkpoint()
        partial.close()
        self.store.close()
        return blob.digest

    @property
    def entries(self) -> tuple[Entry, ...]:
        kept = QueueFile(self.queue.directory).read()
        assert kept.damage == ""
        return kept.entries

    def on_disk(self) -> set[str]:
        return {path.name for path in self.store.work.glob("sha256-*")}
