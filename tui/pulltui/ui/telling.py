"""Messages that pop up: one about each thing, and none that covers a small screen for long."""

from __future__ import annotations

from textual.app import App
from textual.notifications import SeverityLevel

from pulltui.ui.glyphs import Glyphs
from pulltui.ui.layout import TINY_HEIGHT, is_small, is_tiny
from pulltui.ui.lines import fit
from pulltui.ui.toasts import MOST, Told

_AROUND = 6
"""Cells around a message: its edge, a space on either side, and Textual's room for scrolling."""
SHORT_TOAST = 3.0
"""Seconds that a message stays in a small terminal, where it covers what is to be seen."""
TINY_TOAST = 2.0
"""The same in a tiny one, where it stands in the place of the keys."""


class TellingApp(App[None]):
    """An app whose messages count instead of piling up."""

    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (TINY_HEIGHT, "-high")]  # noqa: RUF012 - as Textual has it
    DEFAULT_CSS = "Screen.-tiny > ToastRack { margin-bottom: 0; }"

    _glyphs: Glyphs

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """As Textual's, without markup; in a small terminal for a short time, in a tiny one over the keys.

        What is up already is not put up again: it counts how often it was said. It takes one line; only what
        failed, and is told nowhere else, is told in full where there is room.
        """
        self.tell(message, title, severity, self.NOTIFICATION_TIMEOUT if timeout is None else timeout)

    def tell(
        self, message: str, title: str, severity: SeverityLevel, timeout: float, topic: str = ""
    ) -> None:
        """Put up a message in the place of the one about the same `topic`; "": about itself."""
        width, height = self.size
        told = Told(message, title, severity, timeout, topic=topic or f"{severity} {title}: {message}")
        if not topic:
            told.times += sum(each.times for each in self._up(told.topic))
        again = f" ({told.times} times)" if told.times > 1 else ""
        small, alone = is_small(width, height), severity != "information" and not topic
        if small:
            told.timeout = TINY_TOAST if is_tiny(width, height) else SHORT_TOAST
        if small or not alone:
            text = f"{title}: {message}" if title else message
            text = fit(text, width - _AROUND - len(again), self._glyphs.more)
            told.message, told.title = text.rstrip(), ""
        told.message += again
        self.put_up(told)

    def _up(self, topic: str) -> list[Told]:
        """Return the messages about a topic that are up."""
        return [each for each in self._notifications if isinstance(each, Told) and each.topic == topic]

    def put_up(self, told: Told) -> None:
        """Put up a message in the place of those about the same.

        At once, as Textual itself does it a message later: a key that repeats would find nothing up yet.
        """
        for each in self._up(told.topic):
            self._unnotify(each, refresh=False)
        others = sorted(self._notifications, key=lambda one: (one.severity == "error", one.raised_at))
        for other in others[: max(0, len(others) - MOST + 1)]:
            self._unnotify(other, refresh=False)
        self._notifications.add(told)
        self._refresh_notifications()
