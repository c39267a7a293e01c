"""A pull without screens: adds names, watches the engine, reports, and ends with an exit code."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from contextlib import suppress
from types import FrameType
from typing import Any, Final, Protocol, Self

from msgspec.structs import replace

from pulltui.engine.api import EngineApi
from pulltui.engine.clean import safe_name
from pulltui.engine.errors import GaveUpError, NoSpaceError, PullError, UnsavedError
from pulltui.engine.views import BlobState, EngineView, Event, EventKind, PullState, PullView
from pulltui.outcome import UNSAVED, Outcome, engine_ended, over_blobs, waits_for_space
from pulltui.output import SIGPIPE_CODE, OutputClosedError
from pulltui.reload import Reload
from pulltui.words import in_trouble, seconds_text

POLL: Final = 0.1
"""Seconds between two looks at the engine, at most."""
STOP_SECONDS: Final = 1.5
"""How long the engine may take to save when a signal came."""
EXIT_SECONDS: Final = 1.9
"""When the process ends after a signal, whatever hangs: a terminal that stopped reading blocks our writes."""
END_SECONDS: Final = 45.0
"""How long the engine may take to end when all pulls have: their hooks may take 30 of these."""
LONGEST_LOOK: Final = 10.0
"""Seconds from one look to the next that count as silence, at most. Looks come every POLL: when far more time
has passed the process was stopped, and the view may not know that yet."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OVER: Final = (PullState.DONE, PullState.FAILED)


class Reporter(Protocol):
    """Tells what goes on: in words (`lines.Lines`) or as JSON (`jsonlines.JsonLines`).

    Every method may raise OutputClosedError.
    """

    def events(self, events: Sequence[Event], pulls: Sequence[PullView]) -> None:
        """Tell what happened; `pulls` are the command's own."""

    def progress(self, pulls: Sequence[PullView], view: EngineView) -> None:
        """Tell how far it is; called at every look, the reporter decides how often it speaks."""

    def summary(self, outcome: Outcome) -> None:
        """Tell how it ended."""


class StopSignals:
    """While entered, the first SIGINT, SIGTERM or SIGHUP calls `on_stop` and sets `code`.

    A second SIGINT exits at once; whatever hangs, the process ends EXIT_SECONDS after the first signal.

    Signals that were ignored when we started stay so: that is what nohup and `&` in scripts ask for.
    """

    def __init__(self, on_stop: Callable[[], None]) -> None:
        self._on_stop = on_stop
        self._before: dict[int, Any] = {}
        self.code: int | None = None
        """128 + the signal's number, None as long as none came."""

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._out_of_time)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.code is not None:
            if number == signal.SIGINT:
                os._exit(self.code)
            return
        self.code = 128 + number
        signal.setitimer(signal.ITIMER_REAL, EXIT_SECONDS)
        self._on_stop()

    def _out_of_time(self, _number: int, _frame: FrameType | None) -> None:
        if self.code is not None:
            # The terminal may be what hangs, and it is not ours alone: it gets its mode back.
            with suppress(OSError):
                os.set_blocking(2, False)
                os.write(2, f"\n{UNSAVED}\n".encode())
                os.set_blocking(2, True)
            os._exit(self.code)


class GiveUpClock:
    """Counts the seconds without a byte (`give_up_after`). Pure: times come in."""

    def __init__(self, limit: float) -> None:
        """`limit` in seconds, 0 for never."""
        self.limit = limit
        self._seen: object = None
        self._last: float | None = None
        self.silent = 0.0
        """Seconds that count."""

    def expired(self, now: float, pulls: Sequence[PullView], view: EngineView) -> bool:
        """Take note of a view at `now` (monotonic seconds); return True when the limit is reached."""
        passed = min(now - self._last, LONGEST_LOOK) if self._last is not None else 0.0
        self._last = now
        # Hashing and a disk that lags behind are progress too.
        seen = (
            [(b.done, b.hashed, b.state is BlobState.VERIFIED) for p in pulls for b in p.blobs],
            view.backlog,
        )
        if seen != self._seen:
            self._seen = seen
            self.silent = 0.0
        elif not _excused(pulls, view):
            self.silent += passed
        return 0 < self.limit <= self.silent


