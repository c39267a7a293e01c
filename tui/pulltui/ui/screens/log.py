"""The log of all pulls, over the whole screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from pulltui.engine.views import Event
from pulltui.ui.draw.log import log_lines
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, fit, rule
from pulltui.ui.widgets.line_view import LineView

LOOK = 0.5
"""Seconds between two looks for new events."""
KEPT = 2000
"""Events, and lines of them; the engine keeps no more events either."""


class LogScreen(Screen[None]):
    """Shows events as they come; scrolling back stops following, the end follows again.

    `after` returns the events behind a number (`EngineApi.events`).
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,l", "close", "Close", id="log.close", show=False, tooltip="Back to the pulls"),
        Binding("ctrl+c", "app.leave", "Quit", id="log.quit", show=False, tooltip="Save and quit"),
        Binding("up,k", "scroll(-1)", "Up", id="log.up", show=False, tooltip="A line up"),
        Binding("down,j", "scroll(1)", "Down", id="log.down", show=False, tooltip="A line down"),
        Binding("pageup,b", "page(-1)", "Page up", id="log.page_up", show=False, tooltip="A screen up"),
        Binding(
            "pagedown,space", "page(1)", "Page down", id="log.page_down", show=False, tooltip="A screen down"
        ),
        Binding("home,g", "first", "First", id="log.first", show=False, tooltip="To the oldest line"),
        Binding(
            "end,G,f",
            "follow",
            "Follow",
            id="log.follow",
            show=False,
            tooltip="To the newest line, and follow",
        ),
    ]
    DEFAULT_CSS = """
    LogScreen {
        overflow: hidden;
        #log { height: 1fr; }
        #keys { background: $panel; }
    }
    """

    def __init__(self, glyphs: Glyphs, after: Callable[[int], Sequence[Event]]) -> None:
        super().__init__()
        self._glyphs, self._after = glyphs, after
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._names: dict[str, str] = {}
        """Of pulls, by their ids: what happens to a blob comes without."""
        self._lines: list[Line] = []
        self._top: int | None = None
        """The first line that is seen; None: the last lines are, whatever comes."""
        self._title = LineView(id="title")
        self._body = LineView(id="log")
        self._keys = LineView(id="keys")

    def compose(self) -> ComposeResult:
        """Title, log, keys."""
        yield self._title
        yield self._body
        yield self._keys

    def on_mount(self) -> None:
        """Look for new events from now on."""
        self.set_interval(LOOK, self.update_events)

    def on_resize(self) -> None:
        """Lay out everything for the new width."""
        self._take()
        self._lines = self._in_lines(self._events)
        self._draw()

    def update_events(self) -> None:
        """Show what happened meanwhile; what was laid out before stays as it is."""
        if new := self._take():
            lines = [*self._lines, *self._in_lines(new)]
            if self._top is not None:
                self._top = max(0, self._top - max(0, len(lines) - KEPT))
            self._lines = lines[-KEPT:]
            self._draw()

    def _take(self) -> Sequence[Event]:
        """Take in new events and return them."""
        new = self._after(self._events[-1].seq if self._events else 0)
        self._events.extend(new)
        self._names |= {event.pull: event.name for event in new if event.pull and event.name}
        return new

    def _in_lines(self, happened: Iterable[Event]) -> list[Line]:
        return log_lines(list(happened), self.app.size.width, self._glyphs, names=self._names)[-KEPT:]

    @property
    def _last_top(self) -> int:
        return max(0, len(self._lines) - self._height)

    @property
    def _height(self) -> int:
        return max(1, self.app.size.height - 2)

    def _draw(self) -> None:
        width, height = self.app.size.width, self._height
        top = self._last_top if self._top is None else min(self._top, self._last_top)
        seen = self._lines[top : top + height]
        self._body.show(seen or [Line((Span("  nothing has happened yet", "dim"),))])
        where = f"{top + 1} to {top + len(seen)} of {len(self._lines)}" if seen else ""
        right = Span("follows" if self._top is None else where, "active" if self._top is None else "wait")
        head = (Span("log of all pulls", "strong"), Span("  time since the start", "dim"))
        self._title.show([rule(head if width >= 60 else head[:1], (right,), width, self._glyphs)])
        text = "esc back   up down pgup pgdn home scroll   end follows"
        self._keys.show([Line((Span(" " + fit(text, width - 1, self._glyphs.more).rstrip(), "dim"),))])

    def action_scroll(self, by: int) -> None:
        """Scroll by lines; at the end it follows again."""
        top = (self._last_top if self._top is None else self._top) + by
        self._top = None if top >= self._last_top else max(0, top)
        self._draw()

    def action_page(self, by: int) -> None:
        """Scroll by screens."""
        self.action_scroll(by * max(1, self._height - 1))

    def action_first(self) -> None:
        """Go to the oldest line."""
        self.action_scroll(-len(self._lines))

    def action_follow(self) -> None:
        """Go to the newest line, and stay with what comes."""
        self._top = None
        self._draw()

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down."""
        self.action_scroll(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        self.action_scroll(-3)
