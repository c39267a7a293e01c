"""Trouble in words, for lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from pulltui_config.units import format_duration

from pulltui.engine.views import BlobView, PartState, PullState, PullView


def seconds_text(seconds: float) -> str:
    """Return a wait as people read it: "0.4 s", "7 s", "1m47s"."""
    if seconds < 0.95:
        return f"{seconds:.1f} s"
    return f"{round(seconds)} s" if seconds < 59.5 else format_duration(seconds)


def trouble(pulls: Sequence[PullView]) -> str:
    """Return the worst that is going on in `pulls`, "" if all is well.

    A pull that waits as a whole comes first, then stalled and failing parts, then quiet ones.
    """
    for pull in pulls:
        if pull.state is PullState.PAUSED:
            return "paused"
        if pull.waiting is not None:
            return f"waiting: {pull.waiting.why}{_countdown(pull.waiting.seconds)}"
    blobs = {blob.digest: blob for pull in pulls for blob in pull.blobs}.values()
    found = [text for blob in blobs if (text := _blob_trouble(blob))]
    return ", ".join(found)


def in_trouble(blob: BlobView) -> bool:
    """Whether a blob's parts are worth looking at more closely."""
    return bool(blob.stalled or blob.retrying or blob.quiet)


def _blob_trouble(blob: BlobView) -> str:
    if blob.waiting is not None:
        return f"waiting: {blob.waiting.why}{_countdown(blob.waiting.seconds)}"
    found = []
    if blob.stalled:
        found.append(f"{_parts(blob.stalled)} stalled")
    waiting = [part for part in blob.active if part.state is PartState.WAITING]
    if blob.retrying and waiting:
        first = min(waiting, key=lambda part: part.wait)
        tries = f"retry {first.attempt} of {first.attempts} in {seconds_text(first.wait)}"
        why = f" ({first.why})" if first.why else ""
        found.append(
            f"{tries}{why}" if blob.retrying == 1 else f"{_parts(blob.retrying)} retry, first: {tries}{why}"
        )
    elif blob.retrying:
        found.append(f"{_parts(blob.retrying)} wait{'s' if blob.retrying == 1 else ''} for a retry")
    if blob.quiet:
        quiet = max((part.silent for part in blob.active if part.state is PartState.QUIET), default=0.0)
        found.append(f"{_parts(blob.quiet)} quiet{f' {seconds_text(quiet)}' if quiet else ''}")
    if not found and blob.single_stream:
        return "one connection only: the server knows no ranges"
    return ", ".join(found)


def _parts(count: int) -> str:
    return f"{count} part{'' if count == 1 else 's'}"


def _countdown(seconds: float | None) -> str:
    return "" if seconds is None else f", {seconds_text(seconds)}"
