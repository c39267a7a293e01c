"""The line of tabs: which pulls are listed, and how."""

from __future__ import annotations

from collections.abc import Mapping

from pulltui.engine.views import EngineView
from pulltui.ui.draw.tabs import said, tabs_line
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lens import Lens
from pulltui.ui.tab import counts
from pulltui.ui.widgets.line_view import LineView


class Tabs(LineView):
    """Tabs with counts; a click on one chooses it (`LineView.Pressed`)."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._glyphs = glyphs

    def show_tabs(
        self, lens: Lens, view: EngineView, keys: Mapping[str, str], *, marked: int, width: int
    ) -> None:
        """Show the tabs for all pulls; `keys` has what each action's key is called."""
        beside = said(marked, lens.filter, lens.order, self._glyphs)
        numbers = {} if view.starting else counts(view.pulls)
        self.show([tabs_line(lens.tab, numbers, keys, beside, width)])
