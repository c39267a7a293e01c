"""What all dialogs have in common."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget

from pulltui.ui.glyphs import Glyphs

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A framed box in the middle of the screen, never larger than it; esc closes it without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="close", show=False, tooltip="Close this"),
        Binding("ctrl+c", "app.leave", "Quit", show=False),
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
        }
    }
    """

    def __init__(self, glyphs: Glyphs, title: str, foot: str) -> None:
        super().__init__()
        self._glyphs, self._title, self._foot = glyphs, title, foot

    def compose(self) -> ComposeResult:
        """Put the frame around the contents."""
        frame = VerticalScroll(*self.contents(), id="frame", can_focus=False)
        frame.styles.border = (self._glyphs.border, "gray")  # type: ignore[assignment]
        frame.border_title, frame.border_subtitle = self._title, self._foot
        yield frame

    def contents(self) -> list[Widget]:
        """Return the widgets within the frame."""
        return []

    @property
    def room(self) -> int:
        """Cells within the frame."""
        return min(78, self.app.size.width) - 4

    def action_close(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
