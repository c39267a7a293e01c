"""What holds a pull's bytes back that is nobody's fault: the disk, caps, other pulls, a wait of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pulltui.engine.run import Run
from pulltui.engine.views import EventKind

if TYPE_CHECKING:
    from pulltui.engine.context import Context
    from pulltui.engine.pull import Pull

_DISK_TOLD = 30.0
"""Seconds that the disk has to keep up before it is told again that it does not."""


class Held:
    """Of one pull."""

    def __init__(self, pull: Pull, context: Context) -> None:
        self._pull = pull
        self._context = context
        self._tell_of_disk = -math.inf
        """When to say next that the disk does not keep up."""

    def by_any(self, runs: Iterable[Run]) -> bool:
        """Return whether it is not its connections, with those `runs`, that a pull's bytes wait for."""
        context, pull = self._context, self._pull
        held = context.writer.full or context.writer.disk.holds
        held = held or context.slots.starved(pull.id) or pull.waiting is not None
        return held or any(run.attempt is not None and run.attempt.restrained for run in runs)

    def by_disk(self, now: float) -> bool:
        """Return whether the disk does not keep up; says so once, until it has for a while."""
        why = self._context.writer.disk.why
        if why and now >= self._tell_of_disk:
            pull = self._pull
            self._context.log.emit(
                EventKind.WAITING,
                pull=pull.id,
                name=pull.name.short,
                why=f"held by the disk: {why}",
                error_kind="disk",
            )
        if why:
            self._tell_of_disk = now + _DISK_TOLD
        return bool(why)
