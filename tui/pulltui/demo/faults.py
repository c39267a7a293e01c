"""Faults to order: the language of `--faults` and which request gets which fault.

A plan is pieces with commas between them, each `[place:]what[=1/n][@value][*times]`::

    stall=1/9@4MB,reset=1/20@14MB,rate@5MB/s,resolve:503@4s,502=1/5*3

`=1/n` means every n-th request that the fault could happen to (a stall after 4 MB cannot happen to a request
for 2 MB), beginning at one that the registry's seed decides; without it all of them. `*times` ends it after
so many. A size marked * may be two, such as `reset@2MB-14MB`: each request draws its own between them, and
what is shorter than that gets away. `place:` is `blob` (the default: answers that carry a blob's bytes),
`resolve` (the registry's redirect to the second host) or `manifest`.

One at a time befalls an answer; where two are due, the first named goes first, the other takes the next one:

| what | value | the answer |
| --- | --- | --- |
| mute | - | never comes, not even a header |
| stall | size* (0) | headers and so many bytes, then silence |
| quiet | time | half of the body, silence for that time, then the rest |
| trickle | size* (0) | so many bytes, then one byte a second |
| reset | size* (0) | so many bytes, then the connection is reset |
| short | size* (half) | so many bytes, then the connection is closed although more were promised |
| long | size (64KB) | so many bytes more than asked for |
| close | - | the connection is closed before a header |
| garbage | - | is not HTTP |
| html | - | 200 with a web page, as from a captive portal |
| 400 to 599 | time | that status; with a time: only so long after the place's first request. A 429 or 503 \
with a time has Retry-After: 1 |
| norange | - | 200 with the whole blob whatever was asked |
| wrongrange | word (start, total, end in turn) | 206 with a Content-Range that is not the one asked for: \
start, total, end, missing, double, unit, shorter |
| gzip | - | compressed although nobody asked |
| chunked | - | right, but without Content-Length, in chunks |
| nolength | - | right, but without Content-Length, ending with the connection |

These change an answer and go with any of the above:

| what | value | the answer |
| --- | --- | --- |
| flip | - | has one bit wrong, somewhere |
| slow | rate | comes at that rate |
| ttfb | time | begins that much later |
| etag | - | has an ETag nobody saw before |

These hold for the whole registry and take neither a place, a fraction nor times:

| what | value | |
| --- | --- | --- |
| rate | rate | of one connection |
| link | rate | of all connections together |
| expire | time | a redirect's URL is good for; afterwards 403 |
| max | count | blob answers at once; one more gets 429 with Retry-After: 1 |
| retry-after | time | replaces the 1 s, and is sent with every 429 and 503; 0s sends none |
| retry-after-date | time | the same as a date |
| offline | from-to | connections are reset and refused between these times after the plan was set |
| outage | from-to | the same, after the first request for a blob |
| damage | size (1MB) | the byte there is wrong in every answer, in every blob that reaches so far |
| redirect | count (307) | the redirect's status |
| noredirect | - | the registry sends blobs itself |
| hops | count (1) | redirects in a row |
| loop | - | redirects without end |
| location | word | where the redirect points instead |
| nolocation | - | the redirect says not where |
"""

from __future__ import annotations

import difflib
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from pulltui.demo.values import Form, Value, read_value, write_value

PLACES = ("blob", "resolve", "manifest")
RANGE_MODES = ("start", "total", "end", "missing", "double", "unit", "shorter")
PIECE = re.compile(
    r"(?:(?P<place>[a-z]+):)?(?P<kind>[a-z0-9-]+)(?:=(?P<fraction>[^@*]*))?(?:@(?P<value>[^*]*))?(?:\*(?P<times>.*))?"
)
FRACTION = re.compile(r"1/([1-9]\d*)")
STATUS = re.compile(r"[45]\d\d")


class FaultError(ValueError):
    """A plan that cannot be read; the message names the piece and what would be right."""


class Scope(Enum):
    """What a kind of fault applies to."""

    FATE = "one answer, alone"
    CHANGE = "one answer, with others"
    SERVER = "the registry"


@dataclass(frozen=True)
class Kind:
    """What a fault's name allows: its scope, its value's form, whether there must be one, the usual one."""

    scope: Scope
    form: Form = Form.NONE
    required: bool = False
    usual: Value = None


