"""A pull as it is kept in the queue's file: there and back."""

from __future__ import annotations

from pulltui.engine.manifest import Manifest
from pulltui.engine.pull import Pull
from pulltui.engine.queuefile import Entry, Failure
from pulltui.engine.views import PullState


def entry_of(pull: Pull) -> Entry:
    """Return what the file says of a pull."""
    name, manifest = pull.name, pull.manifest
    failed = pull.state is PullState.FAILED and pull.error is not None
    return Entry(
        name=f"{name.host}/{name.namespace}/{name.model}:{name.tag}",
        scheme="http" if pull.base_url.startswith("http:") else "https",
        paused=pull.state is PullState.PAUSED and not pull.asleep,
        limit=pull.limit,
        manifest=manifest.digest if manifest is not None else "",
        size=manifest.size if manifest is not None else 0,
        failure=Failure.of(pull.error) if failed and pull.error is not None else None,
    )


def restore(pull: Pull, entry: Entry, manifest: Manifest | None, *, asleep: bool = False) -> None:
    """Bring a new pull to where its entry says that it stood; `asleep`: it is not to go on by itself."""
    pull.limit = entry.limit
    pull.manifest = manifest
    if entry.failure is not None:
        pull.error = entry.failure.error()
        pull.state = PullState.FAILED
    elif entry.paused or asleep:
        pull.pause()
        pull.asleep = not entry.paused
