"""Commands on their way to the engine: nobody waits for them, and what fails is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from pulltui.engine.errors import PullError


async def send(
    what: str,
    start: Callable[[], Future[Any]],
    tell: Callable[[str], None],
    then: Callable[[Any], None] | None = None,
    finally_: Callable[[], None] | None = None,
) -> None:
    """Start a command and wait for its end.

    `then` gets its result; if it fails, `tell` gets a sentence (`what` is the command's name); `finally_` is
    called in any case.
    """
    try:
        # Shielded: leaving the app must not cancel what the engine has begun.
        result = await asyncio.shield(asyncio.wrap_future(start()))
    except PullError as error:
        tell(f"{error}. {error.hint}".strip())
    # Whatever went wrong with one command, the screen has to stay: downloads go on beneath it.
    except Exception as error:
        tell(f"{what} failed: {error or type(error).__name__}")
    else:
        if then is not None:
            then(result)
    finally:
        if finally_ is not None:
            finally_()
