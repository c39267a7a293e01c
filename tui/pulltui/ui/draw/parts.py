"""The parts of one blob as lines: the map, its legend, and bars for the parts in work."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from pulltui_config.units import format_rate, format_size

from pulltui.engine.views import BlobState, BlobView, PartMap, PartState, PartView
from pulltui.ui.cells import cells, is_even, scale
from pulltui.ui.draw.pulls import short
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, bar, fit, join_fitting, percent, rule
from pulltui.ui.words import PART_ROLE, counted, part_words

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
_TROUBLED = (PartState.FAILED, PartState.STALLED, PartState.WAITING, PartState.QUIET)


def title_line(blob: BlobView, room: int, width: int, glyphs: Glyphs) -> Line:
    """Return the panel's title: which blob, how far, what a cell of the map stands for (`room` cells)."""
    facts = [(0, Span(f"{blob.kind} {short(blob.digest)}", "strong"))]
    facts.append((1, Span(f"{format_size(blob.done)} of {format_size(blob.size)}")))
    if blob.map is not None:
        facts.append((3, Span(parts_words(blob.map), "dim")))
        facts.append((2, Span(scale_words(blob.map, room), "dim")))
    elif blob.parts:
        facts.append((3, Span(counted(blob.parts, "part"), "dim")))
    if blob.single_stream:
        facts.append((2, Span("1 stream, the server knows no ranges", "wait")))
    right: list[Span] = []
    if blob.hashed and blob.state in (BlobState.DOWNLOADING, BlobState.PAUSED):
        right = [Span(f"hashed {percent(blob.hashed, blob.size)}", "hash")] if width >= 80 else []
    space = width - 6 - sum(len(span.text) + 3 for span in right)
    return rule(join_fitting(facts, space, f" {glyphs.dot} "), right, width, glyphs)


def parts_words(part_map: PartMap) -> str:
    """Return "188 parts of 100 MB", or only the number if they differ in size."""
    count = len(part_map.states)
    if not is_even(part_map):
        return counted(count, "part")
    return f"{count} parts of {format_size(memoryview(part_map.sizes).cast('Q')[0])}"


def scale_words(part_map: PartMap, room: int) -> str:
    """Return "1 cell = 10 parts" if that is so, else "1 cell = 5.20 MB"."""
    at = scale(part_map, room)
    if is_even(part_map) and at.cells == 1:
        return f"1 cell = {counted(at.size // memoryview(part_map.sizes).cast('Q')[0], 'part')}"
    return f"1 cell = {format_size(at.size / at.cells)}"


def map_lines(part_map: PartMap, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Return `height` lines of `width` cells that show all parts."""
    states = cells(part_map, scale(part_map, width * height))
    return [_map_line(states[row * width : (row + 1) * width], glyphs) for row in range(height)]


def _map_line(states: bytes, glyphs: Glyphs) -> Line:
    spans = [Span(" ")]
    for state, run in groupby(states):
        part = PartState(state)
        spans.append(Span(glyphs.part[part] * len(list(run)), PART_ROLE[part]))
    return Line(tuple(spans))


def legend_line(width: int, glyphs: Glyphs) -> Line:
    """Return what the glyphs of the map mean."""
    gap = "  " if width >= 100 else " "
    spans = [Span("")]
    for state, word in _LEGEND:
        spans += [
            Span(gap if len(spans) > 1 else " "),
            Span(glyphs.part[state], PART_ROLE[state]),
            Span(f" {word}", "dim"),
        ]
    return Line(tuple(spans))


def active_lines(blob: BlobView, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Return at most `height` lines: bars of the parts in work, worst first, then the healthy ones' sum.

    A blob that is being verified shows the bar of its hash instead.
    """
    if blob.state in (BlobState.VERIFYING, BlobState.REPAIRING):
        return [_hash_line(blob, width, glyphs)][:height]
    parts = blob.active
    if len(parts) <= height:
        return [_part_line(part, width, glyphs) for part in parts]
    shown = parts[: max(0, height - 1)]
    return [*(_part_line(part, width, glyphs) for part in shown), _rest_line(parts[len(shown) :])]


def _part_line(part: PartView, width: int, glyphs: Glyphs) -> Line:
    role = PART_ROLE[part.state]
    words = part_words(part)
    wide = width >= 80
    # What is wrong has to be readable; the bar takes the rest, and no more than it needs to be read.
    length = max(6, min(width * 3 // 10, width - 64)) if wide else max(6, (width - 20) // 4)
    filled, empty = bar(part.done, part.size, length, glyphs.bar)
    rate = "" if words and not part.rate and not wide else format_rate(part.rate).rjust(10 if wide else 9)
    used = 3 + 5 + 1 + length + 5
    tail = f" {rate}  {words}" if rate.strip() else f" {words}"
    return Line(
        (
            Span(f" {glyphs.part[part.state]} ", role),
            Span(f"{part.n:>5} "),
            Span(filled, role),
            Span(empty, "todo"),
            Span(percent(part.done, part.size).rjust(5)),
            Span(fit(tail, width - used, glyphs.more).rstrip(), role if words else "text"),
        )
    )


def _rest_line(parts: Sequence[PartView]) -> Line:
    troubled = [part for part in parts if part.state in _TROUBLED]
    healthy = len(parts) - len(troubled)
    said = []
    if troubled:
        said.append(f"+{len(troubled)} more in trouble")
    if healthy:
        said.append(f"+{healthy} healthy, {format_rate(sum(part.rate for part in parts))}")
    return Line((Span("   " + ", ".join(said), "dim"),))


def _hash_line(blob: BlobView, width: int, glyphs: Glyphs) -> Line:
    word = "repairing" if blob.state is BlobState.REPAIRING else "verifying"
    length = max(6, min(60, width - 40))
    filled, empty = bar(blob.hashed, blob.size, length, glyphs.hash_bar)
    share = percent(blob.hashed, blob.size)
    text = f" {word} sha256 " if width >= 80 else f" {word} "
    tail = f" {share} of {format_size(blob.size)}"
    return Line((Span(text, "hash"), Span(filled, "hash"), Span(empty, "todo"), Span(tail)))
