"""Messages that pop up: one about each thing, and none that covers a small screen for long."""

from __future__ import annotations

from textual.app import App
from textual.notifications import SeverityLevel

from pulltui.ui.glyphs import Glyphs
from pulltui.ui.layout import is_small, is_tiny
from pulltui.ui.lines import fit
from pulltui.ui.toasts import Told

SHORT_TOAST = 3.0
"""Seconds that a message stays in a small terminal, where it covers what is to be seen."""


class TellingApp(App[None]):
    """An app whose messages count instead of piling up."""

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
        """As Textual's, without markup; in a small terminal one line for a short time, in a tiny one nothing.

        What is up already is not put up again: it counts how often it was said.
        """
        self.tell(message, title, severity, self.NOTIFICATION_TIMEOUT if timeout is None else timeout)

    def tell(
        self, message: str, title: str, severity: SeverityLevel, timeout: float, topic: str = ""
    ) -> None:
        """Put up a message in the place of the one about the same `topic`; "": about itself."""
        width, height = self.size
        if is_tiny(width, height):
            return
        told = Told(message, title, severity, timeout, topic=topic or f"{severity} {title}: {message}")
        if not topic:
            told.times += sum(each.times for each in self._up(told.topic))
        again = f" ({told.times} times)" if told.times > 1 else ""
        if is_small(width, height):
            text = fit(f"{title}: {message}" if title else message, width - 4 - len(again), self._glyphs.more)
            told.message, told.title, told.timeout = text.rstrip(), "", SHORT_TOAST
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
        self.set_class(is_small(*self.size), "-small")
        self._notifications.add(told)
        self._refresh_notifications()
