"""The log of all pulls, over the whole screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen

from pulltui.ui.diary import KEPT, Diary, Entry
from pulltui.ui.draw.log import log_lines
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.keymap import IN_LOG, Keymap
from pulltui.ui.lines import Line, Span, rule
from pulltui.ui.widgets.key_line import KeyLine
from pulltui.ui.widgets.line_view import LineView

LOOK = 0.5
"""Seconds between two looks for new events."""
_FIXED = [
    *Screen.BINDINGS,
    Binding("ctrl+c", "app.leave", "Quit", id="log.quit", show=False, tooltip="Save and quit"),
    Binding("space", "page(1)", "Page down", id="log.page_down", show=False, tooltip="A screen down"),
    Binding("b", "page(-1)", "Page up", id="log.page_up", show=False, tooltip="A screen up"),
]
"""The keys that stay as they are."""
_SHOWN = ("log_leave", "log_follow", "first", "page_up", "page_down", "up", "down")
"""Actions in the key line, what matters most first."""


class LogScreen(Screen[None]):
    """Shows events as they come; scrolling back stops following, the end follows again.

    `diary` has what happened, `keymap` the keys.
    """

    DEFAULT_CSS = """
    LogScreen {
        overflow: hidden;
        #log { height: 1fr; }
        #keys { background: $panel; }
    }
    """

    def __init__(self, glyphs: Glyphs, diary: Diary, keymap: Keymap) -> None:
        super().__init__()
        self._glyphs, self._diary, self._keymap = glyphs, diary, keymap
        self._bindings = keymap.bound(_FIXED, IN_LOG)
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._today = diary.today
        self._names: dict[str, str] = {}
        """Of pulls, by their ids: what happens to a blob comes without."""
        self._lines: list[Line] = []
        self._top: int | None = None
        """The first line that is seen; None: the last lines are, whatever comes."""
        self._title = LineView(id="title")
        self._body = LineView(id="log")
        self._keys = KeyLine(id="keys")

    def compose(self) -> ComposeResult:
        """Title, log, keys."""
        yield self._title
        yield self._body
        yield self._keys

    def on_mount(self) -> None:
        """Look for new events from now on."""
        self._keys.show_actions(_SHOWN, self._keymap)
        self.set_interval(LOOK, self.update_events)

    def on_resize(self) -> None:
        """Lay out everything for the new width."""
        self._take()
        self._lines = self._in_lines(self._entries)
        self._draw()

    def update_events(self) -> None:
        """Show what happened meanwhile; what was laid out before stays as it is, until the day is over."""
        if self._today != self._diary.today:
            self._today = self._diary.today
            self._lines = self._in_lines(self._entries)
            self._draw()
        if new := self._take():
            lines = [*self._lines, *self._in_lines(new)]
            if self._top is not None:
                self._top = max(0, self._top - max(0, len(lines) - KEPT))
            self._lines = lines[-KEPT:]
            self._draw()

    def _take(self) -> Sequence[Entry]:
        """Take in what is new and return it."""
        new = self._diary.after(self._entries[-1].event.seq if self._entries else 0)
        self._entries.extend(new)
        self._names |= {event.pull: event.name for event, _ in new if event.pull and event.name}
        return new

    def _in_lines(self, entries: Iterable[Entry]) -> list[Line]:
        width, today = self.app.size.width, self._today
        return log_lines(list(entries), width, self._glyphs, today=today, names=self._names)[-KEPT:]

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
        self._title.show([rule((Span("log of all pulls", "strong"),), (right,), width, self._glyphs)])

    @on(LineView.Pressed)
    def _on_pressed(self, event: LineView.Pressed) -> None:
        self.action_do(event.action)

    def action_do(self, action: str) -> None:
        """Do what a key or a click asks for."""
        does: dict[str, Callable[[], None]] = {
            "log_leave": self.action_close,
            "log_follow": self.action_follow,
            "down": lambda: self.action_scroll(1),
            "up": lambda: self.action_scroll(-1),
            "page_down": lambda: self.action_page(1),
            "page_up": lambda: self.action_page(-1),
            "first": self.action_first,
            "last": self.action_follow,
            "help": lambda: self._run("app.help"),
            "suspend": lambda: self._run("app.suspend"),
        }
        does[action]()

    def _run(self, action: str) -> None:
        """Have the app do it."""
        self.call_later(self.run_action, action)

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
