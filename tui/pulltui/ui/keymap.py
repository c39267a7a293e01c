"""Everything the app can do, with the keys for it, and the keys that `ui.keys` asks for instead.

The map is resolved here and as a whole: Textual's own keymaps neither tell about clashes nor about keys that
do not exist, and cannot leave an action without a key.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final, NamedTuple

from textual.binding import Binding, BindingsMap, BindingType
from textual.keys import Keys


@dataclass(frozen=True, slots=True)
class Action:
    """Something the user can do."""

    id: str
    """Its name in `ui.keys`."""
    keys: tuple[str, ...]
    """Its keys when the settings say nothing."""
    label: str
    """A word or two for the footer."""
    tooltip: str
    """What it does: for the help and the palette."""


PULLS, QUEUE, SPEED, LOOKING, APP, MOVING = "Pulls", "Queue", "Speed", "Looking", "The app", "Moving about"

GROUPS: Final[Mapping[str, tuple[Action, ...]]] = {
    PULLS: (
        Action("add", ("a",), "add", "Add models by their names; pasting does it as well"),
        Action("pause", ("p",), "pause", "Pause the marked or selected pulls, or go on with them"),
        Action("pause_all", ("P",), "pause all", "Pause all; again resumes what that stopped, and only that"),
        Action(
            "retry", ("r",), "retry", "Retry the marked or selected pulls now, without waiting any longer"
        ),
        Action("retry_failed", ("R",), "retry failed", "Retry all failed pulls"),
        Action("remove", ("d",), "remove", "Take pulls off the list, keeping what was fetched"),
        Action(
            "delete", ("D",), "delete", "Take pulls off the list and delete what was fetched, after asking"
        ),
        Action("clear_done", ("c",), "clear done", "Clear the list of what is done"),
        Action("undo", ("u",), "undo", "Undo the newest removal or move"),
        Action("adopt", ("I",), "adopt", "Take over downloads that Ollama has not finished"),
    ),
    QUEUE: (
        Action("move_up", ("K",), "up", "Move the marked or selected pulls up in the queue"),
        Action("move_down", ("J",), "down", "Move the marked or selected pulls down in the queue"),
        Action("start_next", ("exclamation_mark",), "start next", "Start the marked or selected pulls next"),
        Action("mark", ("space",), "mark", "Mark the selected pull, to act on several"),
        Action("mark_all", ("asterisk",), "mark all", "Mark all pulls that are shown, or none"),
    ),
    SPEED: (
        Action("cap_down", ("left_square_bracket",), "cap down", "Lower the cap of everything by a step"),
        Action("cap_up", ("right_square_bracket",), "cap up", "Raise the cap of everything by a step"),
        Action("cap_pull", ("t",), "cap", "Cap the marked or selected pulls, each by itself"),
        Action("cap_toggle", ("T",), "cap on/off", "Switch the cap of everything off, and on again"),
    ),
    LOOKING: (
        Action("tab_all", ("1",), "all", "Show all pulls"),
        Action("tab_active", ("2",), "active", "Show the pulls that are under way"),
        Action("tab_queued", ("3",), "queued", "Show the pulls that are queued or paused"),
        Action("tab_done", ("4",), "done", "Show the pulls that are done"),
        Action("tab_failed", ("5",), "failed", "Show the pulls that failed"),
        Action("filter", ("slash",), "filter", "Filter the list: part of a name, state:stalled, size>10g"),
        Action("sort", ("s",), "sort", "Sort by the next column"),
        Action("sort_reverse", ("S",), "reverse", "Turn the order round"),
        Action("open", ("enter",), "larger", "Give the parts the whole screen, or the list its room again"),
        Action("panes", ("tab",), "panes", "Show parts, details or the log"),
        Action(
            "back", ("escape",), "back", "Back: the list's room, the filter and the marks, one after another"
        ),
        Action("log", ("l",), "log", "Show the log of all pulls"),
        Action("copy", ("y",), "copy digest", "Copy the digest of the blob below"),
        Action("copy_url", ("Y",), "copy url", "Copy the address of the blob below"),
        Action("copy_path", ("o",), "copy path", "Copy the path that the blob below has in the end"),
    ),
    APP: (
        Action("help", ("question_mark",), "help", "Show the keys, and what each glyph means"),
        Action("palette", ("ctrl+p", "colon"), "palette", "Find an action, a pull or a theme by its name"),
        Action("settings", ("comma",), "settings", "Edit the settings here"),
        Action("edit", ("e",), "edit", "Edit the settings in $VISUAL or $EDITOR"),
        Action("quit", ("q",), "quit", "Save and quit; ctrl+c and ctrl+q do the same"),
        Action("suspend", ("ctrl+z",), "suspend", "To the shell; fg comes back"),
    ),
    MOVING: (
        Action("down", ("down", "j"), "down", "The next row"),
        Action("up", ("up", "k"), "up", "The row above"),
        Action("page_down", ("pagedown",), "page down", "A screen down"),
        Action("page_up", ("pageup",), "page up", "A screen up"),
        Action("first", ("home", "g"), "first", "The first row"),
        Action("last", ("end", "G"), "last", "The last row"),
    ),
}
"""What the main screen can do, as the help groups it."""

SETTINGS, LOG = "In the settings", "In the log of all pulls"

ELSEWHERE: Final[Mapping[str, tuple[Action, ...]]] = {
    SETTINGS: (
        Action("settings_save", ("ctrl+o", "f2"), "save", "Save the file; it counts at once"),
        Action("settings_leave", ("escape",), "leave", "Back to the pulls"),
        Action("settings_find", ("ctrl+f",), "find", "Go to a setting, found by its name or by what it does"),
        Action(
            "settings_comment", ("ctrl+t",), "# on/off", "Remove or add the # before the setting of this line"
        ),
        Action(
            "settings_change", ("f4", "ctrl+l"), "change", "The next value of a setting, or room to type it"
        ),
        Action("settings_problem", ("f8", "ctrl+n"), "next problem", "Go to the next problem"),
        Action("settings_reload", ("ctrl+r",), "read again", "Read the file from disk again"),
    ),
    LOG: (
        Action("log_leave", ("escape", "q", "l"), "back", "Back to the pulls"),
        Action("log_follow", ("f",), "newest", "To the newest line, and stay with what comes"),
    ),
}
"""What other screens can do; the log moves by the keys for moving about."""

ACTIONS: Final[Mapping[str, Action]] = {
    action.id: action for actions in (*GROUPS.values(), *ELSEWHERE.values()) for action in actions
}
"""All actions that `ui.keys` can give other keys."""

MAIN: Final = tuple(action.id for actions in GROUPS.values() for action in actions)
MOVES: Final = tuple(action.id for action in GROUPS[MOVING])
IN_SETTINGS: Final = tuple(action.id for action in ELSEWHERE[SETTINGS])
IN_LOG: Final = (*(action.id for action in ELSEWHERE[LOG]), *MOVES, "help", "suspend")
_PLACES: Final = (MAIN, IN_SETTINGS, IN_LOG)
"""Actions whose keys must differ, as they work in the same place."""


class Fixed(NamedTuple):
    """Keys that are the same for everybody, and what they do."""

    keys: tuple[str, ...]
    what: str


IN_DIALOGS: Final = (
    Fixed(("escape",), "Close without an answer"),
    Fixed(("enter",), "Press the button, add the names, set the cap, choose the line"),
    Fixed(("y", "n"), "Yes and no; other letters are on their buttons"),
    Fixed(("left", "right", "tab"), "To another button"),
    Fixed(("up", "down"), "Scroll; names that were pulled before; lines that were found"),
    Fixed(("ctrl+c",), "Save and quit, where it does not only close a question"),
)
"""The keys of dialogs, which say on their frames and buttons what works in them."""

_NEEDED: Final = ("quit", "help", "settings_leave", "log_leave")
_RESERVED: Final = ("ctrl+c", "ctrl+q")
_SAME: Final = {"ctrl+i": "tab", "ctrl+m": "enter", "return": "enter", "ctrl+h": "backspace"}
"""Keys that terminals cannot tell from others."""


class KeyProblem(NamedTuple):
    """Why a map of keys is refused: the setting it is about, like `ui.keys.pause`, and a sentence."""

    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.key}: {self.text}"


class Keymap(NamedTuple):
    """The keys in force for every action, by its id, as Textual calls them."""

    keys: Mapping[str, tuple[str, ...]]
    problems: tuple[KeyProblem, ...] = ()
    """Why `ui.keys` is refused: then the keys are those that the actions have by themselves."""

    def bound(self, fixed: Sequence[BindingType], ids: Sequence[str], *, first: bool = False) -> BindingsMap:
        """Return Textual's bindings of a screen: its `fixed` ones, and those of the actions `ids` over them.

        `first`: before the keys of what has the focus.
        """
        bindings = BindingsMap(fixed)
        chosen = (replace(each, priority=first) for each in self.bindings(ids))
        bindings.key_to_bindings.update(BindingsMap(chosen).key_to_bindings)
        return bindings

    def bindings(self, ids: Sequence[str]) -> Iterator[Binding]:
        """Yield Textual's bindings of some actions, each with id and tooltip.

        Every one calls the action `do`, with its id.
        """
        for name in ids:
            action = ACTIONS[name]
            if self.keys[name]:
                yield Binding(
                    ",".join(self.keys[name]),
                    f"do({name!r})",
                    action.label,
                    id=name,
                    tooltip=action.tooltip,
                    show=False,
                )


def resolve(asked: Mapping[str, Sequence[str]]) -> Keymap:
    """Return the keys in force when `ui.keys` is `asked`; what it does not name keeps its own keys.

    One problem anywhere refuses all of it, so that nobody is left with half a map.
    """
    problems = tuple(dict.fromkeys(_problems(asked)))
    if problems:
        return Keymap({name: action.keys for name, action in ACTIONS.items()}, problems)
    return Keymap(_merged(asked))


def _merged(asked: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    chosen = {name: tuple(filter(None, map(key_name, keys))) for name, keys in asked.items()}
    return {name: tuple(dict.fromkeys(chosen.get(name, action.keys))) for name, action in ACTIONS.items()}


def _problems(asked: Mapping[str, Sequence[str]]) -> Iterator[KeyProblem]:
    for name, keys in asked.items():
        place = f"ui.keys.{name}"
        if name not in ACTIONS:
            close = get_close_matches(name, ACTIONS, 1)
            near = f'; did you mean "{close[0]}"?' if close else "; README has a table of all"
            yield KeyProblem(place, f'there is no action called "{name}"{near}')
        for key in keys:
            known = key_name(key)
            if known is None:
                yield KeyProblem(place, f'"{key}" is no key; keys are called p, P, f2, ctrl+p, comma, space')
            elif known in _RESERVED:
                yield KeyProblem(place, f'"{key}" always quits; take another key')
    merged = _merged(asked)
    for ids in _PLACES:
        yield from _clashes(asked, {name: merged[name] for name in ids})
    for name in IN_SETTINGS:
        for used in merged[name]:
            if used in _WRITING or len(used) == 1:
                yield KeyProblem(f"ui.keys.{name}", f'"{used}" is for writing there; take one like f2')
    for name in _NEEDED:
        if not merged[name]:
            yield KeyProblem(f"ui.keys.{name}", f"{name} must have a key")


def _clashes(asked: Collection[str], keys: Mapping[str, Sequence[str]]) -> Iterator[KeyProblem]:
    users: dict[str, list[str]] = {}
    for name, names in keys.items():
        for key in names:
            users.setdefault(key, []).append(name)
    for key, both in users.items():
        if len(both) > 1:
            named = next((name for name in both if name in asked), both[0])
            yield KeyProblem(f"ui.keys.{named}", f'"{key}" would be for {" and ".join(both)}; give it to one')


def key_name(text: str) -> str | None:
    """Return what Textual calls a key that people call `text` ("," is comma); None if there is none."""
    text = {",": "comma", " ": "space"}.get(text, text)
    if len(text) == 1:
        return _of_character(text) if text.isprintable() else None
    lead, plus, rest = text.rpartition("+")
    if plus and rest and lead in ("ctrl", "alt", "ctrl+shift", "shift"):
        rest = {"[": "left_square_bracket", "]": "right_square_bracket"}.get(rest, rest)
        text = f"{lead}+{rest}"
    text = _SAME.get(text, text)
    if text in _NAMED or (lead == "alt" and rest in _NAMED):
        return text
    return None


def _of_character(character: str) -> str:
    """Return Textual's name of the key that types a character."""
    if character.isalnum():
        return character
    (binding,) = Binding.make_bindings([Binding(character, "")])
    return binding.key


_NAMED: Final = frozenset(
    {str(key.value) for key in Keys if not key.value.startswith("<")}
    | {
        _of_character(each)
        for each in string.ascii_letters + string.digits + string.punctuation
        if each != ","
    }
    | {"comma"}
) - {"ctrl-at", "return"}
"""What keys are called."""
_WRITING: Final = frozenset(_of_character(each) for each in string.punctuation.replace(",", "")) | {
    "comma",
    "space",
    "enter",
    "tab",
    "backspace",
    "delete",
    "left",
    "right",
    "up",
    "down",
    "home",
    "end",
}
"""Keys that an editor needs, besides letters and digits."""


def markdown() -> str:
    """Return README's table: the keys, the name of the action in `ui.keys`, and what it does."""
    written = {key_name(each): each for each in string.punctuation}
    lines = ["| key | action | what it does |", "| --- | --- | --- |"]
    for action in ACTIONS.values():
        keys = " ".join(f"`{written.get(key, key)}`" for key in action.keys)
        lines.append(f"| {keys} | `{action.id}` | {action.tooltip} |")
    return "\n".join(lines) + "\n"
