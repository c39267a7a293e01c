"""What `/` filters by: pieces of names, and terms such as `state:stalled` and `size>10g`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final, NamedTuple

from pulltui_config.units import UnitError, parse_size

from pulltui.engine.views import BlobView, PullState, PullView
from pulltui.ui.tab import Tab, belongs


def _stalls(blob: BlobView) -> bool:
    """Return whether some of it stalls, is about to, or connects again because it did."""
    return bool(blob.stalled or blob.quiet or (blob.stalls and blob.reconnecting))


_TROUBLE: Final[Mapping[str, Callable[[PullView], bool]]] = {
    "stalled": lambda pull: any(_stalls(blob) for blob in pull.blobs),
    "quiet": lambda pull: any(blob.quiet for blob in pull.blobs),
    "retrying": lambda pull: any(blob.retrying or blob.reconnecting for blob in pull.blobs),
    "capped": lambda pull: pull.capped,
    "disk": lambda pull: bool(pull.disk),
}
STATES: Final = (*dict.fromkeys((*(state.value for state in PullState), Tab.ACTIVE.value, *_TROUBLE)),)
"""What `state:` knows: the states of pulls, `active`, and troubles of their parts."""
_NUMBERS: Final[Mapping[str, Callable[[PullView], float]]] = {
    "size": lambda pull: pull.size,
    "left": lambda pull: pull.size - pull.done,
    "speed": lambda pull: pull.rate,
    "percent": lambda pull: 100 * pull.done / pull.size if pull.size else 0.0,
}
_FIELDS: Final = ("state", "host", *_NUMBERS)
_TERM: Final = re.compile(r"([^:<>=]*)(:|<=|>=|<|>|=)(.*)")
_TELLING: Final = 3
"""Letters of a state that make what stands before the colon a misspelt `state`."""
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}

Test = Callable[[PullView], bool]


class Filter(NamedTuple):
    """A filter that was typed."""

    text: str = ""
    tests: tuple[Test, ...] = ()
    problem: str = ""
    """What cannot be understood, a sentence; such a term filters nothing."""

    def matches(self, pull: PullView) -> bool:
        """Return whether the pull is to be shown: all terms must hold."""
        return all(test(pull) for test in self.tests)


class _TermError(ValueError):
    """A term that cannot be understood."""


def parse(text: str) -> Filter:
    """Return the filter that `text` means: terms with spaces between them, `-` before one turns it round.

    `state:` takes a state (STATES), `host:` a piece of the registry's name; `size`, `left` and `speed` are
    compared with sizes (`size>10g`), `percent` with a number; everything else is a piece of the name, which
    has no `<`, `>` or `=`.
    """
    tests: list[Test] = []
    problem = ""
    for word in text.split():
        negated = word.startswith("-") and len(word) > 1
        try:
            test = _test(word.removeprefix("-") if negated else word)
        except _TermError as error:
            problem = problem or str(error)
        else:
            tests.append(_not(test) if negated else test)
    return Filter(text.strip(), tuple(tests), problem)


def _not(test: Test) -> Test:
    return lambda pull: not test(pull)


def _test(word: str) -> Test:
    match = _TERM.fullmatch(word)
    if match is None:
        return _named(word)
    field, compare, value = match[1].lower(), match[2], match[3]
    if field == "state" and compare in (":", "="):
        return _in_state(value.lower())
    if field == "host" and compare in (":", "="):
        return lambda pull: value.lower() in pull.host.lower()
    if field in _NUMBERS and compare != ":":
        number, of, holds = _number(field, value), _NUMBERS[field], _COMPARE[compare]
        return lambda pull: holds(of(pull), number)
    if field in _NUMBERS:
        raise _TermError(f"{field} is compared: {field}>{'50' if field == 'percent' else '10g'}")
    if compare != ":":
        raise _TermError(_no_field(field))
    if _means_state(field, value.lower()):
        raise _TermError(f"no {field}: to filter by, try state:{value}")
    return _named(word)  # names have colons too: llama3.2:3b


def _no_field(field: str) -> str:
    """Return why nothing is compared with this field."""
    if field in ("state", "host"):
        return f"{field} is not compared: {'state:failed' if field == 'state' else 'host:hf.co'}"
    near = get_close_matches(field, _FIELDS, 1)
    return f"no {field or 'field'} to filter by, try {near[0] if near else ', '.join(_NUMBERS)}"


def _means_state(field: str, value: str) -> bool:
    """Return whether this looks like `state:` with a slip, and not like a name with its tag."""
    known = len(value) >= _TELLING and any(state.startswith(value) for state in STATES)
    return known and bool(get_close_matches(field, ("state",)))


def _named(word: str) -> Test:
    return lambda pull: word.lower() in pull.name.lower()


def _in_state(value: str) -> Test:
    """Return the test for a state, which may be cut short."""
    found = [state for state in STATES if state == value] or [s for s in STATES if s.startswith(value)]
    if not value or not found:
        near = get_close_matches(value, STATES, 1) or ["active, stalled, failed"]
        raise _TermError(f"no state {value or 'is said'}, try {near[0]}")
    tests = [_state_test(state) for state in found]
    return lambda pull: any(test(pull) for test in tests)


def _state_test(state: str) -> Test:
    if state in _TROUBLE:
        return _TROUBLE[state]
    if state == Tab.ACTIVE:
        return lambda pull: belongs(pull, Tab.ACTIVE)
    return lambda pull: pull.state == state


def _number(field: str, value: str) -> float:
    if field == "percent":
        try:
            return float(value.removesuffix("%"))
        except ValueError:
            raise _TermError(f"{field} takes a number from 0 to 100: percent>50") from None
    try:
        return parse_size(value.lower().removesuffix("/s"))
    except UnitError as error:
        raise _TermError(f"{field}: {error}: {field}>10g, {field}<500mb") from None