KINDS: dict[str, Kind] = {
    "mute": Kind(Scope.FATE),
    "stall": Kind(Scope.FATE, Form.SIZES, usual=0),
    "quiet": Kind(Scope.FATE, Form.DURATION, required=True),
    "trickle": Kind(Scope.FATE, Form.SIZES, usual=0),
    "reset": Kind(Scope.FATE, Form.SIZES, usual=0),
    "short": Kind(Scope.FATE, Form.SIZES),
    "long": Kind(Scope.FATE, Form.SIZE, usual=64_000),
    "close": Kind(Scope.FATE),
    "garbage": Kind(Scope.FATE),
    "html": Kind(Scope.FATE),
    "norange": Kind(Scope.FATE),
    "wrongrange": Kind(Scope.FATE, Form.WORD),
    "gzip": Kind(Scope.FATE),
    "chunked": Kind(Scope.FATE),
    "nolength": Kind(Scope.FATE),
    "flip": Kind(Scope.CHANGE),
    "slow": Kind(Scope.CHANGE, Form.RATE, required=True),
    "ttfb": Kind(Scope.CHANGE, Form.DURATION, required=True),
    "etag": Kind(Scope.CHANGE),
    "rate": Kind(Scope.SERVER, Form.RATE, required=True),
    "link": Kind(Scope.SERVER, Form.RATE, required=True),
    "expire": Kind(Scope.SERVER, Form.DURATION, required=True),
    "max": Kind(Scope.SERVER, Form.COUNT, required=True),
    "retry-after": Kind(Scope.SERVER, Form.DURATION, required=True),
    "retry-after-date": Kind(Scope.SERVER, Form.DURATION, required=True),
    "offline": Kind(Scope.SERVER, Form.WINDOW, required=True),
    "outage": Kind(Scope.SERVER, Form.WINDOW, required=True),
    "damage": Kind(Scope.SERVER, Form.SIZE, usual=1_000_000),
    "redirect": Kind(Scope.SERVER, Form.COUNT, required=True),
    "noredirect": Kind(Scope.SERVER),
    "hops": Kind(Scope.SERVER, Form.COUNT, required=True),
    "loop": Kind(Scope.SERVER),
    "location": Kind(Scope.SERVER, Form.WORD, required=True),
    "nolocation": Kind(Scope.SERVER),
}
STATUS_KIND = Kind(Scope.FATE, Form.DURATION)
# These need a request with a range, and a reply with a body to show themselves in.
RANGED = {"norange", "wrongrange"}
AFTER_BYTES = {"stall", "trickle", "reset", "short"}


@dataclass(frozen=True)
class Fault:
    """One fault: every `every`-th request of `place`, at most `limit` times, with a value in base units
    (bytes, bytes a second, seconds). `drawn` is the size for one request where the value is two sizes.

    Raises FaultError if the kind is unknown or the rest does not go with it.
    """

    kind: str
    every: int = 1
    value: Value = None
    limit: int | None = None
    place: str = "blob"
    drawn: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        about = self.about
        if self.place not in PLACES:
            raise FaultError(f"{self.place!r} is no place; known are {', '.join(PLACES)}")
        if self.value is None and about.required:
            raise FaultError(f"{self.kind} needs {about.form.value}, as in {self.kind}@...")
        if about.scope is Scope.SERVER and (self.every, self.limit, self.place) != (1, None, "blob"):
            raise FaultError(f"{self.kind} holds for the whole registry: no place, fraction or times")
        if self.kind == "wrongrange" and self.value is not None and self.value not in RANGE_MODES:
            raise FaultError(f"wrongrange knows {', '.join(RANGE_MODES)}, not {self.value!r}")
        if self.value is None and about.usual is not None:
            object.__setattr__(self, "value", about.usual)

    @property
    def about(self) -> Kind:
        """What its kind allows. Raises FaultError with the nearest known name if there is no such kind."""
        if STATUS.fullmatch(self.kind):
            return STATUS_KIND
        if self.kind not in KINDS:
            near = difflib.get_close_matches(self.kind, KINDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(KINDS)}, 400 to 599"
            raise FaultError(f"no fault is called {self.kind!r}; {hint}")
        return KINDS[self.kind]

    @property
    def status(self) -> int | None:
        """The HTTP status it answers with, if it is one of those."""
        return int(self.kind) if STATUS.fullmatch(self.kind) else None

    @property
    def size(self) -> int | None:
        """After how many bytes it happens; None if it has no size."""
        return self.drawn if self.drawn is not None else self.value if isinstance(self.value, int) else None

    def draw(self, chance: random.Random) -> Fault:
        """Itself, for one request: with a size drawn between its two, if it has two."""
        if self.about.form is not Form.SIZES or not isinstance(self.value, tuple):
            return self
        least, most = self.value
        return replace(self, drawn=chance.randint(int(least), int(most)))

    def fits(self, length: int, ranged: bool) -> bool:
        """Whether it could happen to a request for `length` bytes, with a range or without."""
        if self.kind in RANGED and not ranged:
            return False
        if self.kind in AFTER_BYTES and self.size is not None:
            return self.size < length
        return length > 1 or self.kind not in {"quiet", "short", "flip"}

    def __str__(self) -> str:
        """As the plan's language writes it."""
        text = self.kind if self.place == "blob" else f"{self.place}:{self.kind}"
        if self.every != 1:
            text += f"=1/{self.every}"
        if self.value is not None:
            text += f"@{write_value(self.value, self.about.form)}"
        if self.limit is not None:
            text += f"*{self.limit}"
        return text


