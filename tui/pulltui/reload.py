"""Settings that change while the program runs: what becomes of them, and what is said about it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from pulltui_config import Loaded, Settings
from pulltui_config.watching import Watched, difference

from pulltui.engine.clean import safe

INTERVAL: Final = 1.0
"""Seconds between two looks at the file."""
LONGEST: Final = 100
"""Characters for one of several changes."""

logger = logging.getLogger("pulltui.settings")


class News(NamedTuple):
    """One clean sentence to show; `bad` if something is wrong."""

    text: str
    bad: bool = False


class Reload:
    """Brings changes of a settings file into force. Touches the disk, by one stat a second as a rule."""

    def __init__(self, watched: Watched, apply: Callable[[Settings], object]) -> None:
        """`apply` is given the new settings whenever they changed; everybody takes from them what is live."""
        self._watched = watched
        self._apply = apply
        self._next = float("-inf")

    @property
    def loaded(self) -> Loaded:
        """What is in force, with where it comes from."""
        return self._watched.loaded

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._watched.loaded.settings

    def poll(self, now: float) -> list[News]:
        """Look at the file if it is time (`now`: seconds of a monotonic clock); return what to show."""
        if now < self._next:
            return []
        self._next = now + INTERVAL
        before = self._watched.loaded
        after = self._watched.changed()
        if after is None:
            return []
        news = []
        if changes := difference(before.settings, after.settings):
            self._apply(after.settings)
            told = "; ".join(safe(str(change), LONGEST) for change in changes)
            news.append(News(f"settings: {told}"))
            # Not the values: what people write there (a hook's arguments, say) may be secret.
            logger.info("changed: %s", ", ".join(change.key for change in changes))
        found = [problem for problem in after.problems if problem not in before.problems]
        for problem in found or (() if changes else after.problems):
            bad = problem.severity == "error"
            lead = "settings stay as they are" if bad else "settings"
            news.append(News(f"{lead}: {safe(str(problem))}", bad))
            logger.warning("%s in line %s: %s", problem.severity, problem.line, safe(problem.key))
        if not news:
            news.append(News("settings: what was wrong with them is put right"))
        return news
