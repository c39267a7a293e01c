"""What would act on the chosen pulls just now, so that no key is offered that only refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from pulltui.engine.views import EngineView, PullState, PullView
from pulltui.ui.caps import STEPS, in_force

CAN_PAUSE: Final = (
    PullState.QUEUED,
    PullState.RESOLVING,
    PullState.DOWNLOADING,
    PullState.VERIFYING,
    PullState.WAITING,
)
CAN_RESUME: Final = (PullState.PAUSED, PullState.FAILED)
CAN_RETRY: Final = (*(state for state in PullState if state not in (PullState.DONE, PullState.PAUSED)),)


class Situation(NamedTuple):
    """What the user looks at."""

    view: EngineView
    chosen: Sequence[PullView] = ()
    """The pulls that an action is for."""
    movable: bool = True
    """The list shows the queue as it is."""


def acts(action: str, now: Situation) -> bool:
    """Return whether an action would do something; True for those that always do."""
    asked = _ASKED.get(action)
    return asked is None or asked(now)


def _retry(now: Situation) -> bool:
    """Something has failed, or waits for its next try."""
    return any(
        pull.state in (PullState.FAILED, PullState.WAITING)
        or pull.waiting is not None
        or any(blob.retrying or blob.stalled for blob in pull.blobs)
        for pull in now.chosen
        if pull.state in CAN_RETRY
    )


def _start_next(now: Situation) -> bool:
    """One of the chosen waits for its turn behind one that is not chosen."""
    ids = {pull.id for pull in now.chosen}
    queued = [pull.id in ids for pull in now.view.pulls if pull.state is PullState.QUEUED]
    return any(late and not early for early, late in pairwise(queued))


def _move(now: Situation, *, up: bool) -> bool:
    """There is another one to change places with."""
    ids = {pull.id for pull in now.chosen}
    chosen = [pull.id in ids for pull in now.view.pulls]
    change = (False, True) if up else (True, False)
    return now.movable and change in pairwise(chosen)


_ASKED: Final[Mapping[str, Callable[[Situation], bool]]] = {
    "pause": lambda now: any(pull.state in (*CAN_PAUSE, *CAN_RESUME) for pull in now.chosen),
    "retry": _retry,
    "start_next": _start_next,
    "move_up": lambda now: _move(now, up=True),
    "move_down": lambda now: _move(now, up=False),
    "clear_done": lambda now: any(pull.state is PullState.DONE for pull in now.view.pulls),
    "copy": lambda now: any(pull.blobs for pull in now.chosen),
    "undo": lambda now: bool(now.view.undo),
    "adopt": lambda now: bool(now.view.adoptable),
    "cap_pull": lambda now: any(pull.state is not PullState.DONE for pull in now.chosen),
    "cap_down": lambda now: (limit := in_force(now.view)) is None or limit > STEPS[0],
    "cap_up": lambda now: in_force(now.view) is not None,
}
