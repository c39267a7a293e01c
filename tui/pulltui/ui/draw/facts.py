"""The details of a pull and of one of its blobs: what there is to know, as labels and values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from pulltui_config.units import format_rate, format_size

from pulltui.engine.views import BlobState, BlobView, EngineView, PullState, PullView
from pulltui.ui.draw.detail import Look, cap_words, named
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, broken, fit, percent
from pulltui.ui.rows import SMALL
from pulltui.ui.words import counted, span_of

_LABEL = 11
_COLUMN = 54
"""Two columns from twice this width on: a digest or a path should be recognisable in one."""
_HERE = (BlobState.VERIFIED, BlobState.CACHED)


class Fact(NamedTuple):
    """One line of the details."""

    label: str
    value: str
    role: str = "text"
    wraps: bool = False
    """It has to be read in full."""


def facts(view: EngineView, pull: PullView, blob: BlobView | None) -> list[Fact]:
    """Return what is known, what people ask for first in front."""
    return [
        *_about_pull(view, pull),
        *_place(view, pull, blob),
        *_going(view, pull, blob),
        *_about_blob(pull, blob),
    ]


def fact_lines(found: Sequence[Fact], width: int, height: int, look: Look) -> list[Line]:
    """Return at most `height` lines of at most `width` cells, in two columns where there is room.

    What there is no room for is counted in the last line, with the key that makes room.
    """
    columns = 2 if width >= 2 * _COLUMN and len(found) > height else 1
    room = width // columns - 1
    cells = [_cells(fact, room, look.glyphs, whole=columns == 1) for fact in found]
    if columns == 1:
        shown = _fitting([len(lines) for lines in cells], height)
        lines = [Line(spans) for each in cells[:shown] for spans in each]
        if shown < len(found) and len(lines) < height:
            more = f" +{len(found) - shown} more: {named(look.keys)['open']} makes room"
            lines.append(Line((Span(fit(more, width, look.glyphs.more).rstrip(), "key", "open"),)))
        return lines
    rows = min(height, -(-len(found) // columns))
    return [
        Line(tuple(span for each in cells[row::rows][:columns] for span in each[0])) for row in range(rows)
    ]


def _fitting(heights: Sequence[int], height: int) -> int:
    """Return how many facts fit into `height` lines, with a line for what does not."""
    if sum(heights) <= height:
        return len(heights)
    used = list(accumulate(heights))
    return sum(lines < height for lines in used)


def _cells(fact: Fact, room: int, glyphs: Glyphs, *, whole: bool) -> list[tuple[Span, ...]]:
    """Return the lines of a fact in `room` cells; `whole`: what has to be read in full gets several."""
    width = room - _LABEL - 1
    values = [fit(fact.value, width, glyphs.more, middle=True)]
    if whole and fact.wraps and width > 0:
        values = broken(fact.value, width)
    labels = [fact.label, *[""] * (len(values) - 1)]
    return [
        (Span(f" {label:<{_LABEL}}", "dim"), Span(value, fact.role))
        for label, value in zip(labels, values, strict=True)
    ]


def _about_pull(view: EngineView, pull: PullView) -> Iterator[Fact]:
    yield Fact("pull", pull.name, "strong", wraps=True)
    if pull.blobs:
        amount = f"{format_size(pull.done)} of {format_size(pull.size)}"
        yield Fact("here", f"{amount}, {counted(len(pull.blobs), 'blob')}")
    if (shared := _shared(view, pull)) >= SMALL:
        yield Fact("shared", f"{format_size(shared)} are another pull's, too")
    if pull.cached:
        yield Fact("before", f"{format_size(pull.cached)} were here already")


def _shared(view: EngineView, pull: PullView) -> int:
    """Return how many bytes of a pull belong to others in the queue, too: they come once."""
    others = {blob.digest for other in view.pulls if other.id != pull.id for blob in other.blobs}
    return sum(blob.size for blob in pull.blobs if blob.digest in others)


def _about_blob(pull: PullView, blob: BlobView | None) -> Iterator[Fact]:
    if blob is not None:
        yield Fact("digest", blob.digest)
    plain = " by plain http" if pull.insecure else ""
    yield Fact("registry", pull.host + plain, "wait" if plain else "text")
    if blob is not None and blob.source:
        yield Fact("source", blob.source if blob.source != pull.host else "the registry itself")
    if blob is not None and blob.media_type:
        yield Fact("type", blob.media_type)


def _going(view: EngineView, pull: PullView, blob: BlobView | None) -> Iterator[Fact]:
    if pull.seconds >= 1:
        # What came of a shared blob came for both: it says nothing of this pull's speed.
        alone = _shared(view, pull) < SMALL
        fetched = sum(each.received for each in pull.blobs)
        average = f", {format_rate(fetched / pull.seconds)} on average" if fetched and alone else ""
        # What came before this start took its time, too; nobody knows how much.
        since = " since this start" if pull.done > fetched + pull.cached else ""
        yield Fact("elapsed", span_of(pull.seconds) + since + average)
    if pull.connections_why and pull.state is PullState.DOWNLOADING:
        yield Fact("connections", pull.connections_why)
    if blob is not None and blob.state not in _HERE:
        if blob.parts:
            going = f", {counted(blob.connections, 'connection')}" if blob.connections else ""
            # They are split on the way: what there is of them is not the last word.
            yield Fact("parts", f"{blob.parts_done} of {blob.parts} so far{going}")
        hashed = f"{percent(blob.hashed, blob.size) or '0%'}, {format_size(blob.hashed)} so far"
        if blob.done and not blob.hashed and blob.state in (BlobState.PAUSED, BlobState.QUEUED):
            hashed = "read again when it goes on"
        yield Fact("hashed", hashed)
    if blob is not None and (blob.received or blob.retries or blob.stalls):
        bad = "wait" if blob.retries or blob.stalls else "text"
        moved = f", {blob.takeovers} taken over" if blob.takeovers else ""
        yield Fact("trouble", f"{_times(blob.retries, 'retry')}, {_times(blob.stalls, 'stall')}{moved}", bad)
    if blob is not None and blob.fetched_again:
        yield Fact("again", f"{format_size(blob.fetched_again)} fetched a second time")
    if pull.disk:
        yield Fact("disk", f"holds it back: {pull.disk}", "held")
    if pull.state is not PullState.DONE:
        yield Fact("cap", cap_words(view, pull))


def _times(number: int, word: str) -> str:
    many = {"retry": "retries", "stall": "stalls"}[word]
    return f"{number} {word if number == 1 else many}"


def _place(view: EngineView, pull: PullView, blob: BlobView | None) -> Iterator[Fact]:
    if blob is not None and view.models_dir:
        # Blobs move out of the workplace only when all of their pull are verified.
        moved = blob.state is BlobState.CACHED or pull.state is PullState.DONE
        yield Fact("is in" if moved else "goes to", f"{view.models_dir}/blobs", wraps=True)
    left = sum(each.size - each.done for each in pull.blobs)
    if left and pull.state is not PullState.DONE:
        free = f", {format_size(view.free)} are free" if view.free is not None else ""
        yield Fact("needs", f"{format_size(left)} more{free}")
