"""Which keys the footer offers: those that would act on what is chosen."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from pulltui.engine.views import EngineView, PartialView, PullState, Waiting
from pulltui.ui.caps import STEPS
from pulltui.ui.footer import MOST, footer
from pulltui.ui.keymap import ACTIONS
from pulltui.ui.offers import Situation, acts
from support.scenes import busy_pull, digest, pull, view

WORDS = {name: action.label for name, action in ACTIONS.items()}


def waiting(*states: PullState) -> EngineView:
    """A queue of pulls in these states."""
    return view(*(pull(n, f"m{n}", state, 10, 5) for n, state in enumerate(states, start=1)))


def offered(
    scene: EngineView, *chosen: int, movable: bool = True, marked: bool = False, large: bool = False
) -> list[str]:
    """What the footer has when the pulls at these places are chosen."""
    now = Situation(scene, [scene.pulls[at] for at in chosen], movable)
    return [entry.action for entry in footer(now, marked=marked, words=WORDS, large=large)]


@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("state", PullState)
def test_eight_at_most_each_once_the_way_out_always(state: PullState, marked: bool, large: bool) -> None:
    scene = waiting(PullState.QUEUED, state, PullState.DONE)
    ids = offered(scene, 1, marked=marked, large=large)
    assert len(ids) == len(set(ids)) <= MOST == 8
    assert ids[-2:] == ["help", "quit"] and set(ids) <= set(ACTIONS)
    assert ("back" in ids) is marked
    assert not large or ids[1] == "open", "the way back to the list is among the first"


@pytest.mark.parametrize(("large", "word"), [(False, "unmark"), (True, "back")])
def test_escape_says_what_it_does_first(large: bool, word: str) -> None:
    now = Situation(scene := waiting(PullState.PAUSED), scene.pulls)
    entries = footer(now, marked=True, words=WORDS, large=large)
    assert [entry.word for entry in entries if entry.action == "back"] == [word]


@pytest.mark.parametrize("state", PullState)
def test_a_cap_can_do_nothing_for_what_is_done(state: PullState) -> None:
    scene = waiting(state)
    assert acts("cap_pull", Situation(scene, scene.pulls)) is (state is not PullState.DONE)


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("movable", [True, False])
@pytest.mark.parametrize("state", PullState)
def test_nothing_is_offered_that_would_only_refuse(state: PullState, movable: bool, marked: bool) -> None:
    for scene, at in ((waiting(state), 0), (waiting(PullState.QUEUED, state, PullState.QUEUED), 1)):
        now = Situation(scene, [scene.pulls[at]], movable)
        assert all(acts(name, now) for name in offered(scene, at, movable=movable, marked=marked))


def test_moving_is_offered_where_the_list_is_the_queue_and_there_is_a_place_to_go() -> None:
    scene = waiting(PullState.QUEUED, PullState.QUEUED)
    first, last = offered(scene, 0), offered(scene, 1)
    assert ("move_up" in first, "move_down" in first) == (False, True)
    assert ("move_up" in last, "move_down" in last) == (True, False)
    assert not {"move_up", "move_down"} & {
        *offered(scene, 1, movable=False),
        *offered(waiting(PullState.QUEUED), 0),
    }


def test_starting_next_is_offered_to_those_that_wait_behind_others() -> None:
    scene = waiting(PullState.DOWNLOADING, PullState.QUEUED, PullState.PAUSED, PullState.QUEUED)
    assert "start_next" in offered(scene, 3)
    for at in (0, 1, 2):
        assert "start_next" not in offered(scene, at) + offered(scene, at, marked=True)
    assert "start_next" not in offered(scene, 1, 3, marked=True), "none is before them"


def test_retry_is_offered_where_something_is_wrong() -> None:
    assert "retry" not in offered(waiting(PullState.DOWNLOADING), 0)
    assert "retry" in offered(view(busy_pull()), 0), "a part has stalled"
    held = replace(pull(1, "m", PullState.DOWNLOADING, 10, 5), waiting=Waiting("busy", 3.0, "busy"))
    assert "retry" in offered(view(held), 0)
    assert "retry" not in offered(waiting(PullState.PAUSED), 0, marked=True)


def test_caps_are_offered_as_far_as_they_go() -> None:
    def caps(limit: float | None) -> list[str]:
        found = offered(replace(waiting(PullState.DOWNLOADING), limit=limit, limit_why="settings"), 0)
        return [name for name in found if name.startswith("cap_")]

    assert caps(None) == ["cap_down"]
    assert caps(STEPS[0]) == caps(0.0) == ["cap_up"]


def test_what_is_done_already_is_not_paused() -> None:
    for state in (PullState.DONE, PullState.COMMITTING):
        assert "pause" not in offered(waiting(state), 0) + offered(waiting(state), 0, marked=True)


def test_an_empty_list_offers_what_there_is() -> None:
    assert offered(view()) == ["add", "settings", "palette", "help", "quit"]
    partial = PartialView(digest(1), 10, 5, 1.0, "ollama")
    assert offered(replace(view(), adoptable=(partial,), undo="removing m"))[:3] == ["add", "undo", "adopt"]


def test_pause_is_called_resume_where_it_does_that() -> None:
    def word(*states: PullState) -> str:
        scene = waiting(*states)
        entries = footer(Situation(scene, scene.pulls), marked=True, words=WORDS)
        return next(entry.word for entry in entries if entry.action == "pause")

    assert word(PullState.PAUSED, PullState.FAILED) == "resume"
    assert word(PullState.PAUSED, PullState.DOWNLOADING) == "pause"


@pytest.mark.parametrize("state", PullState)
def test_the_way_back_to_the_list_has_its_word(state: PullState) -> None:
    scene = waiting(state)
    entries = footer(Situation(scene, scene.pulls), marked=False, words=WORDS, large=True)
    assert entries[1] == ("open", "list")
