"""Which keys do what, and which maps are refused."""

from __future__ import annotations

import pytest
from pulltui.ui.keymap import ACTIONS, ELSEWHERE, GROUPS, IN_LOG, IN_SETTINGS, MAIN, key_name, resolve

DEFAULTS = {name: action.keys for name, action in ACTIONS.items()}


def test_without_settings_every_action_has_its_own_keys_and_no_key_two_actions() -> None:
    keymap = resolve({})
    assert keymap.problems == ()
    assert keymap.keys == DEFAULTS
    for place in (MAIN, IN_SETTINGS, IN_LOG):
        keys = [key for name in place for key in keymap.keys[name]]
        assert len(keys) == len(set(keys))


def test_none_of_the_keys_is_one_that_tmux_or_flow_control_takes() -> None:
    taken = {"ctrl+b", "ctrl+s", "ctrl+j"}
    assert not taken & {key for keys in DEFAULTS.values() for key in keys}


def test_every_action_is_in_one_group_and_says_what_it_does() -> None:
    ids = [action.id for actions in (*GROUPS.values(), *ELSEWHERE.values()) for action in actions]
    assert len(ids) == len(set(ids)) == len(ACTIONS)
    assert all(action.tooltip and action.label for action in ACTIONS.values())


def test_settings_replace_the_keys_of_what_they_name_only() -> None:
    keymap = resolve({"pause": ("p", "f9", "p"), "undo": ()})
    assert keymap.problems == ()
    assert keymap.keys == DEFAULTS | {"pause": ("p", "f9"), "undo": ()}
    assert "undo" not in [binding.id for binding in keymap.bindings(MAIN)]


def test_two_actions_can_swap_their_keys() -> None:
    keymap = resolve({"quit": ("p",), "pause": ("q",)})
    assert keymap.problems == ()
    assert (keymap.keys["quit"], keymap.keys["pause"]) == (("p",), ("q",))


@pytest.mark.parametrize(
    ("asked", "key", "words"),
    [
        ({"pauze": ("x",)}, "ui.keys.pauze", 'did you mean "pause"'),
        ({"zzz": ("x",)}, "ui.keys.zzz", 'no action called "zzz"'),
        ({"add": ("f99",)}, "ui.keys.add", '"f99" is no key'),
        ({"add": ("shift+x",)}, "ui.keys.add", '"shift+x" is no key'),
        ({"add": ("\x1b",)}, "ui.keys.add", "is no key"),
        ({"add": ("<any>",)}, "ui.keys.add", "is no key"),
        ({"pause": ("p", "comma")}, "ui.keys.pause", "pause and settings"),
        ({"mark": ("ctrl+i",)}, "ui.keys.mark", "mark and panes"),
        ({"mark": ("x",), "undo": ("x",)}, "ui.keys.undo", "undo and mark"),
        ({"settings_save": ("x",)}, "ui.keys.settings_save", "is for writing there"),
        ({"settings_save": ("comma",)}, "ui.keys.settings_save", "is for writing there"),
        ({"settings_save": ("escape",)}, "ui.keys.settings_save", "settings_save and settings_leave"),
        ({"log_follow": ("g",)}, "ui.keys.log_follow", "log_follow and first"),
        ({"log_leave": ()}, "ui.keys.log_leave", "log_leave must have a key"),
        ({"quit": ()}, "ui.keys.quit", "quit must have a key"),
        ({"help": ()}, "ui.keys.help", "help must have a key"),
        ({"help": ("f99",)}, "ui.keys.help", "help must have a key"),
        ({"help": ("ctrl+c",)}, "ui.keys.help", "always quits"),
    ],
)
def test_what_is_wrong_is_said_and_all_of_it_refused(
    asked: dict[str, tuple[str, ...]], key: str, words: str
) -> None:
    keymap = resolve({"retry": ("f5",), **asked})
    assert any(problem.key == key and words in problem.text for problem in keymap.problems), keymap.problems
    assert all(str(problem).startswith("ui.keys.") for problem in keymap.problems)
    assert keymap.keys == DEFAULTS


def test_every_problem_is_told_at_once() -> None:
    assert len(resolve({"pauze": ("x",), "add": ("f99",), "quit": ()}).problems) == 3


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("p", "p"),
        ("P", "P"),
        ("?", "question_mark"),
        ("comma", "comma"),
        (",", "comma"),
        (" ", "space"),
        ("[", "left_square_bracket"),
        ("ö", "ö"),
        ("f2", "f2"),
        ("ctrl+p", "ctrl+p"),
        ("ctrl+right_square_bracket", "ctrl+right_square_bracket"),
        ("alt+x", "alt+x"),
        ("shift+tab", "shift+tab"),
        ("return", "enter"),
        ("ctrl+m", "enter"),
        ("", None),
        ("hyper+p", None),
        ("ctrl+", None),
        ("nonsense", None),
    ],
)
def test_what_keys_are_called(text: str, name: str | None) -> None:
    assert key_name(text) == name


def test_a_key_can_do_one_thing_here_and_another_there() -> None:
    keymap = resolve({"log_follow": ("a",), "settings_save": ("ctrl+p",)})
    assert keymap.problems == ()
    assert keymap.keys["log_follow"] == keymap.keys["add"] == ("a",)
