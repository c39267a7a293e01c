"""What all pulls come to together, blobs counted once; what stands still is added up only when it changed."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from pulltui.engine.views import BlobView, PullState, PullView


class Total(msgspec.Struct, frozen=True):
    """Bytes."""

    size: int
    done: int
    """Both over pulls that have not failed."""
    left: int
    """What is still to come of those that are not paused either."""


class Sums:
    """Adds up views; keeps what it found out about the pulls that stand still."""

    def __init__(self) -> None:
        self._still: tuple[PullView, ...] = ()
        self._counted: dict[str, BlobView] = {}
        """Blobs of still pulls that have not failed,"""
        self._coming: dict[str, BlobView] = {}
        """and of those that wait for their turn."""
        self._total = Total(0, 0, 0)

    def of(self, still: tuple[PullView, ...], moving: Collection[BlobView]) -> Total:
        """Return the total of pulls that stand still and the (distinct) blobs of those that move."""
        if still != self._still:
            self._still = still
            self._counted = _distinct(still, PullState.FAILED)
            self._coming = _distinct(still, PullState.FAILED, PullState.PAUSED)
            self._total = Total(
                sum(blob.size for blob in self._counted.values()),
                sum(blob.done for blob in self._counted.values()),
                sum(blob.size - blob.done for blob in self._coming.values()),
            )
        size, done, left = self._total.size, self._total.done, self._total.left
        for blob in moving:  # they know better than who waits for the same blob
            if (known := self._counted.get(blob.digest)) is not None:
                size, done = size - known.size, done - known.done
            if (known := self._coming.get(blob.digest)) is not None:
                left -= known.size - known.done
            size, done, left = size + blob.size, done + blob.done, left + blob.size - blob.done
        return Total(size, done, left)


def _distinct(pulls: Collection[PullView], *without: PullState) -> dict[str, BlobView]:
    """Return the blobs of the pulls in other states, each in its most complete view."""
    blobs: dict[str, BlobView] = {}
    for pull in pulls:
        if pull.state not in without:
            for blob in pull.blobs:
                known = blobs.get(blob.digest)
                if known is None or blob.done > known.done:
                    blobs[blob.digest] = blob
    return blobs
