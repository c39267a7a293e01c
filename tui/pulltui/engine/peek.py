"""How much of a blob is on disk: a look that opens nothing for writing and takes no lock."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pulltui.engine.errors import StorageError
from pulltui.engine.manifest import Layer
from pulltui.engine.partstate import read_durable, read_live
from pulltui.engine.store import Store


class Found(msgspec.Struct, frozen=True):
    """What is on disk of some blobs."""

    done: dict[str, int]
    """Bytes by digest, as the part states claim them; what they claim is proven when it is opened."""
    whole: frozenset[str]
    """Digests of those that are complete and verified."""


def peek(store: Store, layers: Sequence[Layer]) -> Found:
    """Look which of these blobs are on disk, and how much of the others; damaged ones count 0. Blocking."""
    done, whole = {}, set()
    for layer in layers:
        try:
            if store.has(layer):
                whole.add(layer.digest)
                done[layer.digest] = layer.size
            else:
                done[layer.digest] = _claimed(store, layer)
        except (OSError, StorageError):
            done[layer.digest] = 0  # whoever pulls it will say what is wrong
    return Found(done, frozenset(whole))


def _claimed(store: Store, layer: Layer) -> int:
    """Return what the two part states claim together; nothing without the data they are about."""
    paths = store.partial(layer.digest)
    if not paths.data.exists():
        return 0
    durable, live = read_durable(paths.durable, layer.digest), read_live(paths.live, layer.digest)
    claims = [(part.offset, part.offset + part.completed) for part in (durable.parts if durable else ())]
    claims += [(record.offset, record.offset + record.completed) for record in live or ()]
    total = end = 0
    for start, stop in sorted(claims):  # parts may have been split since: claims overlap
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return min(layer.size, total)
