"""The list of pulls and their blobs, with a cursor."""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence

from rich.cells import cell_len
from textual import events
from textual.message import Message

from pulltui.engine.views import PullView
from pulltui.ui.draw.pulls import row_line
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.rows import Key, Row, rows
from pulltui.ui.widgets.line_view import LineView


class PullList(LineView):
    """Only the rows on screen are drawn, so a thousand pulls cost what a screenful costs.

    The cursor stays with its pull or blob when rows come, go or change places.
    """

    can_focus = True

    class Moved(Message):
        """The cursor is on another row."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._glyphs = glyphs
        self._rows: list[Row] = []
        self._cursor = 0
        self._top = 0
        self._chosen: Key | None = None
        """The row that the user went to last: the cursor is there whenever it is listed."""
        self.longest = 0
        """Cells of the longest name."""
        self._pausing: frozenset[str] = frozenset()
        self._marks: Container[str] = ()

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def update_pulls(
        self, pulls: Sequence[PullView], pausing: Collection[str], marks: Container[str] = ()
    ) -> None:
        """Show these pulls; `pausing` are those that were told to pause and have not paused yet."""
        key = self.row.key if self.row else None
        self._chosen = self._chosen or key
        self._pausing, self._marks = frozenset(pausing), marks
        self._rows = rows(pulls)
        self.longest = max((cell_len(pull.name) for pull in pulls), default=0)
        self._cursor = max(0, min(self._place(self._chosen, key), len(self._rows) - 1))
        self.redraw()

    def _place(self, *keys: Key | None) -> int:
        """Return where the first of these keys is that is listed, or its pull; else where the cursor was."""
        places = {row.key: place for place, row in enumerate(self._rows)}
        for key in filter(None, keys):
            for wanted in (key, Key(key.pull)):
                if wanted in places:
                    return places[wanted]
        return self._cursor

    def redraw(self) -> None:
        """Draw the rows on screen, scrolled so that the cursor is among them."""
        height, width = self.size.height, self.size.width
        if not height:
            return
        self._top = max(self._cursor - height + 1, min(self._top, self._cursor))
        self._top = max(0, min(self._top, len(self._rows) - height))
        self.show(
            [
                row_line(
                    row,
                    width,
                    self._glyphs,
                    cursor=self._top + y == self._cursor,
                    marked=not row.key.blob and row.pull.id in self._marks,
                    pausing=self._pausing,
                    longest=self.longest,
                )
                for y, row in enumerate(self._rows[self._top : self._top + height])
            ]
        )

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.redraw()

    def _go(self, place: int) -> None:
        place = max(0, min(place, len(self._rows) - 1))
        self._chosen = self._rows[place].key if self._rows else self._chosen
        if place != self._cursor:
            self._cursor = place
            self.redraw()
            self.post_message(self.Moved())

    def move(self, by: int) -> None:
        """Move the cursor by rows."""
        self._go(self._cursor + by)

    def page(self, by: int) -> None:
        """Move the cursor by screens."""
        self._go(self._cursor + by * max(1, self.size.height - 1))

    def first(self) -> None:
        """Move the cursor to the first row."""
        self._go(0)

    def last(self) -> None:
        """Move the cursor to the last row."""
        self._go(len(self._rows) - 1)

    def next_pull(self) -> None:
        """Move the cursor to the next pull, over the blobs between."""
        here = self.row
        for place in range(self._cursor + 1, len(self._rows)):
            if here is not None and self._rows[place].pull.id != here.pull.id:
                self._go(place)
                return

    def find(self, pull: str) -> None:
        """Move the cursor to a pull, if it is shown."""
        self._go(self._place(Key(pull)))

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the row that was clicked; a second click at once opens it."""
        if self._top + event.y < len(self._rows):
            self._go(self._top + event.y)
            if event.chain == 2:
                self.post_message(self.Pressed("open"))

    def on_mouse_scroll_down(self) -> None:
        """Move the cursor down."""
        self._go(self._cursor + 1)

    def on_mouse_scroll_up(self) -> None:
        """Move the cursor up."""
        self._go(self._cursor - 1)
