"""A gate with a clock of its own, and what knocks at it."""

from __future__ import annotations

import asyncio

from pulltui.engine.gates import Gate, Pass
from pulltui.engine.setbacks import HostSetback
from pulltui.engine.tuning import Tuning
from support.clock import Clock

TUNING = Tuning(probe_first=1.0, probe_last=5.0, halve_pause=2.0, ceiling_pause=10.0)


def refused() -> HostSetback:
    return HostSetback("connection refused by host", "host", refused=True)


def unreachable() -> HostSetback:
    return HostSetback("no route to host", "host")


def no_files() -> HostSetback:
    return HostSetback("too many open files", "host", ceiling=True)


def busy(retry_after: float | None = None, *, ceiling: bool = False) -> HostSetback:
    return HostSetback("host is busy", "host", busy=True, retry_after=retry_after, ceiling=ceiling)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def knock(gate: Gate) -> asyncio.Task[Pass]:
    task = asyncio.create_task(gate.enter())
    await settle()
    return task


async def advance(gate: Gate, clock: Clock, seconds: float) -> None:
    """Time passes; who waits at the gate looks again (its timer runs on the loop's clock)."""
    clock.now += seconds
    gate._notify()
    await settle()
