"""Which keys the footer offers."""

from __future__ import annotations

import pytest
from pulltui.engine.views import PullState
from pulltui.ui.footer import MOST, footer
from pulltui.ui.keymap import ACTIONS
from support.scenes import pull

WORDS = {name: action.label for name, action in ACTIONS.items()}


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("state", [None, *PullState])
def test_eight_at_most_each_once_the_way_out_always(state: PullState | None, marked: bool) -> None:
    chosen = [] if state is None else [pull(1, "m", state, 10, 5)]
    entries = footer(chosen, marked=marked and bool(chosen), adoptable=True, words=WORDS)
    ids = [entry.action for entry in entries]
    assert len(ids) == len(set(ids)) <= MOST == 8
    assert ids[-2:] == ["help", "quit"] and set(ids) <= set(ACTIONS)


def test_pause_is_called_resume_where_it_does_that() -> None:
    def word(*states: PullState) -> str:
        pulls = [pull(n, "m", state, 10, 5) for n, state in enumerate(states)]
        entries = footer(pulls, marked=True, adoptable=False, words=WORDS)
        return next(entry.word for entry in entries if entry.action == "pause")

    assert word(PullState.PAUSED, PullState.FAILED) == "resume"
    assert word(PullState.PAUSED, PullState.DOWNLOADING) == "pause"


def test_taking_over_is_offered_where_there_is_something() -> None:
    offered = [
        [entry.action for entry in footer([], marked=False, adoptable=adoptable, words=WORDS)]
        for adoptable in (False, True)
    ]
    assert "adopt" not in offered[0] and "adopt" in offered[1]


@pytest.mark.parametrize("state", PullState)
def test_the_way_back_to_the_list_is_among_the_first(state: PullState) -> None:
    entries = footer([pull(1, "m", state, 10, 5)], marked=False, adoptable=False, words=WORDS, large=True)
    assert entries[1] == ("open", "list") and len(entries) <= MOST
    assert len({entry.action for entry in entries}) == len(entries)
