"""One dialog or widget on a screen of its own, without the rest of the app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulltui.ui import themes
from pulltui.ui.widgets.line_view import LineView
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widget import Widget


class PlainApp(App[None]):
    """An app with our themes, and nothing else of ours."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self) -> None:
        super().__init__()
        self.animation_level = "none"
        themes.register(self)
        self.theme = themes.DEFAULT

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.state_colors(self.current_theme)


class DialogApp(PlainApp):
    """Shows a screen made by `make` and writes down what it answers."""

    def __init__(self, make: Callable[[], Screen[Any]]) -> None:
        super().__init__()
        self._make = make
        self.answers: list[Any] = []

    def on_mount(self) -> None:
        self.push_screen(self._make(), self.answers.append)


class WidgetApp(PlainApp):
    """Shows one widget, as large as the terminal, and writes down which actions were clicked."""

    CSS = "Screen { overflow: hidden; } #it { height: 1fr; }"

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget
        self.pressed: list[str] = []

    def compose(self) -> ComposeResult:
        yield self._widget

    def on_line_view_pressed(self, event: LineView.Pressed) -> None:
        self.pressed.append(event.action)


def text_of(app: App[Any], area: str) -> str:
    """All text of one LineView of the screen on top."""
    return "\n".join(line.text.rstrip() for line in app.screen.query_one(f"#{area}", LineView).lines)
