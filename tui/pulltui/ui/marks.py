"""Marks: what the next action is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pulltui.engine.views import PullView


class Marks:
    """The ids of marked pulls.

    Only those count that are shown: nobody deletes what they do not see. The mark of a hidden pull is back
    when the pull is.
    """

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def __contains__(self, pull: object) -> bool:
        return pull in self._ids

    def __bool__(self) -> bool:
        return bool(self._ids)

    def toggle(self, pull: str) -> None:
        """Mark a pull, or take its mark away."""
        self._ids ^= {pull}

    def toggle_all(self, shown: Iterable[str]) -> None:
        """Mark all that are shown; if they are, take their marks away."""
        every = set(shown)
        if every <= self._ids:
            self._ids -= every
        else:
            self._ids |= every

    def clear(self) -> None:
        """Take all marks away."""
        self._ids.clear()

    def keep(self, existing: Iterable[str]) -> None:
        """Forget pulls that are not there any more."""
        self._ids.intersection_update(existing)

    def chosen(self, shown: Sequence[PullView], current: PullView | None) -> list[PullView]:
        """Return the marked pulls among those shown; without any, the current one if there is one."""
        marked = [pull for pull in shown if pull.id in self._ids]
        return marked or ([current] if current is not None else [])
