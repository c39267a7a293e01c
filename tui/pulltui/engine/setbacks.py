"""Why a connection ended without its bytes, sorted by who is to blame.

Setbacks stay inside the engine: each is answered by trying again, somewhere or sometime. What cannot be
tried again is a `PullError`.
"""

from __future__ import annotations


class Setback(Exception):  # noqa: N818 - not an error: the answer to it is known
    """A connection ended early; `why` is a short clean text."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class PartSetback(Setback):
    """The part is to blame: it costs one of its retries."""

    def __init__(self, why: str, *, resolving: bool = False) -> None:
        super().__init__(why)
        self.resolving = resolving
        """It happened before a direct URL was known; such waits are shorter."""


class WrongAnswer(PartSetback):
    """The answer contradicts what was asked or the manifest; nothing of it was written."""


class StallSetback(PartSetback):
    """Silence, or a trickle, for too long."""


class HostSetback(Setback):
    """The host is to blame: everything that needs it waits, no part loses a retry."""

    def __init__(
        self,
        why: str,
        host: str,
        *,
        busy: bool = False,
        retry_after: float | None = None,
        ceiling: bool = False,
        refused: bool = False,
    ) -> None:
        super().__init__(why)
        self.host = host
        self.busy = busy
        """It answered, and asked to be left alone (429, 503)."""
        self.retry_after = retry_after
        """Seconds it asked for."""
        self.ceiling = ceiling
        """It objects to the number of connections (429), or we cannot open more (EMFILE)."""
        self.refused = refused
        """It refused the connection."""
        self.alone = False
        """It serves others meanwhile: only what failed needs to wait. The host's gate finds that out."""


class StaleUrl(Setback):
    """The direct URL does not work any more; the registry gives out a fresh one. Costs nothing."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.alone = False
        """It was a fresh one, and others bring bytes: only this connection needs to wait."""


class NoRanges(Setback):
    """The server sends the whole blob whatever range is asked for."""


class QuietHours(Setback):
    """The schedule has everything paused."""


class Takeover(Setback):
    """It was quiet or slow while others were not: somebody goes on at that byte. Costs nothing."""


class Surplus(Setback):
    """There are to be fewer connections: this one rests. Costs nothing."""


class Reconnect(Setback):
    """Connect again, nobody is to blame: the machine slept, somebody said "now", or it may help."""
