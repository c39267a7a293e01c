"""What a headless command says to people: permanent lines, and one line that is drawn over on a terminal."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from pulltui_config.units import format_duration, format_rate, format_size

from pulltui.bell import Bell
from pulltui.engine.views import BlobState, BlobView, EngineView, Event, EventKind, PullState, PullView
from pulltui.jsonlines import role
from pulltui.outcome import UNSAVED, Outcome
from pulltui.output import Output, cut, cut_left
from pulltui.words import seconds_text, trouble

REDRAW: Final = 0.2
"""Seconds between two drawings of the live line."""
PLAIN_SECONDS: Final = 10.0
PLAIN_PERCENT: Final = 10
"""Without a terminal a progress line comes after this many seconds or per cent, whichever is first,"""
PLAIN_PAUSE: Final = 1.0
"""but never sooner than this after the one before."""
NAME_CELLS: Final = 32
GO_ON: Final = "Nothing is lost: run the same command again, and it goes on from what is on disk."

_ERASE: Final = "\r\x1b[K"


class Lines:
    """Reports a command in words (headless.Reporter)."""

    def __init__(
        self,
        output: Output,
        errors: Output,
        clock: Callable[[], float],
        rings: Callable[[], bool] = lambda: False,
    ) -> None:
        """Say what goes well on `output` and what fails on `errors`; `clock` is monotonic.

        `rings` says whether a terminal's bell is wanted (`ui.bell`).
        """
        self._output = output
        self._errors = errors
        self._clock = clock
        self._live = output.live
        self._drawn = False
        self._last = clock() - REDRAW
        self._percent = 0
        self._rings = rings
        self._bell = Bell(os.environ)

    def events(self, events: Sequence[Event], pulls: Sequence[PullView]) -> None:
        """Write a permanent line for what happened; the same trouble of many parts is one line."""
        for _, same in groupby(events, key=lambda e: (e.kind, e.pull, e.digest, e.why)):
            group = list(same)
            if group[0].kind is EventKind.FAILED:
                self._say(failure(group[0]), self._errors)
            elif text := happened(group, pulls):
                self._say(text)
        self._ring(events, self._clock())

    def progress(self, pulls: Sequence[PullView], view: EngineView) -> None:
        """Draw the live line, or now and then write a plain one."""
        now = self._clock()
        if self._live:
            if now - self._last >= REDRAW:
                self._last = now
                self._drawn = True
                self._output.write(_ERASE + fit(segments(pulls), self._output.width - 1))
            return
        percent = _percent(*_sums(pulls))
        since = now - self._last
        if since >= PLAIN_SECONDS or (percent >= self._percent + PLAIN_PERCENT and since >= PLAIN_PAUSE):
            self._last, self._percent = now, percent
            self._say("  ".join(segment.text for segment in segments(pulls, whole_name=True)))

    def summary(self, outcome: Outcome) -> None:
        """Write the last line: what is done and where, or how to go on."""
        done, all_ = len(outcome.done), len(outcome.pulls)
        pace = f"{format_size(outcome.fetched)} in {format_duration(outcome.seconds)}"
        text = (
            f"{done} of {all_} done, fetched {pace} ({format_rate(outcome.rate)}), "
            f"{format_size(outcome.fetched_again)} fetched again; models directory: {outcome.models_dir}"
        )
        self._say(text)
        if outcome.unfinished and outcome.saved:
            self._say(f"Stopped, everything received is recorded. {GO_ON}", self._errors)
        elif outcome.unfinished:
            self._say(UNSAVED, self._errors)
        elif any(pull.size for pull in outcome.failed):
            self._say(GO_ON, self._errors)
        self._ring([], math.inf)

    def _ring(self, events: Sequence[Event], now: float) -> None:
        """Ring for these events, or for what was held back; nobody hears it but who sits at a terminal."""
        terminal = next((output for output in (self._output, self._errors) if output.terminal), None)
        if terminal and (rung := self._bell.take(events, now, wanted=self._rings())):
            terminal.write(rung)

    def _say(self, text: str, output: Output | None = None) -> None:
        if self._drawn:
            self._drawn = False
            self._output.write(_ERASE)
        (output or self._output).write(text + "\n")


def happened(group: Sequence[Event], pulls: Sequence[PullView]) -> str:
    """Return the line for one event, or for some that differ in part and wait only; "" for those left out."""
    event = group[0]
    name = event.name
    what = role(event, pulls)
    if what and event.part is not None and len(group) == 1:
        what += f" part {event.part}"
    lead = "".join(f"{word}: " for word in (name, what) if word)
    match event.kind:
        case EventKind.RESOLVED:
            here = f", {format_size(event.here)} of it here already" if event.here else ""
            return f"{name}: {event.blobs} blobs, {format_size(event.size)}{here}"
        case EventKind.STALLED | EventKind.RETRY if len(group) > 1:
            waits = [e.wait for e in group if e.wait is not None]
            when = f", next try in {seconds_text(min(waits))}" if waits else ""
            # A stall's reason begins with the word.
            what_for = event.why if event.kind is EventKind.STALLED else f"try again ({event.why})"
            return f"{lead}{len(group)} parts {what_for}{when}"
        case EventKind.STALLED | EventKind.RETRY:
            return lead + _failed_try(event)
        case EventKind.WAITING:
            when = f", {seconds_text(event.wait)}" if event.wait is not None else ""
            return f"{lead}waiting: {event.why}{when}"
        case EventKind.CONNECTIONS:
            return f"{name}: connections: {event.why}"
        case EventKind.NOTE:
            return f"{lead}{event.why}"
        case EventKind.VERIFIED:
            return f"{lead}verified {event.digest}"
        case EventKind.DONE:
            return f"{name}: done, {format_size(event.size)} in {format_duration(event.seconds)}"
        case EventKind.PAUSED | EventKind.RESUMED:
            return f"{name}: {event.kind}"
        case _:
            return ""


def _failed_try(event: Event) -> str:
    if event.wait is None:
        return f"set aside after {event.attempt} tries ({event.why})"
    if event.kind is EventKind.STALLED:
        return f"{event.why}, next try in {seconds_text(event.wait)}"
    times = f"retry {event.attempt} of {event.attempts}" if event.attempts else "retry"
    return f"{times} in {seconds_text(event.wait)} ({event.why})"


def failure(event: Event) -> str:
    """Return what failed, with the evidence, and what to do next."""
    hint = f"\n  {event.hint}" if event.hint else ""
    return f"{event.name}: failed: {event.why}{hint}"


class Segment(NamedTuple):
    """A piece of a progress line, and when it goes if there is too little room: 1 first, 0 never."""

    text: str
    goes: int = 0


def segments(pulls: Sequence[PullView], *, whole_name: bool = False) -> list[Segment]:
    """Return the parts of a progress line: name, percent, bytes, rate, time left, connections, trouble.

    A long name is cut on the left, unless `whole_name` is wanted, which programs look for. Per cent and
    time left are left out as long as they are not known.
    """
    under_way = [pull for pull in pulls if pull.state not in {PullState.DONE, PullState.FAILED}]
    if not pulls:
        return [Segment("starts")]
    if not under_way:
        return [Segment(f"{len(pulls)} pulls ended" if len(pulls) > 1 else "ended")]
    alone = under_way[0] if len(pulls) == 1 else None
    lead = (
        (alone.name if whole_name else cut_left(alone.name, NAME_CELLS))
        if alone
        else f"{len(pulls) - len(under_way)} of {len(pulls)} pulls ended"
    )
    done, total = _sums(pulls)
    bad = trouble(under_way)
    if not total:
        waiting = f"asks {under_way[0].host} what there is to pull"
        return [Segment(lead), Segment(bad or waiting)]
    amount = f"{format_size(done)} of {format_size(total)}"
    unknown = _unresolved(pulls)
    if unknown:
        amount += f" + {unknown} model{'' if unknown == 1 else 's'} of unknown size"
        found = [Segment(lead), Segment(amount, 2)]
    else:
        found = [Segment(lead), Segment(f"{_percent(done, total)}%"), Segment(amount, 2)]
    if all(pull.state in {PullState.VERIFYING, PullState.COMMITTING} for pull in under_way):
        blobs = _blobs(under_way)
        hashed = sum(b.hashed for b in blobs if b.state not in {BlobState.VERIFIED, BlobState.CACHED})
        left = sum(b.size for b in blobs if b.state not in {BlobState.VERIFIED, BlobState.CACHED})
        found.append(Segment(f"verifying {_percent(hashed, left)}%" if left else "puts it in its place"))
        return found
    rate = sum(pull.rate for pull in under_way)
    eta = alone.eta if alone else (total - done) / rate if rate and done < total else None
    connections = sum(blob.connections for blob in _blobs(under_way))
    found.append(Segment(format_rate(rate)))
    if eta is not None and not unknown:
        found.append(Segment(f"{format_duration(eta)} left", 3))
    found.append(Segment(f"{connections} connection{'' if connections == 1 else 's'}", 1))
    return [*found, Segment(bad)] if bad else found


def fit(parts: Sequence[Segment], width: int) -> str:
    """Return the line in `width` cells: what matters least goes first, then the end is cut.

    Trouble is what people look for, so the connections, the bytes and the time left make room for it.
    """
    kept = list(parts)
    for going in sorted((part for part in parts if part.goes), key=lambda part: part.goes):
        line = "  ".join(part.text for part in kept)
        if cut(line, width) == line:
            break
        kept.remove(going)
    return cut("  ".join(part.text for part in kept), width)


def _blobs(pulls: Sequence[PullView]) -> list[BlobView]:
    """Return the blobs of `pulls`, each digest once."""
    return list({blob.digest: blob for pull in pulls for blob in pull.blobs}.values())


def _unresolved(pulls: Sequence[PullView]) -> int:
    """Return how many of the pulls have a size that is not known yet."""
    return sum(not pull.size and pull.state not in {PullState.DONE, PullState.FAILED} for pull in pulls)


def _sums(pulls: Sequence[PullView]) -> tuple[int, int]:
    """Return (done, total) in bytes over the pulls that did not fail, shared blobs counted once."""
    blobs = _blobs([pull for pull in pulls if pull.state is not PullState.FAILED])
    return sum(blob.done for blob in blobs), sum(blob.size for blob in blobs)


def _percent(done: int, total: int) -> int:
    """Return whole per cent, rounded down, so that 100 means all of it."""
    return done * 100 // total if total else 0
