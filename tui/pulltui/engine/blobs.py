"""What a pull has of its blobs: those that are here, and those that still have to come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from pulltui.engine.blob import BlobDownload
from pulltui.engine.manifest import Layer, Manifest
from pulltui.engine.space import Room
from pulltui.engine.store import Store


class Blobs(Protocol):
    """Who has the one BlobDownload of each digest (the queue)."""

    def blob(self, layer: Layer) -> BlobDownload:
        """Return it, made when nobody wanted the digest before."""

    def fetching(self, digest: str) -> bool:
        """Return whether a blob's partial is in use."""

    @property
    def room(self) -> Room:
        """Who has been promised room on the disk."""

    def changed(self) -> None:
        """Something is to be kept."""


async def look_what_is_here(
    store: Store, blobs: Blobs, manifest: Manifest, before: Sequence[BlobDownload]
) -> tuple[list[BlobDownload], set[str]]:
    """Return what has to come, the small ones first, and the digests of what was here already.

    Of `before`, what came earlier, the verified ones that are still here stand in front. Raises StorageError
    for a blob of another size.
    """
    fetched = {blob.digest for blob in before if blob.verified}
    coming: list[BlobDownload] = []
    cached: set[str] = set()
    for layer in sorted(manifest.blobs, key=lambda layer: layer.size):
        if layer.size == 0:
            await asyncio.to_thread(store.make_empty, layer.digest)
        if await asyncio.to_thread(store.has, layer):
            await asyncio.to_thread(store.keep, layer.digest)
            if layer.digest not in fetched:
                cached.add(layer.digest)
            continue
        blob = blobs.blob(layer)
        if blob.verified and not await asyncio.to_thread(store.has, layer):
            blob.forget()
        coming.append(blob)
    again = {blob.digest for blob in coming}
    return [*(blob for blob in before if blob.verified and blob.digest not in again), *coming], cached
