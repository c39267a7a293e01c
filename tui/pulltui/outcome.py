"""How a headless command ended: what is done, what is not, and the exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pulltui.engine.clean import safe
from pulltui.engine.errors import NoSpaceError, PullError
from pulltui.engine.views import BlobView, PullState, PullView

UNSAVED: Final = (
    "Stopped before the last seconds were recorded; they may be fetched again. "
    "Run the same command again, and it goes on from what is on disk."
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What all reporters need for their last words. Sizes in bytes, times in seconds."""

    pulls: tuple[PullView, ...]
    seconds: float
    """Since the command started."""
    fetched: int
    """Bytes written by this command."""
    models_dir: str
    stop_code: int | None = None
    """Exit code of whatever stopped it (128 + signal), None when it ran to its end."""
    given_up: frozenset[str] = frozenset()
    """Ids of pulls that would still wait, and that the command does not wait for."""
    saved: bool = True
    """Whether the engine confirmed that everything is recorded."""

    @property
    def done(self) -> tuple[PullView, ...]:
        """Pulls whose models are complete."""
        return tuple(pull for pull in self.pulls if pull.state is PullState.DONE)

    @property
    def failed(self) -> tuple[PullView, ...]:
        """Pulls that failed or were given up."""
        return tuple(pull for pull in self.pulls if self._failed(pull))

    @property
    def unfinished(self) -> tuple[PullView, ...]:
        """Pulls that were stopped on the way."""
        return tuple(p for p in self.pulls if p.state is not PullState.DONE and not self._failed(p))

    @property
    def rate(self) -> float:
        """Bytes a second over the whole time."""
        return self.fetched / self.seconds if self.seconds > 0 else 0.0

    @property
    def fetched_again(self) -> int:
        """Bytes that came a second time, blobs of several pulls counted once."""
        return over_blobs(self.pulls, lambda blob: blob.fetched_again)

    @property
    def exit_code(self) -> int:
        """README's exit code: a stop's own if it left something; else 0, what all failures agree on, or 1."""
        if self.stop_code is not None and (self.unfinished or not self.pulls):
            return self.stop_code
        codes = {NoSpaceError.exit_code if waits_for_space(p) else p.exit_code or 1 for p in self.failed}
        if self.unfinished:
            codes.add(1)
        return 0 if not codes else codes.pop() if len(codes) == 1 else 1

    def _failed(self, pull: PullView) -> bool:
        return pull.state is PullState.FAILED or pull.id in self.given_up


def over_blobs(pulls: Iterable[PullView], count: Callable[[BlobView], int]) -> int:
    """Return the sum of a count over the pulls' blobs, each digest once.

    For a pull that found a blob of another one complete, nothing of it was fetched: the most counts.
    """
    most: dict[str, int] = {}
    for blob in (blob for pull in pulls for blob in pull.blobs):
        most[blob.digest] = max(most.get(blob.digest, 0), count(blob))
    return sum(most.values())


def engine_ended(failure: BaseException) -> PullError:
    """Return what to tell people when the engine has ended by `failure`, which is a defect of ours."""
    what = safe(f"{type(failure).__name__}: {failure}".rstrip(": "), 300)
    return PullError(
        f"the engine has ended: {what}",
        "What is on disk is kept, and the same command goes on from there; see the log "
        "(`pulltui config path` says where).",
    )


def waits_for_space(pull: PullView) -> bool:
    """Whether the disk has no room for what is missing."""
    return pull.state is PullState.WAITING and pull.kind == NoSpaceError.kind
