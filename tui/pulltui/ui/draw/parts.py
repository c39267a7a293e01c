"""The parts of one blob as lines: the map, its legend, and bars for the parts in work."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import groupby
from statistics import median

from msgspec.structs import replace
from pulltui_config.units import format_duration, format_rate, format_size
from rich.cells import cell_len

from pulltui.engine.views import BlobState, BlobView, PartMap, PartState, PartView
from pulltui.ui.cells import cells, is_even, scale
from pulltui.ui.draw.detail import KEYS, Keys, named
from pulltui.ui.draw.pulls import short
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, bar, fit, join_fitting, percent
from pulltui.ui.words import BY_DISK, CAPPED, PART_ROLE, counted, span_of

_LEGEND = (
    (PartState.DONE, "done"),
    (PartState.PARTIAL, "partial"),
    (PartState.HELD, "next"),
    (PartState.RECEIVING, "receiving"),
    (PartState.QUIET, "quiet"),
    (PartState.WAITING, "retry"),
    (PartState.STALLED, "stalled"),
    (PartState.FAILED, "failed"),
    (PartState.TODO, "todo"),
)
_DELAYED = (PartState.STALLED, PartState.WAITING)
_TROUBLED = (PartState.FAILED, PartState.STALLED, PartState.WAITING, PartState.QUIET)
_TAKES_OVER = "another connection takes over"
_HELD = (CAPPED, BY_DISK)
SLOW = 0.3
"""A part below this share of its siblings' median speed is called slow."""
_STATUS = re.compile(r"\b([45]\d\d)( [A-Z][A-Za-z-]*)+")
"""An HTTP status with its words."""
_STALLED = re.compile(r"\(stalled: [^)]*\)")
"""Why a connection was given up, with the time that takes: the settings have that."""
_SHARE = re.compile(r"(\d+) of (\d+)")
_SAID_ONCE = 3
"""A reason that so many parts share is told once, above them."""
_SIBLINGS = 4
"""With fewer parts in work there is no telling what is usual."""


def parts_words(part_map: PartMap) -> str:
    """Return "188 parts of 100 MB", or only the number if they differ in size."""
    count = len(part_map.states)
    if not is_even(part_map):
        return counted(count, "part")
    return f"{count} parts of {format_size(memoryview(part_map.sizes).cast('Q')[0])}"


def scale_words(part_map: PartMap, room: int) -> str:
    """Return "1 cell = 10 parts" if that is so, else "1 cell = 5.20 MB"; "" if a cell is less than a byte."""
    at = scale(part_map, room)
    if is_even(part_map) and at.cells == 1:
        return f"1 cell = {counted(at.size // memoryview(part_map.sizes).cast('Q')[0], 'part')}"
    return f"1 cell = {format_size(at.size / at.cells)}" if at.size >= at.cells else ""


def map_cells(part_map: PartMap, room: int) -> bytes:
    """Return the map of all parts as at most `room` cells, one byte (PartState) each."""
    return cells(part_map, scale(part_map, room))


