from __future__ import annotations

from pulltui.engine.views import BlobState, BlobView, PullState, PullView, Waiting
from pulltui.words import trouble


def pull(stalled: int = 0, disk: str = "", waiting: Waiting | None = None) -> PullView:
    blob = BlobView(
        digest=f"sha256:{'ab' * 32}",
        kind="model",
        media_type="",
        size=10,
        state=BlobState.DOWNLOADING,
        stalled=stalled,
    )
    return PullView(
        id="p1", name="m", host="h", state=PullState.DOWNLOADING, blobs=(blob,), disk=disk, waiting=waiting
    )


def test_a_slow_disk_is_told_behind_what_is_worse() -> None:
    assert trouble([pull()]) == ""
    assert trouble([pull(disk="it takes 5.00 MB/s")]) == "held by the disk, it takes 5.00 MB/s"
    both = trouble([pull(), pull(stalled=1, disk="it takes 5.00 MB/s")])
    assert both == "1 part stalled, held by the disk, it takes 5.00 MB/s"


def test_a_pull_whose_turn_comes_says_so() -> None:
    waiting = Waiting("its turn comes: all 64 connections are with other", kind="connections")
    assert trouble([pull(waiting=waiting)]) == f"waiting: {waiting.why}"
