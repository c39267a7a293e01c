"""Tabs: the pulls in groups by what becomes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from pulltui.engine.views import PullState, PullView


class Tab(StrEnum):
    """One group of pulls."""

    ALL = "all"
    ACTIVE = "active"
    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


TAB_OF: Final[Mapping[PullState, Tab]] = {
    PullState.QUEUED: Tab.QUEUED,
    PullState.PAUSED: Tab.QUEUED,
    PullState.RESOLVING: Tab.ACTIVE,
    PullState.DOWNLOADING: Tab.ACTIVE,
    PullState.VERIFYING: Tab.ACTIVE,
    PullState.COMMITTING: Tab.ACTIVE,
    PullState.WAITING: Tab.ACTIVE,
    PullState.DONE: Tab.DONE,
    PullState.FAILED: Tab.FAILED,
}
"""The tab that shows pulls of a state, besides the one that shows all."""


def belongs(pull: PullView, tab: Tab) -> bool:
    """Return whether a tab shows a pull."""
    return tab is Tab.ALL or TAB_OF[pull.state] is tab


def counts(pulls: Sequence[PullView]) -> dict[Tab, int]:
    """Return how many pulls each tab shows."""
    found = Counter(TAB_OF[pull.state] for pull in pulls)
    return {tab: len(pulls) if tab is Tab.ALL else found[tab] for tab in Tab}
