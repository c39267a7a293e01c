"""Which keys the footer shows: at most eight, those that fit what is selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pulltui.engine.views import PullState, PullView
from pulltui.ui.offers import Situation, acts
from pulltui.ui.words import shown_state

MOST: Final = 8
"""Keys in the footer."""
ALWAYS: Final = ("help", "quit")
"""Actions that the narrowest footer shows."""
_NOTHING: Final = ("add", "undo", "adopt", "settings", "palette")
_GOING: Final = ("pause", "add", "remove", "filter", "cap_down", "cap_up", "retry", "open", "log")
_OF_STATE: Final[Mapping[PullState, Sequence[str]]] = {
    PullState.QUEUED: ("pause", "start_next", "add", "move_up", "move_down", "remove", "filter", "mark"),
    PullState.WAITING: ("retry", "pause", "add", "remove", "filter", "log"),
    PullState.PAUSED: ("pause", "add", "remove", "delete", "filter", "mark"),
    PullState.FAILED: ("retry", "add", "remove", "delete", "log", "filter"),
    PullState.DONE: ("clear_done", "add", "copy", "remove", "filter", "palette", "mark"),
}
"""What is offered, what matters most first; the last ones only where others would not act."""
_MARKED: Final = ("pause", "remove", "delete", "retry", "start_next", "move_up", "move_down", "back")


class Entry(NamedTuple):
    """An action and the word for it."""

    action: str
    word: str


def footer(now: Situation, *, marked: bool, words: Mapping[str, str], large: bool = False) -> list[Entry]:
    """Return what to offer in a situation, what matters most first; `words` has the actions' labels.

    Nothing is offered that would only refuse. `large`: the list is out of sight, and the way back to it is
    among the first keys.
    """
    chosen = now.chosen
    if marked:
        ids: Sequence[str] = _MARKED
    elif chosen:
        ids = _OF_STATE.get(shown_state(chosen[0]), _GOING)
    else:
        ids = _NOTHING
    last = ["back"] if marked else []
    found = [name for name in ids if name not in last and acts(name, now)]
    if large:
        first, *others = (name for name in found if name != "open")
        found = [first, "open", *others]
    room = MOST - len(ALWAYS) - len(last)
    said = {**words, "pause": pause_word(chosen), "cap_down": "cap", "back": "unmark"}
    said |= {"open": "list", "back": "back"} if large else {}  # there, marks go with the second escape
    return [Entry(name, said[name]) for name in (*found[:room], *last, *ALWAYS)]


def pause_word(chosen: Sequence[PullView]) -> str:
    """Return what the key for pausing does to these pulls."""
    stopped = (PullState.PAUSED, PullState.FAILED, PullState.DONE)
    return "resume" if chosen and all(pull.state in stopped for pull in chosen) else "pause"
