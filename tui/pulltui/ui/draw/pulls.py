"""Rows of the list as lines."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from pulltui_config.units import format_duration, format_rate, format_size

from pulltui.engine.views import BlobState, BlobView, PartState, PullState, PullView
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, bar, fit, fit_name, percent
from pulltui.ui.ordering import Order, SortBy
from pulltui.ui.rows import Row, folded_name, folded_state
from pulltui.ui.words import BLOB_ROLE, PART_ROLE, PULL_ROLE, blob_words, pull_words, shown_state


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths of the columns in cells; 0 leaves a column out."""

    name: int
    bar: int
    percent: int
    size: int
    state: int
    rate: int
    left: int

    @property
    def tail(self) -> int:
        """Cells from the state to the right edge: what stands still has them all for its words."""
        return sum(width + 1 for width in (self.state, self.rate, self.left) if width) - 1


_SOON = 1.0
"""Seconds: a time left that is shorter is over before it is read."""
_STOPPED = "stopped"
"""What a blob is that waits in no queue, since its pull has failed."""
_FRONT = 4
"""Cells before the name: cursor, mark, glyph and a space."""


_NAME, _SHORT_NAME = 18, 16
"""Cells of a name that suffice for many; what is left goes to the bar, before that to longer names."""


def columns(width: int, longest: int = 0) -> Columns:
    """Return the columns for a list of `width` cells, whose longest name takes `longest`."""
    if width < 50:
        return Columns(width - _FRONT - 1 - 4 - 2 - 14, 0, 4, 0, 14, 0, 0)
    least, name, size = 9, _NAME, 0
    if width < 60:
        percent, state, rate, left, name = 4, 13, 9, 0, width
    elif width < 80:
        percent, state, rate, left, name = 4, 13, 9, 6, _SHORT_NAME
    elif width < 120:
        percent, size, state, rate, left = 4, 7, 14, 9, 7
        name += (width - 80) // 2
    else:
        percent, size, state, rate, left = 5, 9, 22, 10, 7
        least, name = 14, 34 + (width - 120) // 3
    # The bar has what the others leave, and nothing where that is too little to tell anything.
    rest = Columns(0, 0, percent, size, state, rate, left)
    room = width - _FRONT - 1 - percent - (size + 1 if size else 0) - 2 - rest.tail - (width >= 60)
    name = max(name, min(longest, room - least - 1))
    bar = room - name - 1
    return replace(rest, name=name if bar >= 5 else room, bar=bar if bar >= 5 else 0)


@dataclass(frozen=True, slots=True)
class _Cells:
    """What a row says, column by column."""

    glyph: str
    glyph_role: str
    name: str
    part: int
    whole: int
    hashing: bool
    words: str
    words_role: str
    rate: float
    left: float | None
    beneath: bool = False


def head_line(width: int, order: Order, glyphs: Glyphs, longest: int = 0) -> Line:
    """Return the names of the columns; what it is sorted by has an arrow, and a click sorts by it.

    `longest` as in `columns`.
    """
    at = columns(width, longest)

    def name(text: str, by: SortBy, cells: int, *, right: bool = False) -> Span:
        arrow = (glyphs.down if order.falls else glyphs.up) if order.by is by else ""
        text = fit(text, cells - len(arrow), glyphs.more, right=right).rstrip() + arrow
        return Span(fit(text, cells, glyphs.more, right=right), "strong" if arrow else "dim", f"sort:{by}")

    spans = [Span(" " * _FRONT), name("model", SortBy.NAME, at.name)]
    if at.bar:
        spans += [Span(" "), Span(fit("progress" if at.bar >= 8 else "", at.bar, ""), "dim")]
    spans += [Span(" "), name("%", SortBy.PERCENT, at.percent, right=True)]
    if at.size:
        spans += [Span(" "), name("size", SortBy.SIZE, at.size, right=True)]
    spans += [Span("  "), name("state", SortBy.STATE, at.state)]
    if at.rate:
        spans += [Span(" "), name("speed", SortBy.SPEED, at.rate, right=True)]
    if at.left:
        spans += [Span(" "), name("left", SortBy.LEFT, at.left, right=True)]
    return Line(tuple(spans))


def row_line(
    row: Row,
    width: int,
    glyphs: Glyphs,
    *,
    cursor: bool,
    marked: bool = False,
    pausing: Collection[str] = (),
    longest: int = 0,
) -> Line:
    """Return the line of a row; `pausing` are the ids of pulls whose pause has not ended yet.

    `longest` as in `columns`.
    """
    at = columns(width, longest)
    if not row.blobs:
        cells = _pull_cells(row.pull, at, glyphs, row.pull.id in pausing)
    elif row.key.blob == "small":
        cells = _folded_cells(row, glyphs)
    else:
        cells = _blob_cells(row, at, glyphs)
    front = (glyphs.cursor if cursor else " ") + (glyphs.mark if marked else " ")
    mark = Span(front, "key")
    return Line((mark, *_spans(cells, at, glyphs, strong=cursor)), "cursor" if cursor else "")


