"""Why a pull has no connection although nothing is wrong: others have them, or the host takes no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulltui.engine.pull import Pull
from pulltui.engine.slots import Slots
from pulltui.engine.views import Waiting

KIND = "connections"
"""`Waiting.kind` for this."""


def turn(pull: Pull, slots: Slots, pulls: Mapping[str, Pull]) -> Waiting | None:
    """Return what a pull that fetches waits for without a connection of its own; None if it has one.

    `pulls` are all of them, by id.
    """
    if slots.starved(pull.id):
        return Waiting(_without_slot(pull, slots, pulls), kind=KIND)
    attempts = [run.attempt for blob in pull.downloads for run in blob.runs if run.attempt is not None]
    gates = [attempt.gate for attempt in attempts if attempt.waits]
    if gates and len(gates) == len(attempts):
        crowded = next((gate.crowded for gate in gates if gate is not None and gate.crowded), "")
        return Waiting(crowded, kind=KIND) if crowded else None
    return None


def _without_slot(pull: Pull, slots: Slots, pulls: Mapping[str, Pull]) -> str:
    others = [pulls[pull_id] for pull_id in slots.holders() if pull_id in pulls]
    most = slots.most(pull.registry)
    if slots.taken(pull.registry) >= most and most < slots.total:
        same = [other for other in others if other.registry == pull.registry]
        return f"{pull.registry} takes {_many(most)} at a time, {_with(same)}"
    if slots.capped is not None and slots.in_use >= slots.capped:
        return f"its turn comes: the cap makes do with {_many(slots.capped)}, {_with(others)}"
    every = f"all {_many(slots.total)} are" if slots.total > 1 else "the only connection is"
    return f"its turn comes: {every} {_with(others)}"


def _many(number: int) -> str:
    return "1 connection" if number == 1 else f"{number} connections"


def _with(pulls: Sequence[Pull]) -> str:
    """Return "with llama3.2 and 2 others"; the one that has most is named."""
    if not pulls:
        return "with others"
    more = len(pulls) - 1
    return f"with {pulls[0].name.short}" + (f" and {more} other{'' if more == 1 else 's'}" if more else "")
