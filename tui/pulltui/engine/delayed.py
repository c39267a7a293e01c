"""The parts of a blob that wait for their next try, or used up their tries. No I/O; the time is passed in."""

from __future__ import annotations

from pulltui.engine.parts import Part


class Delayed(set[Part]):
    """Those parts, whoever put them here has counted the failure."""

    @property
    def parked(self) -> bool:
        """Whether one of them used up its tries."""
        return any(part.parked for part in self)

    def all_due(self, now: float) -> bool:
        """Return whether every one of them may be tried again."""
        return not any(part.not_before > now or part.parked for part in self)

    def waits(self, now: float) -> list[float]:
        """Return the seconds until each may be tried again, those left out that will not be."""
        return [max(0.0, part.not_before - now) for part in self if not part.parked]

    def forgive(self) -> None:
        """Every one may be tried now, with fresh budgets, and is no longer here."""
        for part in self:
            part.forgive()
            if part.owner is None:
                part.settle()
        self.clear()