def _pull_cells(pull: PullView, at: Columns, glyphs: Glyphs, pausing: bool) -> _Cells:
    hashing = pull.state in (PullState.VERIFYING, PullState.COMMITTING)
    still = not pull.rate and pull.eta is None
    words, role = pull_words(pull, at.tail if still else at.state)
    if pausing:
        words, role = "pausing", "dim"
    return _Cells(
        glyph=glyphs.pull[shown_state(pull)],
        glyph_role=PULL_ROLE.get(shown_state(pull), "dim"),
        name=pull.name,
        part=sum(_checked(blob) for blob in pull.blobs) if hashing else pull.done,
        whole=pull.size,
        hashing=hashing,
        words=words,
        words_role=role,
        rate=pull.rate,
        left=pull.eta,
    )


def _blob_cells(row: Row, at: Columns, glyphs: Glyphs) -> _Cells:
    blob = row.blobs[0]
    branch = glyphs.last_branch if row.last else glyphs.branch
    still = not blob.rate and blob.eta is None
    words, role = blob_words(blob, at.tail if still else at.state)
    hashing = blob.state is BlobState.VERIFYING
    glyph, glyph_role = glyphs.blob[blob.state], BLOB_ROLE.get(blob.state, "dim")
    if _is_stopped(row, blob.state):
        glyph, words = glyphs.blob[BlobState.PAUSED], _STOPPED
    if blob.state is BlobState.DOWNLOADING and not blob.connections and not blob.rate:
        glyph, glyph_role = glyphs.pull[PullState.WAITING], "wait"
    elif blob.state is BlobState.DOWNLOADING and blob.quiet and blob.quiet == blob.connections:
        glyph, glyph_role = glyphs.part[PartState.QUIET], PART_ROLE[PartState.QUIET]
    return _Cells(
        glyph=f"{branch} {glyph}",
        glyph_role=glyph_role,
        name=f"{blob.kind} {short(blob.digest)}",
        part=_checked(blob) if hashing else blob.done,
        whole=blob.size,
        hashing=hashing,
        words=words,
        words_role=role,
        rate=blob.rate,
        left=blob.eta,
        beneath=True,
    )


def _folded_cells(row: Row, glyphs: Glyphs) -> _Cells:
    state = folded_state(row.blobs)
    stopped = _is_stopped(row, state)
    return _Cells(
        glyph=f"{glyphs.last_branch} {glyphs.blob[BlobState.PAUSED if stopped else state]}",
        glyph_role=BLOB_ROLE.get(state, "dim"),
        name=folded_name(row.blobs),
        part=sum(blob.done for blob in row.blobs),
        whole=sum(blob.size for blob in row.blobs),
        hashing=False,
        words=_STOPPED if stopped else state.value,
        words_role=BLOB_ROLE.get(state, "dim"),
        rate=0.0,
        left=None,
        beneath=True,
    )


def _is_stopped(row: Row, state: BlobState) -> bool:
    """Return whether nothing comes of a blob because its pull has failed: it is in no queue."""
    return row.pull.state is PullState.FAILED and state is BlobState.QUEUED


def _spans(cells: _Cells, at: Columns, glyphs: Glyphs, *, strong: bool) -> list[Span]:
    name = fit_name(cells.name, at.name - 2 * cells.beneath, glyphs.more)
    spans = [Span(f"{cells.glyph} ", cells.glyph_role), Span(name, _name_role(cells, strong))]
    if at.bar:
        steps = glyphs.hash_bar if cells.hashing else glyphs.bar
        filled, empty = bar(cells.part, cells.whole, at.bar, steps)
        spans += [Span(" "), Span(filled, _bar_role(cells)), Span(empty, "todo")]
    share = percent(cells.part, cells.whole, fine=at.percent > 4)
    spans.append(Span(" " + share.rjust(at.percent)))
    if at.size:
        spans.append(Span(" " + (format_size(cells.whole) if cells.whole else "").rjust(at.size)))
    if not at.rate or (not cells.rate and cells.left is None):
        spans.append(Span("  " + fit(cells.words, at.tail, glyphs.more), cells.words_role))
        return spans
    left = "" if cells.left is None or cells.left < _SOON else format_duration(cells.left)
    spans.append(Span("  " + fit(cells.words, at.state, glyphs.more), cells.words_role))
    spans.append(Span(" " + format_rate(cells.rate).rjust(at.rate)))
    if at.left:
        spans.append(Span(" " + left.rjust(at.left)))
    return spans


def _name_role(cells: _Cells, strong: bool) -> str:
    if strong:
        return "strong"
    return "dim" if cells.beneath else "text"


def _bar_role(cells: _Cells) -> str:
    if cells.hashing:
        return "hash"
    return "done" if cells.whole and cells.part >= cells.whole else cells.glyph_role


def _checked(blob: BlobView) -> int:
    """Return how many bytes of a blob are known to be right."""
    return blob.size if blob.state in (BlobState.VERIFIED, BlobState.CACHED) else blob.hashed


def short(digest: str) -> str:
    """Return the first eight digits of a digest: enough to tell blobs apart."""
    return digest.removeprefix("sha256:")[:8]
