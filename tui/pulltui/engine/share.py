"""What a connection that has nothing else to do takes from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulltui.engine.blob import BlobDownload
from pulltui.engine.run import Run
from pulltui.engine.standing import speed, unheld
from pulltui.engine.takeover import Usual, cut

if TYPE_CHECKING:
    from pulltui.engine.pull import Pull


def share(pull: Pull, now: float, usual: Usual) -> tuple[BlobDownload, Run] | None:
    """Return the back of what would take longest, None if there is nothing that would come sooner."""
    found: list[tuple[float, int, BlobDownload, Run]] = []
    for blob in pull.downloads:
        if blob.single_stream:
            continue
        for run in blob.runs:
            if not run.source.ranges or not run.received or run.complete or run.given_up:
                continue
            if not unheld(run):
                continue  # it is not the connection that takes so long
            rate = speed(run, now, usual)
            at = cut(run.position, run.end, rate, usual)
            if at is not None:
                found.append(((run.end - run.position) / rate, at, blob, run))
    for _, at, blob, run in sorted(found, key=lambda one: one[0], reverse=True):
        if (back := blob.split(run, at, pull.source(blob))) is not None:
            return blob, back
    return None
