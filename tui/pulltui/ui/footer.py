"""Which keys the footer shows: at most eight, those that fit what is selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pulltui.engine.views import PullState, PullView

MOST: Final = 8
"""Keys in the footer."""
ALWAYS: Final = ("help", "quit")
"""Actions that the narrowest footer shows."""
_NOTHING: Final = ("add", "settings", "palette")
_GOING: Final = ("pause", "add", "remove", "filter", "cap_down", "open")
_OF_STATE: Final[Mapping[PullState, Sequence[str]]] = {
    PullState.QUEUED: ("pause", "start_next", "add", "move_up", "remove", "filter"),
    PullState.WAITING: ("retry", "pause", "add", "remove", "filter", "log"),
    PullState.PAUSED: ("pause", "add", "remove", "delete", "filter", "mark"),
    PullState.FAILED: ("retry", "add", "remove", "delete", "log", "filter"),
    PullState.DONE: ("clear_done", "add", "copy", "remove", "filter", "palette"),
}
_MARKED: Final = ("pause", "retry", "remove", "delete", "start_next", "back")


class Entry(NamedTuple):
    """An action and the word for it."""

    action: str
    word: str


def footer(
    chosen: Sequence[PullView],
    *,
    marked: bool,
    adoptable: bool,
    words: Mapping[str, str],
    large: bool = False,
) -> list[Entry]:
    """Return what to offer for the chosen pulls, what matters most first; `words` has the actions' labels.

    `adoptable`: Ollama has left something that can be taken over. `large`: the list is out of sight, and the
    way back to it is among the first keys.
    """
    if marked:
        ids: Sequence[str] = _MARKED
    elif chosen:
        ids = _OF_STATE.get(chosen[0].state, _GOING)
    else:
        ids = (*_NOTHING, "adopt") if adoptable else _NOTHING
    if large:
        first, *others = (name for name in ids if name != "open")
        ids = (first, "open", *others)
    said = {**words, "pause": pause_word(chosen), "cap_down": "cap", "back": "unmark" if marked else "back"}
    said |= {"open": "list"} if large else {}
    return [Entry(name, said[name]) for name in (*ids[: MOST - len(ALWAYS)], *ALWAYS)]


def pause_word(chosen: Sequence[PullView]) -> str:
    """Return what the key for pausing does to these pulls."""
    stopped = (PullState.PAUSED, PullState.FAILED, PullState.DONE)
    return "resume" if chosen and all(pull.state in stopped for pull in chosen) else "pause"
