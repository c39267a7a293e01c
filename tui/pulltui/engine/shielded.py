"""Work that a cancellation may follow, but not break off: saving, above all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def see_through(work: Coroutine[Any, Any, T]) -> T:
    """Do `work` to its end, however often the caller is cancelled; the cancellation comes after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result


def being_cancelled() -> bool:
    """Return whether this task is being cancelled; another error may have taken the place of that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
