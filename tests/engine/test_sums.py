"""The totals of all pulls, against adding everything up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.sums import Sums, Total
from pulltui.engine.views import BlobView, PullState, PullView

STILL = (PullState.QUEUED, PullState.PAUSED, PullState.FAILED, PullState.DONE)

blobs = st.builds(
    lambda n, done: BlobView(
        digest=f"sha256:{n}", kind="model", media_type="a/b", size=10 * n, done=done * n
    ),
    st.integers(1, 5),
    st.integers(0, 10),
)
pulls = st.builds(
    lambda state, found: PullView(id="p", name="m", host="h", state=state, blobs=tuple(found)),
    st.sampled_from(STILL),
    st.lists(blobs, max_size=3, unique_by=lambda blob: blob.digest),
)
moving = st.lists(blobs, max_size=3, unique_by=lambda blob: blob.digest)


def plainly(still: list[PullView], moving: list[BlobView]) -> Total:
    """Every blob once: as those that move see it, else in its most complete view."""
    counted: dict[str, BlobView] = {}
    coming: dict[str, BlobView] = {}
    for pull in still:
        for blob in sorted(pull.blobs, key=lambda each: each.done):
            for states, into in (
                ((PullState.FAILED,), counted),
                ((PullState.FAILED, PullState.PAUSED), coming),
            ):
                known = into.get(blob.digest)
                if pull.state not in states and (known is None or known.done < blob.done):
                    into[blob.digest] = blob
    for blob in moving:
        counted[blob.digest] = coming[blob.digest] = blob
    return Total(
        sum(blob.size for blob in counted.values()),
        sum(blob.done for blob in counted.values()),
        sum(blob.size - blob.done for blob in coming.values()),
    )


@given(st.lists(st.tuples(st.lists(pulls, max_size=4), moving), min_size=1, max_size=3))
def test_the_totals_are_what_adding_up_gives_whatever_was_before(
    looks: list[tuple[list[PullView], list[BlobView]]],
) -> None:
    sums = Sums()
    for still, going in looks:
        assert sums.of(tuple(still), going) == plainly(still, going)
        assert sums.of(tuple(still), going) == plainly(still, going)