def _excused(pulls: Sequence[PullView], view: EngineView) -> bool:
    """Whether all that is left waits for something that is not the network's fault."""
    left = [pull for pull in pulls if pull.state not in _OVER]
    return view.suspended or all(
        pull.state is PullState.PAUSED
        or (pull.waiting is not None and pull.kind in {"no-space", "busy", "schedule"})
        for pull in left
    )


class Run:
    """One headless command over an engine that has been started; `run` returns how it ended."""

    def __init__(
        self,
        api: EngineApi,
        reporter: Reporter,
        *,
        give_up_after: float,
        reload: Reload | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._reporter = reporter
        self._clock = clock
        self._start = clock()
        self._took = 0.0
        """Seconds that the pulls took, the engine's end not counted."""
        self._limit = give_up_after
        self._give_up = GiveUpClock(give_up_after)
        self._reload = reload
        self._ids: dict[str, str] = {}
        """Our pulls' ids and names."""
        self._pending: list[Event] = []
        self._pending_rev = 0
        self._seq = 0
        self._refusals: list[PullView] = []

    def run(self, names: Sequence[str], *, insecure: bool = False) -> Outcome:
        """Pull `names` to their end, a signal, a broken output or `give_up_after`.

        The engine is stopped on return. A name that it refuses has failed, the others go on.
        Raises PullError if the engine has broken.
        """
        with StopSignals(self._api.request_stop) as signals:
            broken = False
            given_up: list[PullView] = []
            try:
                for name in names:
                    self._add(name, insecure, signals)
                given_up = self._follow(signals)
            except OutputClosedError:
                broken = True
            self._took = self._clock() - self._start
            saved = self._api.stop(END_SECONDS if signals.code is None else STOP_SECONDS)
            stop_code = SIGPIPE_CODE if broken else signals.code
            outcome = self._outcome(frozenset(pull.id for pull in given_up), stop_code=stop_code, saved=saved)
            if not broken:
                self._last_words(outcome, given_up)
        return outcome

    def _follow(self, signals: StopSignals) -> list[PullView]:
        """Look and report until all is over or a signal came; return the pulls that are given up."""
        while signals.code is None:
            self._check_alive()
            new = self._new_events()
            view = self._api.view
            pulls = self._mine(view)
            self._report(new, view, pulls)
            self._look_at_settings(pulls)
            left = [pull for pull in pulls if pull.state not in _OVER]
            if len(pulls) == len(self._ids) + len(self._refusals) and all(
                self._refused(pull) for pull in left
            ):
                return left
            self._reporter.progress(pulls, view)
            if self._give_up.expired(self._clock(), pulls, view):
                return left
            self._api.watch({blob.digest for pull in pulls for blob in pull.blobs if in_trouble(blob)})
            self._api.wait(view.rev, POLL)
        return []

    def _refused(self, pull: PullView) -> bool:
        """Whether there was no room from the start. A disk that fills up later is waited for."""
        return waits_for_space(pull) and not self._fetched([pull])

    def _last_words(self, outcome: Outcome, given_up: Sequence[PullView]) -> None:
        try:
            self._reporter.events([*self._pending, *self._new_events()], outcome.pulls)
            self._reporter.events([self._gave_up_event(pull) for pull in given_up], outcome.pulls)
            self._reporter.summary(outcome)
        except OutputClosedError:
            pass  # everything is saved, and there is nobody left to tell

    def _new_events(self) -> list[Event]:
        """Return what happened to our pulls, and to the queue, since the last call; names are filled in."""
        new = self._api.events(self._seq)
        if new:
            self._seq = new[-1].seq
        return [
            replace(event, name=self._ids.get(event.pull, ""))
            for event in new
            if event.pull in self._ids or (event.kind is EventKind.NOTE and not event.pull)
        ]

    def _report(self, new: list[Event], view: EngineView, pulls: Sequence[PullView]) -> None:
        """Tell events once there is a view made after them, which knows the blobs they are about.

        `new` must have been read before `view` was.
        """
        if self._pending and view.rev > self._pending_rev:
            self._reporter.events(self._pending, pulls)
            self._pending = []
        if new:
            self._pending += new
            self._pending_rev = view.rev

    def _look_at_settings(self, pulls: Sequence[PullView]) -> None:
        """Take up a change of the settings, and tell of it."""
        if self._reload is None:
            return
        news = self._reload.poll(self._clock())
        self._limit = self._give_up.limit = self._reload.settings.retry.give_up_after
        at = self._clock() - self._start
        notes = [Event(seq=self._seq, at=at, kind=EventKind.NOTE, why=text) for text, _ in news]
        self._reporter.events(notes, pulls)

    def _gave_up_event(self, pull: PullView) -> Event:
        error: PullError
        if waits_for_space(pull):
            error = NoSpaceError(pull.error, pull.hint)
        else:
            last = f"; last: {pull.waiting.why}" if pull.waiting else ""
            error = GaveUpError(
                f"no byte came for {seconds_text(self._limit)}{last}",
                "Look at the network and the registry; retry.give_up_after is how long to wait, 0 for ever.",
            )
        return self._failed_event(pull, error)

    def _failed_event(self, pull: PullView, error: PullError) -> Event:
        return Event(
            seq=self._seq,
            at=self._clock() - self._start,
            kind=EventKind.FAILED,
            pull=pull.id,
            name=pull.name,
            why=str(error),
            hint=error.hint,
            error_kind=error.kind,
        )

    def _add(self, name: str, insecure: bool, signals: StopSignals) -> None:
        future = self._api.add(name, insecure=insecure)
        while signals.code is None and not future.done():
            wait([future], timeout=POLL)
            self._check_alive()
        if not future.done():
            return
        error = future.exception()
        if isinstance(error, UnsavedError):  # it is pulled all the same, and a note says so
            self._ids[error.pull] = self._api.check_name(name)
            return
        if isinstance(error, PullError):
            self._refuse(name, error)
            return
        if error is not None:
            self._check_alive()
        self._ids[future.result()] = self._api.check_name(name)

    def _refuse(self, name: str, error: PullError) -> None:
        """Note and tell that the engine does not take a name."""
        pull = PullView(
            id=f"refused {len(self._refusals)}",
            name=safe_name(name, 300),
            host="",
            state=PullState.FAILED,
            error=str(error),
            hint=error.hint,
            kind=error.kind,
            exit_code=error.exit_code,
        )
        self._refusals.append(pull)
        self._reporter.events([self._failed_event(pull, error)], [pull])

    def _mine(self, view: EngineView) -> tuple[PullView, ...]:
        """Return the command's own pulls, refused ones included."""
        return (*(pull for pull in view.pulls if pull.id in self._ids), *self._refusals)

    def _check_alive(self) -> None:
        """Raise PullError if the engine has broken."""
        if (failure := self._api.failure) is not None:
            raise engine_ended(failure) from failure

    def _fetched(self, pulls: Sequence[PullView]) -> int:
        """Return the bytes that came since the start, blobs of several pulls counted once."""
        return over_blobs(pulls, lambda blob: blob.received)

    def _outcome(self, given_up: frozenset[str], *, stop_code: int | None, saved: bool) -> Outcome:
        view = self._api.view
        pulls = self._mine(view)
        return Outcome(
            pulls=pulls,
            seconds=self._took,
            fetched=self._fetched(pulls),
            models_dir=view.models_dir,
            stop_code=stop_code,
            given_up=given_up,
            saved=saved,
        )
