"""Views that move as those of a busy engine do, made before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from pulltui.engine.views import (
    BlobState,
    BlobView,
    EngineView,
    Event,
    PartState,
    PartView,
    PullState,
    PullView,
)
from support.fake_service import FakeService
from support.scenes import MB, digest, layers, part_map, pull, view

BLOBS = 8
RECEIVING = 64
FRAMES = 40
"""Views in a round: four seconds."""
PART = 16 * MB


class MovingService(FakeService):
    """Shows prepared views, one after the other, each time it is asked for one; commands do nothing."""

    def __init__(self, views: Sequence[EngineView]) -> None:
        super().__init__()
        self._views = views
        self.looks = 0

    @property
    def view(self) -> EngineView:
        self.looks += 1
        shown = self._views[self.looks % len(self._views)]
        return msgspec.structs.replace(shown, rev=self.looks, now=self.looks / 10)

    @view.setter
    def view(self, view: EngineView) -> None:
        """There is nothing to set."""

    def events(self, after: int) -> list[Event]:
        return []


def busy_views(parts: int) -> list[EngineView]:
    """`FRAMES` views of 8 pulls, each with a blob of so many parts, 64 of which are being received in all.

    As the engine's, they have the parts of the first blob only: that is the one that is looked at.
    """
    return [view(*(_pull(number, parts, frame) for number in range(BLOBS))) for frame in range(FRAMES)]


def _pull(number: int, parts: int, frame: int) -> PullView:
    blob = _blob(number, parts, frame)
    small = layers(number + 1)
    whole = sum(layer.size for layer in small)
    return PullView(
        id=f"pull{number}",
        name=f"registry.test/library/model{number}:{parts}",
        host="registry.test",
        state=PullState.DOWNLOADING,
        size=blob.size + whole,
        done=blob.done + whole,
        rate=blob.rate,
        eta=blob.eta,
        connections=blob.connections,
        blobs=(blob, *small),
    )


def _blob(number: int, parts: int, frame: int) -> BlobView:
    """A blob that is as far as it is after `frame` tenths of a second: a part takes two seconds."""
    each = RECEIVING // BLOBS
    front = parts // 3 + frame // 20 * each
    states = (
        [PartState.DONE] * front + [PartState.RECEIVING] * each + [PartState.TODO] * (parts - front - each)
    )
    share = PART * (frame % 20 + 1) // 21
    done = [PART] * front + [share - n * 1000 for n in range(each)] + [0] * (parts - front - each)
    active = []
    for n in range(each):
        state = PartState.QUIET if n == frame // 10 % each else PartState.RECEIVING
        states[front + n] = state
        active.append(
            PartView(
                n=front + n,
                offset=(front + n) * PART,
                size=PART,
                done=done[front + n],
                state=state,
                rate=8.0 * MB + n * 10_000 + frame * 1_000 if state is PartState.RECEIVING else 0.0,
                silent=3.0 + frame % 10 / 10 if state is PartState.QUIET else 0.0,
                stall_after=30.0,
            )
        )
    active.sort(key=lambda part: (part.state != PartState.QUIET, part.n))
    rate, have = sum(part.rate for part in active), sum(done)
    looked_at = number == 0
    return BlobView(
        digest=digest(number),
        kind="model",
        media_type="application/vnd.ollama.image.model",
        size=parts * PART,
        done=have,
        hashed=have * 9 // 10,
        rate=rate,
        eta=(parts * PART - have) / rate,
        state=BlobState.DOWNLOADING,
        connections=each,
        parts=parts,
        parts_done=front,
        quiet=1,
        source="registry.test",
        active=tuple(active) if looked_at else (),
        map=part_map([int(state) for state in states], [PART] * parts, done) if looked_at else None,
    )


def long_queue(pulls: int) -> list[EngineView]:
    """One view with so many queued pulls: nothing moves, so that what is written answers a key."""
    return [view(*(pull(n, f"model{n}", PullState.QUEUED, 10 * MB, 0) for n in range(pulls)))]
