"""Trouble in words, for lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from pulltui_config.units import format_duration

from pulltui.engine.views import BlobView, PartState, PartView, PullState, PullView


def seconds_text(seconds: float) -> str:
    """Return a wait as people read it: "0.4 s", "7 s", "1m47s"."""
    if seconds < 0.95:
        return f"{seconds:.1f} s"
    return f"{round(seconds)} s" if seconds < 59.5 else format_duration(seconds)


def trouble(pulls: Sequence[PullView]) -> str:
    """Return the worst that is going on in `pulls`, "" if all is well.

    A pull that waits as a whole comes first, then stalled and failing parts, then quiet ones, then the disk.
    """
    for pull in pulls:
        if pull.state is PullState.PAUSED:
            return "paused"
        if pull.waiting is not None:
            return f"waiting: {pull.waiting.why}{_countdown(pull.waiting.seconds)}"
    parts = _parts_in_trouble(list({blob.digest: blob for pull in pulls for blob in pull.blobs}.values()))
    disk = next((f"held by the disk, {pull.disk}" for pull in pulls if pull.disk), "")
    return ", ".join(filter(None, (parts, disk)))


def in_trouble(blob: BlobView) -> bool:
    """Whether a blob's parts are worth looking at more closely."""
    return bool(blob.stalled or blob.retrying or blob.quiet)


def _parts_in_trouble(blobs: Sequence[BlobView]) -> str:
    stalled = sum(blob.stalled for blob in blobs)
    retrying = sum(blob.retrying for blob in blobs)
    quiet = sum(blob.quiet for blob in blobs)
    parts = [part for blob in blobs for part in blob.active]
    found = []
    if stalled:
        found.append(_stalls(stalled, [part for part in parts if part.state is PartState.STALLED]))
    if retrying:
        found.append(_retries(retrying, [part for part in parts if part.state is PartState.WAITING]))
    if quiet:
        silent = max((part.silent for part in parts if part.state is PartState.QUIET), default=0.0)
        found.append(f"{_parts(quiet)} quiet{f' {seconds_text(silent)}' if silent else ''}")
    if not found and any(blob.single_stream and blob.connections for blob in blobs):
        return "one connection only: the server knows no ranges"
    return ", ".join(found)


def _stalls(count: int, stalled: Sequence[PartView]) -> str:
    """Return the words for `count` parts that stalled; `stalled` are those that are known better."""
    if not stalled:
        return f"{_parts(count)} stalled"
    first = min(stalled, key=lambda part: part.wait)
    when = f"retry {first.attempt} of {first.attempts} in {seconds_text(first.wait)}"
    return f"{_parts(count)} stalled, {when}" if count == 1 else f"{_parts(count)} stalled, first: {when}"


def _retries(count: int, waiting: Sequence[PartView]) -> str:
    """Return the words for `count` parts that wait for a retry; `waiting` are those that are known better."""
    if not waiting:
        return f"{_parts(count)} to try again"
    first = min(waiting, key=lambda part: part.wait)
    why = f" ({first.why})" if first.why else ""
    one = f"retry {first.attempt} of {first.attempts} in {seconds_text(first.wait)}{why}"
    return one if count == 1 else f"{_parts(count)} to try again, first: {one}"


def _parts(count: int) -> str:
    return f"{count} part{'' if count == 1 else 's'}"


def _countdown(seconds: float | None) -> str:
    return "" if seconds is None else f", {seconds_text(seconds)}"
