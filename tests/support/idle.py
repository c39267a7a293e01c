"""Waiting until an app has nothing left to do, by what its loop has to do and not by the processor's time."""

from __future__ import annotations

import asyncio
import time

from textual._context import active_app
from textual.screen import Screen


async def until_idle(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Stands in for `textual._wait.wait_for_idle`: until everything that was sent has been handled and drawn.

    Textual's own sleeps for a fiftieth of a second, twice a key, until the process needs next to none of it;
    on a busy machine it may go on in the middle. Nothing of the app but its end runs in other threads, so an
    empty loop with a drawn screen is the end of it.

    Args:
        min_sleep: Seconds to wait at least.
        max_sleep: Seconds after which it goes on, done or not: some apps never rest.
    """
    end = time.monotonic() + max_sleep
    if min_sleep:
        await asyncio.sleep(min_sleep)
    while time.monotonic() < end:
        await _nothing_ready(end)
        if not _draw():
            return


async def _nothing_ready(end: float) -> None:
    """Let all tasks run that can."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0)
        if not loop._ready or time.monotonic() >= end:  # type: ignore[attr-defined]
            return


def _draw() -> bool:
    """Do now what timers would within a sixtieth of a second; whether there was anything."""
    app = active_app.get()
    if not app.is_running or not app.screen_stack:
        return False
    if app._resize_timer is not None:
        app._check_resize()
        return True
    screen = app.screen
    if not _waiting(screen):
        return False
    screen._on_timer_update()
    return True


def _waiting(screen: Screen[object]) -> bool:
    return bool(
        screen._layout_required
        or screen._scroll_required
        or screen._repaint_required
        or screen._recompose_required
        or screen._dirty_widgets
        or screen._callbacks
    )
