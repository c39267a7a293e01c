"""A widget that shows lines and redraws only those that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.style import Style as VisualStyle
from textual.widget import Widget

from pulltui.ui.lines import Line

_PLAIN: Final = frozenset({"text", "strong"})
"""Roles in the colour of the widget's text. Others have one of the theme (`themes.state_colors`)."""
_BOLD: Final = frozenset({"strong", "key", "bad"})


class LineView(Widget):
    """Lines of spans by Textual's line API: no markup, no wrapping, no layout when text changes."""

    ALLOW_SELECT = False  # the terminal's own selection (with shift) knows what is on the screen
    # Only what is half-transparent. Textual matches each class against all its rules, for each of these
    # widgets, before the first frame: a class for every role took a tenth of the time to it.
    COMPONENT_CLASSES: ClassVar[set[str]] = {"line--cursor"}
    DEFAULT_CSS = """
    LineView {
        height: 1;
        .line--cursor { background: $foreground 12%; text-style: bold; }
    }
    """

    class Pressed(Message):
        """A span with an action was clicked."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action
            """Its id."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        self._styles_of: dict[tuple[str, str], Style] = {}
        super().__init__(id=id)
        self._lines: tuple[Line, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown."""
        return self._lines

    def show(self, lines: Sequence[Line]) -> None:
        """Show these lines from the top; only changed ones are drawn again."""
        old, new = self._lines, tuple(lines)
        if old == new:
            return
        self._lines = new
        longest = max(len(old), len(new))
        changed = [
            Region(0, y, self.size.width, 1)
            for y in range(min(longest, self.size.height))
            if old[y : y + 1] != new[y : y + 1]
        ]
        if changed:
            self.refresh(*changed)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Take the width there is."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line for each that is shown."""
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[y]
        segments = [Segment(span.text, self._style(line.role, span.role)) for span in line.spans if span.text]
        return Strip(segments).adjust_cell_length(width, self._style(line.role, "text"))

    def _style(self, line: str, span: str) -> Style:
        """Return the style of a span's role on a line's role, half-transparent colours blended."""
        style = self._styles_of.get((line, span))
        if style is None:
            visual = self.visual_style
            for role in filter(None, (line, span)):
                visual += self._role_style(role)
            style = self._styles_of[line, span] = visual.rich_style
        return style

    def _role_style(self, role: str) -> VisualStyle:
        """Return what a role adds to the style of a text."""
        if role == "cursor":
            return self.get_visual_style("line--cursor", partial=True)
        color = None if role in _PLAIN else Color.parse(self.app.theme_variables[f"state-{role}"])
        return VisualStyle(foreground=color, bold=role in _BOLD or None)

    def on_click(self, event: events.Click) -> None:
        """Tell which action the click is for."""
        line = self._lines[event.y] if event.y < len(self._lines) else Line()
        if action := line.action_at(event.x):
            self.post_message(self.Pressed(action))

    def notify_style_update(self) -> None:
        """Forget the styles: the theme may be another one."""
        self._styles_of.clear()
        super().notify_style_update()
