"""What `--json` prints: one object a line, for programs.

`EVENTS` is the contract: README's table is rendered from it (`markdown_table`), and a test holds real output
against it (`problems`). Fields are only ever added; anything else makes `VERSION` rise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pulltui.engine.views import EngineView, Event, EventKind, PullState, PullView
from pulltui.outcome import Outcome
from pulltui.output import Output

VERSION: Final = 1
INTERVAL: Final = 1.0
"""Seconds between two `progress` objects of a pull."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its JSON type ("integer", "number" or "string") and what it holds, with the unit."""

    name: str
    type: str
    text: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One value of `event`: when it is printed and what it carries besides `COMMON`."""

    text: str
    fields: tuple[Field, ...]


_BLOB = Field("blob", "string", "the layer's role: model, config, license, ...; null: the whole pull", True)
_DIGEST = Field("digest", "string", "`sha256:<64 hex>` of that blob", True)
_PART = Field("part", "integer", "the part's number in the blob; null: all of it", True)
_WHERE = (
    _BLOB,
    _DIGEST,
    _PART,
    Field("attempt", "integer", "failures in a row without progress"),
    Field("in_s", "number", "seconds until the next try, at the latest; null: until something changes", True),
    Field("why", "string", "what went wrong, in words"),
)
_FETCHED_AGAIN = Field("fetched_again", "integer", "bytes that came a second time")

COMMON: Final = (
    Field("v", "integer", f"version of this contract: {VERSION}"),
    Field("t", "number", "seconds since the command started"),
    Field("event", "string", "what this object tells"),
    Field("pull", "string", "the name, in its shortest form; null: all of them", True),
)
EVENTS: Final[dict[str, Kind]] = {
    "resolved": Kind(
        "the manifest is here",
        (
            Field("blobs", "integer", "distinct blobs"),
            Field("bytes", "integer", "bytes of all blobs"),
            Field("cached", "integer", "bytes of blobs that were here already"),
            Field("here", "integer", "bytes that were here already, parts of blobs included"),
        ),
    ),
    "progress": Kind(
        "each second while the pull is under way",
        (
            Field("done", "integer", "bytes written"),
            Field("total", "integer", "bytes of all blobs; 0 before `resolved`"),
            Field("rate", "integer", "bytes a second, lately"),
            Field("eta", "number", "seconds left; null: unknown", True),
            Field("connections", "integer", "connections that fetch for it"),
        ),
    ),
    "stalled": Kind("a connection brought nothing for `stall_timeout` and was given up", _WHERE),
    "retry": Kind("a part failed and will be tried again", _WHERE),
    "waiting": Kind("a host or the disk makes the pull wait", _WHERE),
    "connections": Kind(
        "their number was found, or somebody bounds it",
        (Field("why", "string", "how many, and why, in words"),),
    ),
    "note": Kind(
        "something to know: a connection that was relieved, a tag that moved, a hook that failed",
        (_BLOB, _DIGEST, _PART, Field("why", "string", "what it is, in words")),
    ),
    "verified": Kind(
        "a blob is complete and its digest right",
        (
            Field("blob", "string", "the layer's role"),
            Field("digest", "string", "`sha256:<64 hex>`"),
        ),
    ),
    "done": Kind(
        "the model is in the models directory",
        (
            Field("bytes", "integer", "bytes of all blobs"),
            Field("seconds", "number", "time spent on it, pauses excluded"),
            _FETCHED_AGAIN,
        ),
    ),
    "failed": Kind(
        "the pull cannot go on; what was fetched is kept",
        (
            Field("kind", "string", "stable word: name, not-found, refused, no-space, digest, gave-up, ..."),
            Field("why", "string", "what failed, with the evidence"),
            Field("hint", "string", "what to do next"),
        ),
    ),
    "summary": Kind(
        "the last object, whatever happened",
        (
            Field("done", "integer", "pulls that are done"),
            Field("failed", "integer", "pulls that failed"),
            Field("unfinished", "integer", "pulls that were stopped; the same command goes on with them"),
            Field("bytes", "integer", "bytes fetched by this command"),
            Field("seconds", "number", "time since the command started"),
            Field("rate", "integer", "bytes a second over that time"),
            _FETCHED_AGAIN,
            Field("models_dir", "string", "where the models are"),
            Field("exit_code", "integer", "what the command ends with"),
        ),
    ),
}

_TYPES: Final[dict[str, tuple[type, ...]]] = {"integer": (int,), "number": (int, float), "string": (str,)}


def problems(line: dict[str, Any]) -> list[str]:
    """Return what in one parsed object breaks the contract: unknown, missing or mistyped fields."""
    kind = EVENTS.get(line.get("event", ""))
    if kind is None:
        return [f"unknown event: {line.get('event')!r}"]
    fields = {field.name: field for field in (*COMMON, *kind.fields)}
    found = [f"missing: {name}" for name in fields if name not in line]
    for name, value in line.items():
        field = fields.get(name)
        if field is None:
            found.append(f"unknown: {name}")
        elif value is None:
            if not field.nullable:
                found.append(f"{name} is null")
        elif isinstance(value, bool) or not isinstance(value, _TYPES[field.type]):
            found.append(f"{name} is not of type {field.type}: {value!r}")
    return found


def markdown_table() -> str:
    """Return the contract as the Markdown table that README holds."""
    rows = ["| event | when | field | type | what |", "| --- | --- | --- | --- | --- |"]
    for event, kind in (("every object", Kind("", COMMON)), *((f"`{k}`", v) for k, v in EVENTS.items())):
        for first, field in enumerate(kind.fields):
            type_ = f"{field.type} or null" if field.nullable else field.type
            lead = f"| {event} | {kind.text} |" if first == 0 else "| | |"
            rows.append(f"{lead} `{field.name}` | {type_} | {field.text} |")
    return "\n".join(rows) + "\n"


class JsonLines:
    """Reports a command as JSON lines (headless.Reporter)."""

    def __init__(self, output: Output, clock: Callable[[], float]) -> None:
        """Write to `output`; `clock` is monotonic, and `t` counts from now."""
        self._output = output
        self._clock = clock
        self._start = clock()
        self._last: dict[str, float] = {}

    def events(self, events: Sequence[Event], pulls: Sequence[PullView]) -> None:
        """Print the events that the contract knows."""
        for event in events:
            fields = _fields(event, pulls)
            if fields is not None:
                self._print(str(event.kind), event.name or None, fields)

    def progress(self, pulls: Sequence[PullView], view: EngineView) -> None:
        """Print one `progress` a second for every pull that is under way."""
        now = self._clock()
        for pull in pulls:
            if pull.state in {PullState.QUEUED, PullState.DONE, PullState.FAILED, PullState.PAUSED}:
                continue
            if now - self._last.get(pull.id, -INTERVAL) < INTERVAL:
                continue
            self._last[pull.id] = now
            fields = {
                "done": pull.done,
                "total": pull.size,
                "rate": round(pull.rate),
                "eta": None if pull.eta is None else round(pull.eta, 1),
                "connections": pull.connections,
            }
            self._print("progress", pull.name, fields)

    def summary(self, outcome: Outcome) -> None:
        """Print the last object."""
        fields = {
            "done": len(outcome.done),
            "failed": len(outcome.failed),
            "unfinished": len(outcome.unfinished),
            "bytes": outcome.fetched,
            "seconds": round(outcome.seconds, 3),
            "rate": round(outcome.rate),
            "fetched_again": outcome.fetched_again,
            "models_dir": outcome.models_dir,
            "exit_code": outcome.exit_code,
        }
        self._print("summary", None, fields)

    def _print(self, event: str, pull: str | None, fields: dict[str, Any]) -> None:
        line = {"v": VERSION, "t": round(self._clock() - self._start, 3), "event": event, "pull": pull}
        self._output.write(msgspec.json.encode(line | fields).decode() + "\n")


def _fields(event: Event, pulls: Sequence[PullView]) -> dict[str, Any] | None:
    """Return the fields of `event`, or None if the contract does not know it."""
    match event.kind:
        case EventKind.RESOLVED:
            return {"blobs": event.blobs, "bytes": event.size, "cached": event.cached, "here": event.here}
        case EventKind.STALLED | EventKind.RETRY | EventKind.WAITING:
            return {
                "blob": role(event, pulls) or None,
                "digest": event.digest or None,
                "part": event.part,
                "attempt": event.attempt,
                "in_s": None if event.wait is None else round(event.wait, 3),
                "why": event.why,
            }
        case EventKind.CONNECTIONS:
            return {"why": event.why}
        case EventKind.NOTE:
            return {
                "blob": role(event, pulls) or None,
                "digest": event.digest or None,
                "part": event.part,
                "why": event.why,
            }
        case EventKind.VERIFIED:
            return {"blob": role(event, pulls), "digest": event.digest}
        case EventKind.DONE:
            return {
                "bytes": event.size,
                "seconds": round(event.seconds, 3),
                "fetched_again": event.fetched_again,
            }
        case EventKind.FAILED:
            return {"kind": event.error_kind, "why": event.why, "hint": event.hint}
        case _:
            return None


def role(event: Event, pulls: Sequence[PullView]) -> str:
    """Return the role of the blob that `event` is about ("model", "license"), "" if it is about none."""
    for pull in pulls:
        for blob in pull.blobs:
            if blob.digest == event.digest:
                return blob.kind
    return "blob" if event.digest else ""