def map_lines(states: bytes, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the cells of a map (`map_cells`) as lines of `width` cells."""
    return [_map_line(states[at : at + width], glyphs) for at in range(0, len(states), width)]


def _map_line(states: bytes, glyphs: Glyphs) -> Line:
    spans = [Span(" ")]
    for state, run in groupby(states):
        part = PartState(state)
        spans.append(Span(glyphs.part[part] * len(list(run)), PART_ROLE[part]))
    return Line(tuple(spans))


def legend_line(width: int, glyphs: Glyphs, present: Collection[int] = tuple(PartState)) -> Line:
    """Return what the glyphs of the map mean: all of them, or those `present` in it where all do not fit."""
    for gap in ("  ", " "):
        line = _legend(gap, tuple(PartState), glyphs)
        if cell_len(line.text) <= width:
            return line
    entries = [
        (state not in _TROUBLED, Span(f"{glyphs.part[state]} {word}", PART_ROLE[state]))
        for state, word in _LEGEND
        if state in present
    ]
    return Line((Span(" "), *join_fitting([(int(rank), span) for rank, span in entries], width - 1, " ")))


def _legend(gap: str, states: Collection[int], glyphs: Glyphs) -> Line:
    spans = [Span(" ")]
    for state, word in _LEGEND:
        if state in states:
            spans += [Span(glyphs.part[state], PART_ROLE[state]), Span(f" {word}{gap}", "dim")]
    return Line((*spans[:-1], spans[-1]._replace(text=spans[-1].text.rstrip())))


def active_lines(
    blob: BlobView, width: int, height: int, glyphs: Glyphs, *, keys: Keys = KEYS, told: str = ""
) -> list[Line]:
    """Return at most `height` lines: bars of the parts in work, worst first, then the healthy ones' sum.

    A blob that is being verified shows the bar of its hash instead. `told` is a reason that stands above.
    """
    if blob.state in (BlobState.VERIFYING, BlobState.REPAIRING):
        hashing = [_hash_line(blob, width, glyphs)]
        return (hashing + _bars(blob, width, height - 1, glyphs, keys=keys, above=told))[: max(0, height)]
    return _bars(blob, width, height, glyphs, keys=keys, above=told)


def _bars(blob: BlobView, width: int, height: int, glyphs: Glyphs, *, keys: Keys, above: str) -> list[Line]:
    if height <= 0:
        return []
    usual = usual_rate(blob.active)
    heads, parts = _said_once(blob.active, width, glyphs, keys, above)
    heads = heads[:height]
    height -= len(heads)
    told = [(part, *part_trouble(part, usual, keys)) for part in parts]
    # The engine's order, but that it does not know who is slow.
    told.sort(key=lambda each: 0 if each[0].state in _TROUBLED else 1 if each[2] == "wait" else 2)
    shown = told if len(told) <= height else told[: max(0, height - 1)]
    lines = heads + [_part_line(*each, width, glyphs) for each in shown]
    if len(shown) < len(told) and height > 0:
        rate = max(0.0, blob.rate - sum(part.rate for part, _, _ in shown))
        lines.append(_rest_line([(part, role) for part, _, role in told[len(shown) :]], rate, width, glyphs))
    return lines


def _said_once(
    parts: Sequence[PartView], width: int, glyphs: Glyphs, keys: Keys, above: str
) -> tuple[list[Line], list[PartView]]:
    """Return lines for the reasons that several parts share, and the parts that still need a line each.

    What waits for its host needs none: it has neither a connection nor a try of its own. The reason `above`
    is not told again.
    """
    shared = Counter(part.why for part in parts if part.state in _DELAYED and part.why)
    lines, rest = [], list(parts)
    for why, number in shared.items():
        if number < _SAID_ONCE:
            if why == above:
                rest = [replace(part, why="") if part.why == why else part for part in rest]
            continue
        alike = [part for part in parts if part.state in _DELAYED and part.why == why]
        held = [part for part in alike if not part.attempt]
        texts = [f"{number} parts wait" if why == above else f"{number} parts: {why}"]
        if held and (wait := min(part.wait for part in held)) > 0:
            texts += [f"next try in {span_of(wait)}", f"{named(keys)['retry']} now"]
        text = ", ".join(texts)
        if cell_len(text) > width - 3:
            text = ", ".join(texts[:2])
        text = f" {glyphs.part[alike[0].state]} {fit(text, width - 3, glyphs.more).rstrip()}"
        lines.append(Line((Span(text, PART_ROLE[alike[0].state]),)))
        rest = [replace(part, why="") if part in alike else part for part in rest if part not in held]
    return lines, rest


def usual_rate(parts: Sequence[PartView]) -> float:
    """Return the median speed of the parts that are free to go as fast as they can; 0.0 for too few."""
    rates = [part.rate for part in parts if part.rate > 0 and part.why not in _HELD]
    return median(rates) if len(rates) >= _SIBLINGS else 0.0


def part_trouble(part: PartView, usual: float, keys: Keys = KEYS) -> tuple[str, str]:
    """Return what ails a part in words, "" if nothing does, and the role to say it in.

    `usual` is what `usual_rate` says of it and its siblings.
    """
    why = f" ({part.why})" if part.why else ""
    time = f" in {span_of(part.wait)}" if part.wait > 0 else ""
    if part.state is PartState.STALLED:
        why = why or " (stalled)"
    # Without a time there is none to shorten: another try takes only a connection.
    soon = f"{time}{why}, {named(keys)['retry']} now" if time else f", waits for a connection{why}"
    tries = f"retry {part.attempt} of {part.attempts}"
    role = PART_ROLE[part.state]
    match part.state:
        case PartState.WAITING if part.attempt == 0:
            return ", ".join(filter(None, (part.why, time and f"next try{time}"))) or "waits", role
        case PartState.WAITING | PartState.STALLED:
            return f"{tries}{soon}", role
        case PartState.QUIET:
            return f"quiet {round(part.silent)} s{_until(part)}", role
        case PartState.FAILED:
            return f"failed{why}", role
        case PartState.RECEIVING if not part.begun:
            return (f"{tries}{why}: connecting" if part.attempt else "connecting"), "wait"
        case PartState.RECEIVING if part.why in _HELD:
            return part.why, "held"
        case PartState.RECEIVING if 0 < part.rate < SLOW * usual:
            share = part.rate / usual
            return f"slow, {share:.1f} of its siblings" if share >= 0.05 else "slow, next to nothing", "wait"
        case PartState.RECEIVING if part.attempt:
            return f"{tries}{why}", "text"
    return "", role


def _until(part: PartView) -> str:
    """Return what comes of a silence, and at how much of it."""
    if part.takeover:
        return f", {_TAKES_OVER} at {span_of(part.takeover)}"
    return f", reconnect at {span_of(part.stall_after)}" if part.stall_after else ""


def _part_line(part: PartView, words: str, words_role: str, width: int, glyphs: Glyphs) -> Line:
    role = PART_ROLE[part.state]
    # What is wrong has to be readable; the bar takes the rest, and no more than it needs to be read.
    length = max(6 if width >= 50 else 3, min(width * 3 // 10, width - 61))
    filled, empty = bar(part.done, part.size, length, glyphs.bar)
    room = width - 9 - length - 5
    tail = f" {format_rate(part.rate):>10}  {words}"
    if words and not part.rate:
        tail = " " * 13 + words if width >= 90 else f"  {words}"
    if cell_len(tail) > room:
        tail = f"  {tail.strip()}"
    if cell_len(tail) > room and tail.endswith(" now"):
        tail = tail.rpartition(",")[0]  # the key that helps is in the footer, too
    if cell_len(tail) > room:
        tail = _STALLED.sub("(stalled)", tail).replace(_TAKES_OVER, "taken over")
    if cell_len(tail) > room:
        tail = _STATUS.sub(r"\1", tail)  # the number says it to those who know, the log to all
    if cell_len(tail) > room:
        tail = _SHARE.sub(r"\1/\2", tail)
    return Line(
        (
            Span(f" {glyphs.part[part.state]} ", role),
            Span(f"{part.n:>5} "),
            Span(filled, role),
            Span(empty, "todo"),
            Span(percent(part.done, part.size).rjust(5)),
            Span(fit(tail, room, glyphs.more).rstrip(), words_role if words else "text"),
        )
    )


def _rest_line(rest: Sequence[tuple[PartView, str]], rate: float, width: int, glyphs: Glyphs) -> Line:
    """Return the sum of the parts without a line of their own; each comes with its role.

    `rate` is what the blob gets besides the parts with a line, so that all of it adds up.
    """
    troubled = sum(part.state in _TROUBLED for part, _ in rest)
    connecting = sum(part.state is PartState.RECEIVING and not part.begun for part, _ in rest)
    slow = sum(part.state is PartState.RECEIVING and role == "wait" for part, role in rest) - connecting
    healthy = len(rest) - troubled - slow - connecting
    numbers = ((troubled, "more in trouble"), (slow, "slow"), (connecting, "connecting"))
    said = [f"+{number} {word}" for number, word in numbers if number]
    if healthy:
        said.append(f"+{healthy} healthy" + (f", {format_rate(rate)}" if rate >= 1 else ""))
    return Line((Span(fit("   " + ", ".join(said), width, glyphs.more).rstrip(), "dim"),))


def _hash_line(blob: BlobView, width: int, glyphs: Glyphs) -> Line:
    word = "repairing" if blob.state is BlobState.REPAIRING else "verifying"
    text = f" {word} sha256 " if width >= 70 else f" {word} "
    tail = f" {percent(blob.hashed, blob.size)} of {format_size(blob.size)}"
    if blob.eta and blob.state is BlobState.VERIFYING:
        rate = format_rate((blob.size - blob.hashed) / blob.eta)
        more = f", {rate}, {format_duration(blob.eta)} left"
        tail += more if width >= len(text + tail + more) + 8 else ""
    filled, empty = bar(
        blob.hashed, blob.size, max(4, min(60, width - len(text + tail) - 1)), glyphs.hash_bar
    )
    return Line((Span(text, "hash"), Span(filled, "hash"), Span(empty, "todo"), Span(tail)))


def title_facts(name: str, blob: BlobView | None, room: int, width: int, glyphs: Glyphs) -> list[Span]:
    """Return what the title says in `width` cells: whose blob, how far, what a cell of the map stands for.

    The map has `room` cells, 0 if it is not shown.
    """
    if blob is None:
        return [Span(fit(name, width, glyphs.more, middle=True).rstrip(), "strong")] if name else []
    said = [(4, Span(name, "strong"))] if name else []
    said.append((0, Span(f"{blob.kind} {short(blob.digest)}", "strong")))
    said.append((2, Span(f"{format_size(blob.done)} of {format_size(blob.size)}")))
    if blob.map is not None:
        said.append((3, Span(parts_words(blob.map), "dim")))
        if room and (cell := scale_words(blob.map, room)):
            said.append((1, Span(cell, "dim")))
    elif blob.parts:
        said.append((3, Span(counted(blob.parts, "part"), "dim")))
    if blob.hashed and blob.state in (BlobState.DOWNLOADING, BlobState.PAUSED):
        said.append((5, Span(f"hashed {percent(blob.hashed, blob.size)}", "hash")))
    return join_fitting(said, width, f" {glyphs.dot} ")
