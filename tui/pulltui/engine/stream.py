"""The accepted answers that a pull's bytes come from."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from pulltui.engine.accept import Body
from pulltui.engine.attempt import Attempt
from pulltui.engine.gates import Clock
from pulltui.engine.request import Answer

if TYPE_CHECKING:
    from pulltui.engine.source import Source

_BETWEEN = 2.0
"""Seconds in which who has come to the end of a run has an answer for the next one."""


class Progress:
    """Whether anything comes for a pull, whichever its blob."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.streams: set[Stream] = set()
        """Those that are open. Under a cap, or just now, they may bring nothing."""
        self._ended = -math.inf

    def ended(self, stream: Stream) -> None:
        """One is closed."""
        self.streams.discard(stream)
        self._ended = self._clock()

    @property
    def stopped(self) -> bool:
        """Whether there is none, and not only between one run and the next."""
        return not self.streams and self._clock() - self._ended >= _BETWEEN


class Stream:
    """The accepted answer to a ranged GET."""

    def __init__(self, answer: Answer, body: Body, source: Source, generation: int) -> None:
        self.body = body
        self.host = answer.host
        self.generation = generation
        self.sized = "content-length" in answer.response.headers
        """Whether the body ends by itself; otherwise only the connection's end tells."""
        self._answer = answer
        self.source = source

    async def chunks(self, attempt: Attempt) -> AsyncIterator[memoryview]:
        """Go through the raw body."""
        async for chunk in self._answer.chunks(attempt):
            self.source.failing = 0
            yield chunk

    def drop(self) -> None:
        """Have the connection carry nothing more; the body must not be read to its end."""
        self._answer.drop()

    async def close(self) -> None:
        """Let go of the connection."""
        self.source.progress.ended(self)
        await self._answer.close()
