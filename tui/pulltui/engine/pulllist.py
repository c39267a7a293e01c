"""The list of pulls: in order, by id and by name, and what was done to it that can be taken back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from pulltui.engine.names import ModelName
from pulltui.engine.order import put_back, what
from pulltui.engine.pull import Pull

_UNDONE = 20
"""How many removals and moves can be taken back."""


@dataclass(frozen=True)
class _Step:
    """Something that was done to the list."""

    words: str
    """What it was: "removing gemma3:4b"."""
    order: tuple[str, ...]
    """The ids in order before it."""
    chosen: frozenset[str]
    """The ids it was done to."""
    removed: tuple[Pull, ...] = ()
    """Those of them that were taken off the list."""


class PullList:
    """Every name is in it once. Belongs to the engine's loop."""

    def __init__(self) -> None:
        self.by_id: dict[str, Pull] = {}
        """In order."""
        self._ids: dict[str, str] = {}
        """Ids by the names' keys."""
        self._steps: deque[_Step] = deque(maxlen=_UNDONE)

    def named(self, name: ModelName) -> Pull | None:
        """Return the pull of a name."""
        return self.by_id.get(self._ids.get(name.key, ""))

    def enter(self, pull: Pull) -> None:
        """Append a pull, or put it in the place of the one with its id."""
        self.by_id[pull.id] = pull
        self._ids[pull.name.key] = pull.id

    def take_off(self, pulls: Collection[Pull]) -> tuple[str, ...]:
        """Take pulls off the list; return the ids in order as they were (for `removed`)."""
        before = tuple(self.by_id)
        for pull in pulls:
            self.by_id.pop(pull.id)
            self._ids.pop(pull.name.key)
        return before

    def removed(self, pulls: Collection[Pull], before: tuple[str, ...], *, deleted: bool) -> None:
        """Note what was taken off, so that it can be taken back."""
        if pulls:
            words = what("removing", [pull.name.short for pull in pulls])
            words += "; what was deleted is fetched again" if deleted else ""
            chosen = frozenset(pull.id for pull in pulls)
            self._steps.append(_Step(words, before, chosen, tuple(pulls)))

    def rearrange(self, chosen: Collection[str], order: Sequence[str]) -> None:
        """Bring the list into another order of the same ids, in which the chosen ones moved."""
        before = tuple(self.by_id)
        if tuple(order) != before:
            names = [pull.name.short for pull_id, pull in self.by_id.items() if pull_id in chosen]
            self._steps.append(_Step(what("moving", names), before, frozenset(chosen)))
            self._order(order)

    @property
    def undoable(self) -> str:
        """What `undo` would take back, in words; empty if there is nothing."""
        return self._steps[-1].words if self._steps else ""

    def undo(self, revived: Callable[[Pull], Pull]) -> list[Pull]:
        """Take back the newest step; return the pulls that are back on the list.

        `revived` makes a pull that can run of one that was removed.
        """
        if not self._steps:
            return []
        step = self._steps.pop()
        back = [revived(pull) for pull in step.removed if pull.name.key not in self._ids]
        for pull in back:
            self.enter(pull)
        self._order(put_back(list(self.by_id), step.chosen, step.order))
        return back

    def _order(self, order: Sequence[str]) -> None:
        self.by_id = {pull_id: self.by_id[pull_id] for pull_id in order}
