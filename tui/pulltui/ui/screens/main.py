"""The main screen: pulls with their blobs, and the parts of the one under the cursor."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from pulltui.engine.api import EngineApi
from pulltui.engine.clean import safe, safe_name
from pulltui.engine.errors import PullError
from pulltui.engine.views import EngineView, PullState, PullView
from pulltui.ui.draw.detail import detail_lines, empty_lines
from pulltui.ui.draw.header import header_line, summary_line
from pulltui.ui.draw.parts import active_lines, legend_line, map_lines, title_line
from pulltui.ui.draw.pulls import head_line
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.layout import Heights, arrange, detail_room, is_tiny
from pulltui.ui.lines import Line, rule
from pulltui.ui.rows import of_interest
from pulltui.ui.screens.add import AddDialog
from pulltui.ui.widgets.key_line import KeyLine
from pulltui.ui.widgets.line_view import LineView
from pulltui.ui.widgets.pull_list import PullList

_CAN_PAUSE = (
    PullState.QUEUED,
    PullState.RESOLVING,
    PullState.DOWNLOADING,
    PullState.VERIFYING,
    PullState.WAITING,
)


class MainScreen(Screen[None]):
    """Shows views of the engine and turns keys into commands to it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause", id="pause", tooltip="Pause or resume the selected pull"),
        Binding(
            "P",
            "pause_all",
            "All",
            id="pause_all",
            tooltip="Pause all; again resumes what that has paused, and only that",
        ),
        Binding("a", "add", "Add", id="add", tooltip="Add a model by its name"),
        Binding(
            "r",
            "retry",
            "Retry",
            id="retry",
            tooltip="Retry the selected pull now, without waiting any longer",
        ),
    ]
    DEFAULT_CSS = """
    MainScreen {
        overflow: hidden;
        #header, KeyLine { background: $panel; }
    }
    """

    def __init__(self, service: EngineApi, glyphs: Glyphs) -> None:
        super().__init__()
        self._service, self._glyphs = service, glyphs
        self._view = EngineView()
        self._rates: deque[float] = deque(maxlen=64)
        self._sampled = float("-inf")
        self._watched: str | None = None
        self._pausing: set[str] = set()
        self._stopped_by_all: frozenset[str] = frozenset()
        self._header = LineView(id="header")
        self._head = LineView(id="head")
        self._pulls = PullList(glyphs, id="pulls")
        self._detail = LineView(id="detail")
        self._title = LineView(id="title")
        self._map = LineView(id="map")
        self._legend = LineView(id="legend")
        self._parts = LineView(id="parts")
        self._keys = KeyLine(id="keys")

    def compose(self) -> ComposeResult:
        """All areas, top to bottom; `_give` shares the lines among them."""
        yield self._header
        yield self._head
        yield self._pulls
        yield self._detail
        yield self._title
        yield self._map
        yield self._legend
        yield self._parts
        yield self._keys

    def on_mount(self) -> None:
        """Keys go to the list."""
        self._pulls.focus()

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._draw()

    @on(PullList.Moved)
    def _on_moved(self) -> None:
        self._draw()

    def show_view(self, view: EngineView) -> None:
        """Show a new view."""
        self._view = view
        if view.now - self._sampled >= 1.0:
            self._sampled = view.now
            self._rates.append(view.rate)
        self._show_pulls()

    def _show_pulls(self) -> None:
        self._pulls.update_pulls(self._view.pulls, self._pausing)
        self._draw()

    def _draw(self) -> None:
        width, height = self.app.size
        tiny = is_tiny(width, height)
        for widget in (self._head, self._pulls, self._detail, self._keys):
            widget.display = not tiny
        if tiny:
            self._header.show([summary_line(self._view, width, self._glyphs)])
            self._give_panel(Heights(0, 0, 0, 0, 0, 0, 0))
            self._watch(None)
            return
        self._header.show([header_line(self._view, self._rates, width, self._glyphs)])
        self._head.show([head_line(width)])
        detail = self._detail_lines(width, detail_room(height))
        self._detail.show(detail)
        panel = self._pulls.count > len(self._view.pulls)
        heights = arrange(height, rows=self._pulls.count, detail=len(detail), panel=panel)
        _give(self._head, heights.head)
        _give(self._pulls, heights.pulls)
        _give(self._detail, heights.detail)
        self._give_panel(heights)
        self._draw_panel(heights, width)

    def _detail_lines(self, width: int, most: int) -> list[Line]:
        row = self._pulls.row
        if row is None:
            return empty_lines(self._view.models_dir, width, self._glyphs)
        return detail_lines(row.pull, of_interest(row), width, most, self._glyphs)

    def _give_panel(self, heights: Heights) -> None:
        _give(self._title, heights.title)
        _give(self._map, heights.map)
        _give(self._legend, heights.legend)
        _give(self._parts, heights.parts)

    def _draw_panel(self, heights: Heights, width: int) -> None:
        """Show the parts of what the cursor is on, and tell the engine that they are looked at."""
        row = self._pulls.row
        blob = of_interest(row) if row and heights.title else None
        self._watch(blob.digest if blob else None)
        if blob is None:
            self._title.show([rule((), (), width, self._glyphs)] if heights.title else [])
            for widget in (self._map, self._legend, self._parts):
                widget.show([])
            return
        room = width - 2
        self._title.show([title_line(blob, room * heights.map, width, self._glyphs)])
        self._map.show(map_lines(blob.map, room, heights.map, self._glyphs) if blob.map else [])
        self._legend.show([legend_line(width, self._glyphs)] if blob.map else [])
        self._parts.show(active_lines(blob, width, heights.parts, self._glyphs))

    def _watch(self, digest: str | None) -> None:
        if digest != self._watched:
            self._watched = digest
            self._service.watch([digest] if digest else [])

    def _selected(self) -> PullView | None:
        row = self._pulls.row
        if row is None:
            self._say("nothing is queued: a adds a model")
        return row.pull if row else None

    def action_pause(self) -> None:
        """Pause the selected pull, or go on with it."""
        pull = self._selected()
        if pull is None:
            return
        if pull.state in (PullState.PAUSED, PullState.FAILED):
            self._send("resume", lambda: self._service.resume([pull.id]))
        elif pull.state in _CAN_PAUSE:
            self._pause([pull.id])
        else:
            self._say(f"{pull.name} is {pull.state.value}: nothing to pause")

    def action_pause_all(self) -> None:
        """Pause all pulls; if that was done already, go on with those that it has paused."""
        paused = [
            pull.id
            for pull in self._view.pulls
            if pull.id in self._stopped_by_all
            and (pull.state is PullState.PAUSED or pull.id in self._pausing)
        ]
        if paused:
            self._stopped_by_all = frozenset()
            self._send("resume", lambda: self._service.resume(paused))
            return
        going = [pull.id for pull in self._view.pulls if pull.state in _CAN_PAUSE]
        if not going:
            self._say("nothing to pause")
            return
        self._stopped_by_all = frozenset(going)
        self._pause(going)

    def action_retry(self) -> None:
        """Try again now."""
        pull = self._selected()
        if pull is None:
            return
        if pull.state is PullState.DONE:
            self._say(f"{pull.name} is done: nothing to retry")
        elif pull.state is PullState.PAUSED:
            self._say(f"{pull.name} is paused: p goes on with it")
        else:
            self._send("retry", lambda: self._service.retry([pull.id]))

    def action_add(self) -> None:
        """Ask for a name and queue it."""
        dialog = AddDialog(self._glyphs, self._service.check_name, self._view.models_dir)
        self.app.push_screen(dialog, self.add)

    def add(self, name: str | None) -> None:
        """Queue a name, if there is one."""
        if name:
            self._send(f"adding {safe_name(name, 80)}", lambda: self._service.add(name))

    def _pause(self, pulls: Collection[str]) -> None:
        def paused() -> None:
            self._pausing.difference_update(pulls)
            self._show_pulls()

        self._pausing.update(pulls)
        self._show_pulls()
        self._send("pause", lambda: self._service.pause(pulls), paused)

    def _send(
        self, what: str, start: Callable[[], Future[Any]], then: Callable[[], None] = lambda: None
    ) -> None:
        """Give the engine a command without waiting for it, and say so if it fails; `then` comes after it."""
        self.run_worker(self._finish(what, start, then), group="commands", exit_on_error=False)

    async def _finish(self, what: str, start: Callable[[], Future[Any]], then: Callable[[], None]) -> None:
        try:
            # Shielded: leaving the app must not cancel what the engine has begun.
            await asyncio.shield(asyncio.wrap_future(start()))
        except PullError as error:
            self._say(f"{error}. {error.hint}".strip(), failed=True)
        # Whatever went wrong with one command, the screen has to stay: downloads go on beneath it.
        except Exception as error:
            self._say(f"{what} failed: {error or type(error).__name__}", failed=True)
        finally:
            then()

    def _say(self, text: str, *, failed: bool = False) -> None:
        self.app.notify(
            safe(text),
            severity="error" if failed else "information",
            markup=False,
            timeout=8 if failed else 4,
        )


def _give(widget: LineView, height: int) -> None:
    """Let a widget have this many lines; a layout happens only if that changes something."""
    if widget.display != bool(height):
        widget.display = bool(height)
    if height and (widget.styles.height is None or widget.styles.height.value != height):
        widget.styles.height = height
