"""How many connections a pull may use at the moment, and who says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pulltui.engine.context import Context
    from pulltui.engine.pull import Pull


class Bound(NamedTuple):
    """So many and no more."""

    number: int
    why: str
    passing: bool = False
    """It changes with what other pulls do, from moment to moment."""


def tightest(pull: Pull, context: Context) -> Bound:
    """Return the smallest of what settings, other pulls, hosts and caps on speed allow, at least 1."""
    bounds = [_of_slots(pull, context)]
    for host in _streams_from(pull):
        gate = context.gates.gate(host)
        if (limit := gate.limit) is not None:
            bounds.append(Bound(limit, gate.crowded))
    for whose, number in (
        ("the cap", context.throttle.connections),
        ("the pull's cap", context.throttle.connections_of(pull.id)),
    ):
        if number is not None:
            bounds.append(Bound(number, f"they are enough for {whose}"))
    least = min(bounds, key=lambda bound: bound.number)
    return least._replace(number=max(1, least.number))


def _of_slots(pull: Pull, context: Context) -> Bound:
    slots = context.slots
    share, most = slots.share(pull.registry, pull.id), slots.most(pull.registry)
    if share < most:
        return Bound(share, "other pulls use the rest", passing=True)
    if most < slots.total:
        return Bound(most, "transfer.per_host")
    return Bound(most, "transfer.max_connections")


def _streams_from(pull: Pull) -> set[str]:
    """Return the hosts whose connections a pull uses up: where its blobs redirect to others, all that the
    registry does is to say where they are.
    """
    sources = [pull.source(blob) for blob in pull.downloads if not blob.verified]
    return {source.host for source in sources if source.generation} or {pull.registry}
