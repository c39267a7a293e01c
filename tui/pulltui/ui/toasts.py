"""What pops up: that pulls are done or failed, and notes about more than one blob; like ones become one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pulltui_config.units import format_size
from textual.notifications import Notification

from pulltui.engine.views import Event, EventKind
from pulltui.ui.words import counted, span_of

MOST = 2
"""More than this many are never up at once: the others wait for their turn."""
NAMES = 3
"""Pulls that a toast names; of more, only the number is told."""
PAUSE = 2.0
"""Seconds between two showings, so that what happens in quick succession is counted together."""
STAY = 8.0
"""Seconds that a toast stays."""

_ENDS = (EventKind.DONE, EventKind.FAILED)


class Toast(NamedTuple):
    """One message to pop up."""

    title: str
    text: str
    severity: Literal["information", "error"]
    topic: str = ""
    """What it is about: a newer one takes the place of an older one about the same."""


@dataclass
class Told(Notification):
    """A message that is up: Textual's, and what it takes to count when the same is said again."""

    topic: str = ""
    """As `Toast.topic`; messages that are nobody's toast are their own topic."""
    times: int = 1
    """How often it was said."""


class Toaster:
    """Collects events and says when there is something to show.

    Events that say the same of several pulls become one toast with their number; those that differ stay
    apart, and none is dropped. Times are seconds of one monotonic clock.
    """

    def __init__(self) -> None:
        self._waiting: list[Event] = []
        self._shown_at = float("-inf")
        self._up: dict[str, tuple[list[Event], float]] = {}
        """What the toasts on the screen are about, and until when they are there."""

    def take(self, events: Iterable[Event], now: float, *, hold: bool = False) -> list[Toast]:
        """Take in new events and return what to show now; `hold`: nothing, as somebody reads something."""
        self._waiting += [event for event in events if _matters(event)]
        if hold or not self._waiting or now - self._shown_at < PAUSE:
            return []
        self._up = {topic: (said, until) for topic, (said, until) in self._up.items() if now < until}
        fresh: dict[str, list[Event]] = {}
        for event in sorted(self._waiting, key=lambda event: not _is_bad(event)):
            fresh.setdefault(_topic(event), []).append(event)
        toasts, self._waiting = [], []
        for topic, said in fresh.items():
            if topic not in self._up and len(self._up) >= MOST:
                self._waiting += said
                continue
            group = [*self._up.get(topic, ((), 0.0))[0], *said]
            self._up[topic] = (group, now + STAY)
            toasts.append(_toast(group)._replace(topic=topic))
        if toasts:
            self._shown_at = now
        return toasts


def _matters(event: Event) -> bool:
    """Whether to show it: the end of a pull, or a note about a whole pull, the queue, a hook."""
    return event.kind in _ENDS or (event.kind is EventKind.NOTE and not event.digest)


def _is_bad(event: Event) -> bool:
    return event.kind is EventKind.FAILED or bool(event.error_kind)


def _topic(event: Event) -> str:
    """Return what like events have in common: all but the pull's name, its size and time."""
    if event.kind is EventKind.DONE:
        return event.kind.value
    said = f"{event.kind.value} {event.error_kind} {event.why} {event.hint}"
    return said.replace(event.name, "\0") if event.name else said


def _toast(group: Sequence[Event]) -> Toast:
    """Return the toast for like events."""
    event = group[0]
    names = list(dict.fromkeys(each.name for each in group if each.name))
    severity: Literal["information", "error"] = "error" if _is_bad(event) else "information"
    if event.kind is EventKind.DONE:
        return Toast(*_done(group, names), severity)
    said = f"{event.why}. {event.hint}".strip(" .") + "."
    failed = event.kind is EventKind.FAILED
    if len(names) < 2:
        again = f" ({len(group)} times)" if len(group) > 1 else ""
        if not failed:
            return Toast(event.name, f"{said}{again}", severity)
        return Toast(
            "failed" if event.name in event.why else f"{event.name} failed", f"{said}{again}", severity
        )
    title = f"{counted(len(names), 'pull')} failed" if failed else counted(len(names), "pull")
    if event.name in event.why:
        return Toast(title, f"{said} The same of {_listed(names[1:])}.", severity)
    return Toast(title, f"{_listed(names)}: {said}", severity)


def _done(group: Sequence[Event], names: Sequence[str]) -> tuple[str, str]:
    size = format_size(sum(event.size for event in group))
    if len(group) > 1:
        return f"{counted(len(group), 'pull')} are done", f"{_listed(names)}: {size}, verified."
    took = f" in {span_of(group[0].seconds)}" if group[0].seconds >= 1 else ""
    return f"{group[0].name} is done", f"{size}, verified{took}."


def _listed(names: Sequence[str]) -> str:
    """Return "a, b and c", "a, b, c and 7 more"."""
    first, rest = names[:NAMES], len(names) - NAMES
    if rest > 0:
        return f"{', '.join(first)} and {rest} more"
    return " and ".join(filter(None, (", ".join(first[:-1]), first[-1])))
