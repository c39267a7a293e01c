"""The list's rows: pulls with their blobs beneath, small blobs folded into one row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pulltui.engine.views import BlobState, BlobView, PullState, PullView

SMALL = 1_000_000
"""Blobs below a megabyte are over before anyone has read their name."""
_FOLDED = (PullState.QUEUED, PullState.RESOLVING, PullState.DONE)
"""Pulls whose blobs say nothing that the pull's own row does not say."""
_TROUBLED = (BlobState.FAILED, BlobState.REPAIRING)
_RANK = (
    BlobState.FAILED,
    BlobState.REPAIRING,
    BlobState.DOWNLOADING,
    BlobState.VERIFYING,
    BlobState.PAUSED,
    BlobState.QUEUED,
    BlobState.VERIFIED,
    BlobState.CACHED,
)
"""What is worth looking at, first to last."""


class Key(NamedTuple):
    """What tells rows apart, whatever happens to the order."""

    pull: str
    blob: str = ""
    """Digest; "" is the pull itself, "small" its folded blobs."""


class Row(NamedTuple):
    """One row of the list."""

    key: Key
    pull: PullView
    blobs: tuple[BlobView, ...] = ()
    """The blob of a blob's row, or those of a folded row; empty for the pull's own row."""
    last: bool = False
    """The last row beneath its pull."""


def rows(pulls: Sequence[PullView]) -> list[Row]:
    """Return all rows, in queue order."""
    found: list[Row] = []
    for pull in pulls:
        found.append(Row(Key(pull.id), pull))
        if pull.state not in _FOLDED:
            found.extend(_beneath(pull))
    return found


def _beneath(pull: PullView) -> Iterator[Row]:
    folded = tuple(blob for blob in pull.blobs if blob.size < SMALL and blob.state not in _TROUBLED)
    shown = [blob for blob in pull.blobs if blob.size >= SMALL or blob.state in _TROUBLED]
    if len(folded) < 2:
        folded, shown = (), list(pull.blobs)
    for number, blob in enumerate(shown, start=1):
        yield Row(Key(pull.id, blob.digest), pull, (blob,), last=not folded and number == len(shown))
    if folded:
        yield Row(Key(pull.id, "small"), pull, folded, last=True)


def folded_name(blobs: Sequence[BlobView]) -> str:
    """Return "config + 3 small", or "4 small" if none is a config."""
    configs = sum(blob.kind == "config" for blob in blobs)
    rest = len(blobs) - configs
    if not configs:
        return f"{rest} small"
    return f"config + {rest} small" if rest else "config"


def folded_state(blobs: Sequence[BlobView]) -> BlobState:
    """Return the state to show for folded blobs: the one most worth looking at."""
    return min((blob.state for blob in blobs), key=_RANK.index)


def of_interest(row: Row) -> BlobView | None:
    """Return the blob whose parts to show for a row: its own, or the pull's most interesting one."""
    return max(row.blobs or row.pull.blobs, key=_interest, default=None)


def _interest(blob: BlobView) -> tuple[int, bool, int]:
    return -_RANK.index(blob.state), bool(blob.stalled or blob.retrying), blob.size
