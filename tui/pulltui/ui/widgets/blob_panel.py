"""The panel beneath the list: parts, details and log of what the cursor is on."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events

from pulltui.engine.views import BlobView, EngineView, PullView
from pulltui.ui.diary import Diary
from pulltui.ui.draw.detail import Look
from pulltui.ui.draw.panel import Pane, Subject, label_at, panel_lines, panes
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.widgets.line_view import LineView


class BlobPanel(LineView):
    """Draws for whatever height it is given; wide, all panes stand side by side at first."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._glyphs = glyphs
        self._subject = Subject(EngineView())
        self._pane = Pane.ALL
        self.keys: Mapping[str, str] = {}
        """Ids of actions and the keys they are on, for the sentences that name keys."""

    @property
    def pane(self) -> Pane:
        """The pane that is seen."""
        there = panes(self.size.width)
        return self._pane if self._pane in there else Pane.PARTS

    def show_view(self, view: EngineView, pull: PullView | None, blob: BlobView | None, diary: Diary) -> None:
        """Show this pull and this blob of it; `diary` has what happened to all."""
        entries = diary.entries if pull is not None else ()
        mine = [entry for entry in entries if pull is not None and entry.event.pull == pull.id]
        self._subject = Subject(view, pull, blob, mine, diary.today)
        self.redraw()

    def next_pane(self) -> None:
        """Go on to the next pane, from the last to the first."""
        there = panes(self.size.width)
        self._pane = there[(there.index(self.pane) + 1) % len(there)]
        self.redraw()

    def redraw(self) -> None:
        """Draw for the present size."""
        width, height = self.size
        look = Look(self._glyphs, self.keys)
        self.show(panel_lines(self._subject, self.pane, width, height, look))

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Show the pane whose name was clicked; sentences do what they say."""
        chosen = None
        if event.y == 0 and self.pane is not Pane.ALL and self._subject.pull is not None:
            chosen = label_at(self.pane, self.size.width, event.x, self._glyphs)
        if chosen is not None:
            self._pane = chosen
            self.redraw()
