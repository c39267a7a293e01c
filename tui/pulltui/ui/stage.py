"""What the actions need of the screen that they are called on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from textual.screen import Screen

from pulltui.engine.views import EngineView, PullView
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lens import Lens

Answer = TypeVar("Answer")


class Stage(Protocol):
    """The main screen, as the actions see it."""

    glyphs: Glyphs
    view: EngineView
    lens: Lens

    def key(self, action: str) -> str:
        """Return what the key of an action is called; "" if it has none."""

    def chosen(self) -> list[PullView]:
        """Return the pulls that an action is for: the marked ones that are shown, else the selected one.

        If there is none, says so.
        """

    def show_pulls(self) -> None:
        """Draw the list again."""

    def say(self, text: str, *, failed: bool = False, topic: str = "") -> None:
        """Show a sentence for a while, in the place of an older one about the same `topic`."""

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

    def ask(self, dialog: Screen[Answer], answered: Callable[[Answer | None], None]) -> None:
        """Show a dialog; `answered` gets what comes of it."""
