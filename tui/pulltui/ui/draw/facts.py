"""The details of a pull and of one of its blobs: what there is to know, as labels and values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pulltui_config.units import format_duration, format_rate, format_size

from pulltui.engine.views import BlobState, BlobView, EngineView, PullState, PullView
from pulltui.ui.draw.detail import cap_words
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, fit, percent
from pulltui.ui.words import counted

_LABEL = 11
_COLUMN = 54
"""Two columns from twice this width on: a digest or a path should be recognisable in one."""
_HERE = (BlobState.VERIFIED, BlobState.CACHED)


class Fact(NamedTuple):
    """One line of the details."""

    label: str
    value: str
    role: str = "text"


def facts(view: EngineView, pull: PullView, blob: BlobView | None) -> list[Fact]:
    """Return what is known, what people ask for first in front."""
    return [
        *_about_pull(pull),
        *_about_blob(pull, blob),
        *_going(view, pull, blob),
        *_place(view, pull, blob),
    ]


def fact_lines(found: Sequence[Fact], width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Return at most `height` lines of at most `width` cells, in two columns where there is room."""
    columns = 2 if width >= 2 * _COLUMN and len(found) > height else 1
    room = width // columns - 1
    rows = min(height, -(-len(found) // columns))
    lines = []
    for row in range(rows):
        spans: list[Span] = []
        for fact in found[row::rows][:columns] if rows else ():
            value = fit(fact.value, room - _LABEL - 1, glyphs.more, middle=True)
            spans += [Span(f" {fact.label:<{_LABEL}}", "dim"), Span(value, fact.role)]
        lines.append(Line(tuple(spans)))
    return lines


def _about_pull(pull: PullView) -> Iterator[Fact]:
    yield Fact("pull", pull.name, "strong")
    if pull.blobs:
        here = f", {format_size(pull.cached)} here already" if pull.cached else ""
        amount = f"{format_size(pull.done)} of {format_size(pull.size)}"
        yield Fact("here", f"{amount} in {counted(len(pull.blobs), 'blob')}{here}")


def _about_blob(pull: PullView, blob: BlobView | None) -> Iterator[Fact]:
    if blob is not None:
        yield Fact("digest", blob.digest)
    plain = " by plain http" if pull.insecure else ""
    yield Fact("registry", pull.host + plain, "wait" if plain else "text")
    if blob is not None and blob.source:
        yield Fact("bytes from", blob.source if blob.source != pull.host else "the registry itself")


def _going(view: EngineView, pull: PullView, blob: BlobView | None) -> Iterator[Fact]:
    if pull.seconds >= 1:
        fetched = sum(each.received for each in pull.blobs)
        average = f", {format_rate(fetched / pull.seconds)} on average" if fetched else ""
        yield Fact("elapsed", format_duration(pull.seconds) + average)
    if blob is not None and blob.state not in _HERE:
        if blob.parts:
            going = f", {counted(blob.connections, 'connection')}" if blob.connections else ""
            yield Fact("parts", f"{blob.parts_done} of {blob.parts} done{going}")
        yield Fact("hashed", f"{percent(blob.hashed, blob.size) or '0%'}, {format_size(blob.hashed)} so far")
    if blob is not None and (blob.received or blob.retries or blob.stalls):
        bad = "wait" if blob.retries or blob.stalls else "text"
        yield Fact("trouble", f"{_times(blob.retries, 'retry')}, {_times(blob.stalls, 'stall')}", bad)
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
        name = blob.digest.replace(":", "-")
        yield Fact("is in" if moved else "goes to", f"{view.models_dir}/blobs/{name}")
    left = sum(each.size - each.done for each in pull.blobs)
    if left and pull.state is not PullState.DONE:
        free = f", {format_size(view.free)} are free" if view.free is not None else ""
        yield Fact("needs", f"{format_size(left)} more{free}")
    if blob is not None and blob.media_type:
        yield Fact("type", blob.media_type)
