"""What pulling a name would mean, for those who have not decided yet."""

from __future__ import annotations

import asyncio

from pulltui.engine.context import Context
from pulltui.engine.errors import PullError, storage_error
from pulltui.engine.names import ModelName, Scheme
from pulltui.engine.peek import peek
from pulltui.engine.resolver import Resolver
from pulltui.engine.setbacks import Setback
from pulltui.engine.space import Room
from pulltui.engine.views import ModelInfo


async def look_up(name: ModelName, scheme: Scheme, context: Context, room: Room) -> ModelInfo:
    """Fetch the manifest of a name and compare it with the disk. Nothing is queued, kept or written.

    One try: who waits for an answer wants to hear of the first trouble. Raises PullError.
    """
    base_url = name.base_url(scheme)
    resolver = Resolver(name, base_url, context, _give_up, context.keyring.at(base_url, name.repository))
    manifest = await resolver.resolve()
    try:
        found = await asyncio.to_thread(peek, context.store, manifest.blobs)
        needed, problem = await asyncio.to_thread(room.needed, manifest.blobs)
        free = await asyncio.to_thread(context.store.free)
    except OSError as error:
        raise storage_error(error, "cannot look at the disk") from error
    return ModelInfo(
        name=name.short,
        size=manifest.size,
        blobs=len(manifest.blobs),
        here=sum(found.done.values()),
        needed=needed,
        free=free,
        why=str(problem) if problem is not None else "",
    )


def _give_up(setback: Setback, _failures: int, _wait: float) -> None:
    raise PullError(f"no answer yet: {setback.why}", "Add it all the same: a pull tries again by itself.")
