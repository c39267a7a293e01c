"""The parts of a blob that wait for their next try, or used up their tries. No I/O; the time is passed in."""

from __future__ import annotations

from pulltui_config.settings import Retry

from pulltui.engine.backoff import Uniform, backoff
from pulltui.engine.parts import Part


class Delayed(set[Part]):
    """Those parts of one blob."""

    def put(
        self, part: Part, why: str, now: float, retry: Retry, *, base: float, in_a_row: int, uniform: Uniform
    ) -> float | None:
        """Count a failure of a part; return the seconds until its next try, None if they are used up.

        `in_a_row`: so many requests for the blob failed without a byte from another one between them. Where
        that is fewer than of this part, others are served: then a connection with nothing else to do may try
        it sooner, and any in the last seconds of a blob, for there such waits are all that is left: they grow
        by the number of tries then, not by its square. `base` as for `backoff`.
        """
        again = part.fail(why, retry.max_retries)
        wait = backoff(part.failures, base, retry.backoff_cap, uniform)
        part.not_before = now + wait
        part.soon = now + (wait / (part.failures + 1) if in_a_row < part.failures else wait)
        self.add(part)
        return wait if again else None

    @property
    def parked(self) -> bool:
        """Whether one of them used up its tries."""
        return any(part.parked for part in self)

    def next_wait(self, now: float, *, together: bool) -> float | None:
        """Return the seconds until one, or all `together`, may be tried by who has nothing else to do; None
        if that will not be.
        """
        if together and self.parked:
            return None
        waits = (max(0.0, part.soon - now) for part in self if not part.parked)
        return (max if together else min)(waits, default=None)

    def forgive(self) -> None:
        """Every one may be tried now, with fresh budgets, and is no longer here."""
        for part in self:
            part.forgive()
            if part.owner is None:
                part.settle()
        self.clear()
