"""The order of the queue: how pulls are moved in it, and how that is taken back. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def moved(order: Sequence[str], chosen: Collection[str], by: int) -> list[str]:
    """Return the order with the chosen ones `by` places further down (negative: up), as one block.

    A block stops at either end.
    """
    block = [each for each in order if each in chosen]
    if not block or by == 0:
        return list(order)
    rest = [each for each in order if each not in chosen]
    edge = block[0] if by < 0 else block[-1]
    place = sum(each not in chosen for each in order[: order.index(edge)]) + by
    place = max(0, min(place, len(rest)))
    return [*rest[:place], *block, *rest[place:]]


def put_before(order: Sequence[str], chosen: Collection[str], heads: Collection[str]) -> list[str]:
    """Return the order with the chosen ones before the first of `heads`; as it is if there is none."""
    block = [each for each in order if each in chosen]
    rest = [each for each in order if each not in chosen]
    place = next((n for n, each in enumerate(rest) if each in heads), None)
    if place is None:
        return list(order)
    return [*rest[:place], *block, *rest[place:]]


def put_back(order: Sequence[str], chosen: Collection[str], before: Sequence[str]) -> list[str]:
    """Return the order with the chosen ones where they were in the order `before`.

    Each comes right behind the nearest one that was ahead of it then and is still here.
    """
    result = [each for each in order if each not in chosen]
    present = set(order)
    ahead: str | None = None
    for each in before:
        if each in chosen and each in present:
            result.insert(0 if ahead is None else result.index(ahead) + 1, each)
        if each in present:
            ahead = each
    return result


def what(verb: str, names: Sequence[str]) -> str:
    """Return what was done to whom: "removing gemma3:4b", "moving 3 pulls"."""
    return f"{verb} {names[0]}" if len(names) == 1 else f"{verb} {len(names)} pulls"
