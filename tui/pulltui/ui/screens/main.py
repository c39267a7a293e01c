"""The main screen: tabs, the list of pulls with their blobs, and all about the one under the cursor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from pulltui_config.settings import Ui
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from pulltui.engine.api import EngineApi
from pulltui.engine.clean import safe
from pulltui.engine.views import BlobView, EngineView, Event, PullView
from pulltui.ui.capping import Capping
from pulltui.ui.commands import Commands
from pulltui.ui.diary import Diary
from pulltui.ui.draw.header import header_line, summary_line
from pulltui.ui.draw.pulls import head_line
from pulltui.ui.filter import Filter
from pulltui.ui.footer import footer
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.keymap import ACTIONS, MAIN, Keymap
from pulltui.ui.layout import arrange, is_tiny, tiny_rows
from pulltui.ui.lens import Lens
from pulltui.ui.looking import Looking
from pulltui.ui.offers import Situation
from pulltui.ui.ordering import SortBy
from pulltui.ui.rows import of_interest
from pulltui.ui.sending import send
from pulltui.ui.tab import TAB_OF, Tab
from pulltui.ui.widgets.blob_panel import BlobPanel
from pulltui.ui.widgets.filter_line import FilterLine
from pulltui.ui.widgets.key_line import KeyLine
from pulltui.ui.widgets.line_view import LineView
from pulltui.ui.widgets.pull_list import PullList
from pulltui.ui.widgets.tabs import Tabs

Answer = TypeVar("Answer")


class MainScreen(Screen[None]):
    """Shows views of the engine and turns keys into commands to it."""

    DEFAULT_CSS = """
    MainScreen {
        overflow: hidden;
        #header, KeyLine, FilterLine { background: $panel; }
    }
    """

    class Copied(Message):
        """Something is for the clipboard."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Said(Message):
        """A sentence is to be shown for a while; as in `say`."""

        def __init__(self, text: str, failed: bool, topic: str) -> None:
            super().__init__()
            self.text, self.failed, self.topic = text, failed, topic

    def __init__(
        self,
        service: EngineApi,
        glyphs: Glyphs,
        keymap: Keymap,
        ui: Callable[[], Ui],
        now: Callable[[], datetime],
    ) -> None:
        """`ui` has the settings in force, `now` the local time."""
        super().__init__()
        self._service, self.glyphs, self.keymap = service, glyphs, keymap
        self.view = EngineView(starting=True)
        self.diary = Diary(now)
        self._rates: deque[float] = deque(maxlen=64)
        self._sampled = float("-inf")
        self._watched: str | None = None
        self._large = False
        self.lens = Lens()
        self.shown: list[PullView] = []
        """The pulls that are listed, in order."""
        self.commands = Commands(service, self, ui)
        self._header = LineView(id="header")
        self._tabs = Tabs(glyphs, id="tabs")
        self._head = LineView(id="head")
        self.pulls = PullList(glyphs, id="pulls")
        self.panel = BlobPanel(glyphs, id="panel")
        self._keys = KeyLine(id="keys")
        self._filter = FilterLine(glyphs, id="filter")
        self._looking = Looking(service, self)
        self._does = self._actions(Capping(service, self), self._looking)
        self.use_keys(keymap)

    def compose(self) -> ComposeResult:
        """All areas, top to bottom; `_draw` shares the lines among them."""
        yield self._header
        yield self._tabs
        yield self._head
        yield self.pulls
        yield self.panel
        yield self._filter
        yield self._keys

    def _actions(self, capping: Capping, looking: Looking) -> dict[str, Callable[[], object]]:
        """Return what each action does, except those of the app."""
        commands, pulls = self.commands, self.pulls
        return {
            "add": looking.add,
            "pause": commands.pause,
            "pause_all": commands.pause_all,
            "retry": commands.retry,
            "retry_failed": commands.retry_failed,
            "remove": commands.remove,
            "delete": commands.delete,
            "clear_done": commands.clear_done,
            "undo": commands.undo,
            "adopt": looking.adopt,
            "move_up": lambda: commands.move(-1),
            "move_down": lambda: commands.move(1),
            "start_next": commands.start_next,
            "mark": looking.mark,
            "mark_all": looking.mark_all,
            "cap_down": capping.down,
            "cap_up": capping.up,
            "cap_pull": capping.one,
            "cap_toggle": capping.toggle,
            **{f"tab_{tab}": partial(looking.choose_tab, tab) for tab in Tab},
            "filter": self._filter.open,
            "sort": looking.sort,
            "sort_reverse": looking.sort_reverse,
            "open": self.toggle_large,
            "panes": self.panel.next_pane,
            "back": self.back,
            "log": looking.log,
            "copy": looking.copy,
            "copy_url": looking.copy_url,
            "copy_path": looking.copy_path,
            "palette": looking.palette,
            "down": lambda: pulls.move(1),
            "up": lambda: pulls.move(-1),
            "page_down": lambda: pulls.page(1),
            "page_up": lambda: pulls.page(-1),
            "first": pulls.first,
            "last": pulls.last,
        }

    def on_mount(self) -> None:
        """Keys go to the list."""
        self.panel.keys = self.key_names()
        self.pulls.focus()

    def use_keys(self, keymap: Keymap) -> None:
        """Work with these keys from now on."""
        self._bindings = keymap.bound(Screen.BINDINGS, MAIN)
        self.keymap = keymap
        if self.is_attached:
            self.panel.keys = self.key_names()
            self.refresh_bindings()
            self._draw()

    def key_names(self) -> Mapping[str, str]:
        """Return what the first key of every action is called; actions without a key are left out."""
        return {
            action: self.app.get_key_display(Binding(keys[0], ""))
            for action, keys in self.keymap.keys.items()
            if keys
        }

    def key(self, action: str) -> str:
        """Return what the key of an action is called; "" if it has none."""
        return self.panel.keys.get(action, "")

    async def action_do(self, action: str) -> None:
        """Do what a key, a button or the palette asks for."""
        if action in self._does:
            self._does[action]()
        else:
            await self.app.run_action(f"app.{action}")

    @on(LineView.Pressed)
    async def _on_pressed(self, event: LineView.Pressed) -> None:
        """Do what was clicked: an action, or a column to sort by."""
        sort, colon, by = event.action.partition(":")
        if colon:
            self.lens.sort_by(SortBy(by))
            self.show_pulls()
        else:
            await self.action_do(sort)

    @on(FilterLine.Changed)
    def _on_filter(self, event: FilterLine.Changed) -> None:
        self.lens.filter = event.chosen
        self.show_pulls()

    @on(FilterLine.Closed)
    def _on_filter_closed(self) -> None:
        self.pulls.focus()
        self._draw()

    def on_paste(self, event: events.Paste) -> None:
        """Take what is pasted anywhere for names to add."""
        if event.text.strip():
            event.stop()
            self._looking.add(event.text)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._draw()

    @on(PullList.Moved)
    def _on_moved(self) -> None:
        self._draw()

    def show_view(self, view: EngineView, events_since: Sequence[Event] = ()) -> None:
        """Show a new view, and what happened."""
        self.diary.take(events_since)
        self.view = view
        if view.now - self._sampled >= 1.0:
            self._sampled = view.now
            self._rates.append(view.rate)
        self.show_pulls()

    def show_pulls(self) -> None:
        """Show the pulls as the lens has them."""
        self.shown = self.lens.shown(self.view.pulls, self.view.now)
        self.pulls.update_pulls(self.shown, self.commands.pausing, self.lens.marks)
        self._draw()

    def _draw(self) -> None:
        width, height = self.app.size
        tiny = is_tiny(width, height)
        self._tabs.display = not tiny
        self._keys.display = height > 1 and not self._filter.display
        self._draw_keys(tiny=tiny)
        if tiny:
            self._header.show([summary_line(self.view, width, self.glyphs, self.key("add"))])
            _give(self._head, 0)
            _give(self.pulls, tiny_rows(width, height))
            _give(self.panel, 0)
            self._watch(None)
            return
        row = self.pulls.row
        blob = of_interest(row) if row else None
        # Not by the row under the cursor: the list would jump while one moves through it.
        parts = any(pull.blobs and TAB_OF[pull.state] is not Tab.DONE for pull in self.shown)
        heights = arrange(height, rows=self.pulls.count, parts=parts, large=self._large)
        self._header.show([header_line(self.view, self._rates, width, self.glyphs)])
        self._draw_tabs(width)
        self._head.show([head_line(width, self.lens.order, self.glyphs, self.pulls.longest)])
        _give(self._head, heights.head)
        _give(self.pulls, heights.pulls)
        _give(self.panel, heights.panel)
        self.panel.show_view(self.view, row.pull if row else None, blob, self.diary)
        self._watch(blob.digest if blob and heights.panel else None)

    def _draw_tabs(self, width: int) -> None:
        marks = sum(pull.id in self.lens.marks for pull in self.shown) if self.lens.marks else 0
        self._tabs.show_tabs(self.lens, self.view, self.panel.keys, marked=marks, width=width)

    def _draw_keys(self, *, tiny: bool) -> None:
        row = self.pulls.row
        chosen = self.lens.marks.chosen(self.shown, row.pull if row else None)
        marked = any(pull.id in self.lens.marks for pull in chosen)
        now = Situation(self.view, chosen, movable=not self.lens.why_not_movable)
        entries = footer(now, marked=marked, words=_WORDS, large=self._large and not tiny)
        # What a tiny screen has no room for is not offered there.
        seen = [entry for entry in entries if not (tiny and entry.action == "open")]
        self._keys.show_keys(seen, self.panel.keys)

    def _watch(self, digest: str | None) -> None:
        if digest != self._watched:
            self._watched = digest
            self._service.watch([digest] if digest else [])

    def chosen(self) -> list[PullView]:
        """Return the pulls that an action is for; say so if there is none."""
        row = self.pulls.row
        chosen = self.lens.marks.chosen(self.shown, row.pull if row else None)
        if not chosen:
            self.say_nothing_is_here()
        return chosen

    def say_nothing_is_here(self) -> None:
        """Say why there is nothing to act on."""
        if self.view.starting:
            self.say("still starting: what is queued shows in a moment")
        elif self.view.pulls:
            self.say("no pull is shown here")
        else:
            self.say(f"nothing is queued: {self.key('add')} adds a model")

    def blob(self) -> tuple[PullView, BlobView] | None:
        """Return the blob that the panel shows, and its pull; say so if there is none."""
        row = self.pulls.row
        blob = of_interest(row) if row else None
        if row is None:
            self.say_nothing_is_here()
        elif blob is None:
            self.say(f"{row.pull.name}: its blobs are not known yet")
        return (row.pull, blob) if row is not None and blob is not None else None

    def go_to(self, pull: str) -> None:
        """Move the cursor to a pull; show all if it would not be seen otherwise."""
        if all(each.id != pull for each in self.shown):
            self.lens.tab = Tab.ALL
            self._filter.clear()
            self.lens.filter = Filter()
        self.show_pulls()
        self.pulls.find(pull)

    def toggle_large(self) -> None:
        """Give the panel all the room, or the list its share again."""
        self._large = not self._large and self.pulls.row is not None
        self._draw()
        self.pulls.redraw()

    def back(self) -> None:
        """Take back, one after another: typing, the large panel, the filter, marks, the tab."""
        if self._filter.display:
            self._filter.clear()
            self._filter.close()
        elif self._large:
            self.toggle_large()
        elif self.lens.filter.text:
            self._filter.clear()
        elif self.lens.marks:
            self.lens.marks.clear()
            self.show_pulls()
        elif self.lens.tab is not Tab.ALL:
            self._looking.choose_tab(Tab.ALL)

    def ask(self, dialog: Screen[Answer], answered: Callable[[Answer | None], None]) -> None:
        """Show a dialog; `answered` gets what comes of it."""
        self.app.push_screen(dialog, answered)

    def send(
        self,
        what: str,
        start: Callable[[], Future[Any]],
        then: Callable[[Any], None] | None = None,
        *,
        finally_: Callable[[], None] | None = None,
    ) -> None:
        """Give the engine a command without waiting for it, and say so if it fails.

        `then` gets its result; `finally_` is called in any case.
        """
        work = send(what, start, partial(self.say, failed=True), then, finally_)
        self.run_worker(work, group="commands", exit_on_error=False)

    def say(self, text: str, *, failed: bool = False, topic: str = "") -> None:
        """Show a sentence for a while, in the place of an older one about the same `topic`."""
        self.post_message(self.Said(safe(text), failed, topic))


_WORDS = {name: action.label for name, action in ACTIONS.items()}


def _give(widget: Widget, height: int) -> None:
    """Let a widget have this many lines; a layout happens only if that changes something."""
    if widget.display != bool(height):
        widget.display = bool(height)
    if height and (widget.styles.height is None or widget.styles.height.value != height):
        widget.styles.height = height
