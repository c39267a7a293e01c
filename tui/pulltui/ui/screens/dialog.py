"""What all dialogs have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget

from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, fit
from pulltui.ui.widgets.line_view import LineView

Answer = TypeVar("Answer")

WIDTH = 78
WHOLE_WIDTH, WHOLE_HEIGHT = 60, 16
"""Below either, a dialog takes the whole screen: what is beneath would only be shreds."""


class Dialog(ModalScreen[Answer]):
    """A framed box in the middle of the screen, never larger than it; esc closes it without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="close", show=False, tooltip="Close this"),
        Binding("ctrl+c", "app.leave", "Quit", id="dialog.quit", show=False, tooltip="Save and quit"),
    ]
    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        #frame {
            width: 78;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            padding: 0 1;
            scrollbar-size: 0 0;
            background: $surface;
            border: round $border;
            border-title-color: $foreground;
            border-title-style: bold;
            border-subtitle-color: $state-dim;
        }
        &.-ascii #frame { border: ascii $border; }
        &.-whole #frame { width: 100%; height: 100%; }
        LineView { height: auto; }
    }
    """

    def __init__(self, glyphs: Glyphs, title: str, foot: str) -> None:
        super().__init__()
        self._glyphs, self._title, self._foot = glyphs, title, foot
        self.set_class(glyphs.border == "ascii", "-ascii")

    def compose(self) -> ComposeResult:
        """Put the frame around the contents."""
        yield VerticalScroll(*self.contents(), id="frame", can_focus=False)

    def contents(self) -> list[Widget]:
        """Return the widgets within the frame."""
        return []

    def fill(self) -> None:
        """Write the texts for the present `room`; called at first and whenever the size changes."""

    def on_resize(self) -> None:
        """Take the whole screen if it is small, and write the texts for the new width."""
        width, height = self.app.size
        self.set_class(width < WHOLE_WIDTH or height < WHOLE_HEIGHT, "-whole")
        self.head()
        self.fill()

    def head(self) -> None:
        """Write what stands on the frame."""
        frame = self.query_one("#frame")
        # As Content, so that nothing in a name is taken for markup.
        frame.border_title = Content(fit(self._title, self.room - 2, self._glyphs.more, middle=True).rstrip())
        frame.border_subtitle = Content(fit(self._foot, self.room - 2, self._glyphs.more).rstrip())

    @property
    def room(self) -> int:
        """Cells within the frame."""
        width = self.app.size.width
        return (
            width if width < WHOLE_WIDTH or self.app.size.height < WHOLE_HEIGHT else min(WIDTH, width)
        ) - 4

    def put(self, view: LineView, lines: Sequence[Line]) -> None:
        """Show these lines; the frame grows or shrinks with their number."""
        if len(lines) != len(view.lines):
            view.refresh(layout=True)
        view.show(lines)

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """As Screen's, but once: keys that came while it closed would close what is beneath."""
        return super().dismiss(result) if self in self.app.screen_stack else AwaitComplete()

    def action_close(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