class Faults:
    """A plan: faults in the order they were named."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        """Any number of faults; a kind that holds for the whole registry counts with its last value."""
        self._faults = tuple(faults)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Faults) and self._faults == other._faults

    def __hash__(self) -> int:
        return hash(self._faults)

    def __str__(self) -> str:
        """As the plan's language writes it."""
        return ",".join(map(str, self._faults))

    def server(self, kind: str) -> Value:
        """The value of a fault of the whole registry, None without it; True stands for one without value."""
        for fault in reversed(self._faults):
            if fault.kind == kind:
                return True if fault.value is None else fault.value
        return None

    def number(self, kind: str) -> float | None:
        """The value of a fault of the whole registry whose value is a number."""
        value = self.server(kind)
        return value if isinstance(value, int | float) else None


def parse(spec: str) -> Faults:
    """Reads a plan, see the module's description. Raises FaultError naming the piece that is wrong."""
    faults = []
    for piece in spec.split(","):
        text = re.sub(r"\s", "", piece)
        if not text:
            if spec.strip():
                raise FaultError(f"faults: an empty piece in {spec!r}")
            continue
        try:
            faults.append(_parse_piece(text))
        except FaultError as problem:
            raise FaultError(f"faults: {text!r}: {problem}") from None
    return Faults(faults)


def _parse_piece(text: str) -> Fault:
    match = PIECE.fullmatch(text)
    if match is None:
        raise FaultError("expected [place:]what[=1/n][@value][*times]")
    kind = match["kind"]
    # Asked first, for an unknown name is the likeliest mistake.
    about = Fault(kind, value=_stand_in(kind)).about
    every, limit, value = 1, None, None
    if match["fraction"] is not None:
        fraction = FRACTION.fullmatch(match["fraction"])
        if fraction is None:
            raise FaultError(f"the fraction must be 1/n with n from 1 on, not {match['fraction']!r}")
        every = int(fraction[1])
    if match["value"] is not None:
        try:
            value = read_value(match["value"], about.form)
        except ValueError:
            raise FaultError(f"{kind} takes {about.form.value}, not {match['value']!r}") from None
    if match["times"] is not None:
        if not re.fullmatch(r"[1-9]\d*", match["times"]):
            raise FaultError(f"the number of times must be 1 or more, not {match['times']!r}")
        limit = int(match["times"])
    return Fault(kind, every, value, limit, match["place"] or "blob")


def _stand_in(kind: str) -> Value:
    """Any value, so that a kind that needs one can be looked up."""
    return "start" if kind == "wrongrange" else 1


class Picker:
    """Which request gets which fault of a plan: by counting, from an offset drawn from the seed."""

    def __init__(self, plan: Faults, seed: int) -> None:
        """The same plan, seed and order of requests give the same faults."""
        self._plan = [fault for fault in plan if fault.about.scope is not Scope.SERVER]
        self._chance = random.Random(f"{seed} sizes")
        self._offset = [
            random.Random(f"{seed} {number} {fault.kind}").randrange(fault.every)
            for number, fault in enumerate(self._plan)
        ]
        self._seen = [0] * len(self._plan)
        self._due = [False] * len(self._plan)
        self._done = [0] * len(self._plan)
        self._first: dict[str, float] = {}

    def pick(self, place: str, length: int, ranged: bool, now: float) -> list[Fault]:
        """The faults of a request for `length` bytes at time `now` (monotonic seconds): at most one fate,
        which then comes first, and any number of changes.
        """
        first = self._first.setdefault(place, now)
        fate: list[Fault] = []
        changes: list[Fault] = []
        for number, planned in enumerate(self._plan):
            fault = planned.draw(self._chance)
            if fault.place != place or not self._is_due(number, fault, length, ranged, now - first):
                continue
            if fault.about.scope is Scope.CHANGE:
                changes.append(fault)
            elif not fate:
                fate.append(fault)
            else:
                continue
            self._due[number] = False
            self._done[number] += 1
        return fate + changes

    def _is_due(self, number: int, fault: Fault, length: int, ranged: bool, since_first: float) -> bool:
        if fault.limit is not None and self._done[number] >= fault.limit:
            return False
        if fault.status is not None and isinstance(fault.value, int | float) and since_first >= fault.value:
            return False
        if not fault.fits(length, ranged):
            return False
        if self._seen[number] % fault.every == self._offset[number]:
            self._due[number] = True
        self._seen[number] += 1
        return self._due[number]
