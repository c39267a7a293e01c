"""The connections of one pull: how many there are, and which of them takes over from which."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING

from pulltui.engine.bounds import Bound, tightest
from pulltui.engine.connection import Connection
from pulltui.engine.edges import crawling
from pulltui.engine.explore import Explore
from pulltui.engine.flow import Flow
from pulltui.engine.held import Held
from pulltui.engine.pace import Pace
from pulltui.engine.ramp import Phase, Ramp
from pulltui.engine.run import Run
from pulltui.engine.setbacks import Reconnect, Setback, Surplus, Takeover
from pulltui.engine.standing import (
    BEHIND,
    blocking,
    first_byte,
    moves,
    receiving,
    recent,
    resolves,
    silent,
    tells,
    unheld,
)
from pulltui.engine.takeover import LEAST, Patience, Progress, Usual, is_slow, reason, silence
from pulltui.engine.views import EventKind, Waiting

if TYPE_CHECKING:
    from pulltui.engine.blob import BlobDownload
    from pulltui.engine.context import Context
    from pulltui.engine.pull import Pull

_ANEW = 0.5
"""Seconds without a byte from anywhere after which one connection asks anew; then twice as many."""
_STEP = (10, 0.5)
"""What a number of connections brings is measured over so many first bytes, and at most so many seconds."""
_FRONT = 1.0
"""A run that was begun at a guess is cut to so many seconds more when its speed can be told, if it would last
more than twice as long: what is behind it could not be hashed."""
_LOOKS = 3
"""A connection brings nothing if it was so at so many looks."""
_LUMP = 128 << 10
"""Bytes come in lumps of up to so many: a slow connection is silent between them."""
_LIVELY = 1.0
"""Seconds since a byte within which others count as going on."""


class Crew:
    """Made when a pull begins to fetch, stopped when it ends or is paused."""

    def __init__(self, pull: Pull, context: Context) -> None:
        self.idle = 0
        """Connections that found nothing to fetch."""
        self._pull = pull
        self._context = context
        self._connections: list[Connection] = []
        self._workers: list[asyncio.Task[None]] = []
        self._useless = 0
        """Connections that bring nothing, or next to nothing, while others do."""
        self._useless_lately: deque[int] = deque([0], _LOOKS)
        self._told_number: int | None = None
        self.received = self.breaks = 0
        """Bytes off this crew's sockets, and connections that broke for their own reasons."""
        self._came = 0
        self._came_at = context.clock()
        """How many of those bytes there were at the last look, and when there were more of them."""
        self._rest: set[int] = set()
        """Which connections rest."""
        self._anew_pause = self._anew_at = 0.0
        self.near = False
        """The end is near: what is slow or waits now is what everything would wait for."""
        self._held = Held(pull, context)
        tuning = context.tuning
        self._flow = Flow(tuning.slump)
        self.pace = Pace(context.clock, context.uniform, tuning.rate_window, tuning.run_seconds)
        self._patience = Patience(tuning.takeover_after, tuning.idle_after)
        self._exploring = Explore(self._patience.busy)
        self._ramp = Ramp(
            context.clock(),
            self._most,
            first=tuning.ramp_step,
            step=self._step,
            probe_first=tuning.ramp_probe_first,
            probe_last=tuning.ramp_probe_last,
        )

    # -- how many -----------------------------------------------------------------------------------

    @property
    def wanted(self) -> int:
        """How many connections there should be; in place of those that are useless there may be others."""
        fixed = self._context.settings.transfer.connections
        count = self._ramp.wanted + self._useless if fixed == "auto" else fixed
        return max(1, min(count, self._most()))

    @property
    def why(self) -> str:
        """Why there are so many, in words."""
        fixed = self._context.settings.transfer.connections
        bound = tightest(self._pull, self._context)
        if self._bounded(bound) if fixed == "auto" else bound.number < fixed:
            return f"at most {bound.number} ({bound.why})"
        more = self.wanted - self._ramp.wanted
        instead = f", {more} more for slow or silent ones" if more > 0 else ""
        return self._ramp.why + instead if fixed == "auto" else f"{fixed} (transfer.connections)"

    def start(self) -> None:
        """Have as many at work as are wanted; those that are too many rest when their run is over."""
        while len(self._workers) < self.wanted:
            connection = Connection(self._pull, self, self._context, len(self._workers))
            self._connections.append(connection)
            worker = asyncio.create_task(connection.work())
            worker.add_done_callback(lambda _: self._pull.kick())  # one that broke must be looked at
            self._workers.append(worker)

    @property
    def resting(self) -> Waiting | None:
        """Why nothing is fetched just now, if that is because hosts turned connections away for a moment."""
        now = self._context.clock()
        rests = [(one.rests_until - now, one.refusal) for one in self._connections if one.rests_until > now]
        if not rests or any(blob.runs for blob in self._pull.downloads):
            return None
        left, why = min(rests)
        return Waiting(why, left, "busy")

    def retry_now(self) -> None:
        """Nobody rests any more."""
        for connection in self._connections:
            connection.rests_until = -math.inf

    def surplus(self, number: int) -> bool:
        """Return whether connection `number` (from 0) should rest; who asks does what it is told."""
        rests = number >= self.wanted
        (self._rest.add if rests else self._rest.discard)(number)
        return rests

    def check(self) -> None:
        """Raise what broke a connection that should not have ended: a defect."""
        for worker in self._workers:
            if worker.done() and (error := worker.exception()) is not None:
                raise error

    async def stop(self) -> None:
        """End all of them; returns when they have let go of everything."""
        for worker in self._workers:
            worker.cancel()
        if self._workers:
            await asyncio.wait(self._workers)

    def _step(self) -> float:
        """Return over how many seconds a number of connections is judged: they begin slowly."""
        times, most = _STEP
        least = self._context.tuning.ramp_step
        return max(least, min(most, times * self.pace.usual.first_byte))

    def _most(self) -> int:
        """Return how many connections slots, hosts and caps allow."""
        return tightest(self._pull, self._context).number

    def _bounded(self, bound: Bound) -> bool:
        """Return whether there would be more connections, or might, if they were allowed."""
        return bound.number < self._ramp.target or (self._ramp.bounded and bound.number == self._ramp.target)

    def _tell_number(self) -> None:
        """Put into the log what number was found, or who bounds it: once for each."""
        bound, ramp = tightest(self._pull, self._context), self._ramp
        if self._context.settings.transfer.connections != "auto" or bound.passing:
            return
        found = ramp.target if ramp.phase is Phase.SETTLED else None
        if self._bounded(bound):
            found = bound.number
        if found is not None and found != self._told_number:
            self._told_number = found
            self._context.log.emit(
                EventKind.CONNECTIONS, pull=self._pull.id, name=self._pull.name.short, why=self.why
            )

    def run_size(self, left: int, rate: float) -> int:
        """Return how many bytes a connection of that speed (0: not known) should ask for of `left`."""
        return self.pace.run_size(left, rate, self.wanted, growing=self._ramp.phase is Phase.GROWING)

    # -- looking after them -------------------------------------------------------------------------

    def look(self) -> None:
        """Look at all connections: a few times a second."""
        now = self._context.clock()
        mine, blobs = self._pull.id, self._pull.downloads
        runs = [(blob, run) for blob in blobs for run in blob.runs if run.pull == mine]
        if self.received > self._came:
            self._came, self._came_at = self.received, now
        for _, run in runs:
            run.meter.sample(now, run.received)
        hurried = self.near or self.idle > 0
        told = [run for _, run in runs if tells(run, now, self.pace.usual, hurried=hurried)]
        rates = {run: recent(run, now) for run in told}
        if self._held.by_disk(now):
            rates = {}  # the disk's
        self.pace.look(rates.values())
        self._useless_lately.append(self._count_useless([run for _, run in runs], now))
        self._useless = min(self._useless_lately)  # many have just asked when there are to be more
        held = self._held.by_any(run for _, run in runs)
        self._count(runs, now, held=held or self.idle > 0)
        self._flow.look(now, self._came, held=held)
        written = {blob: blob.written for blob in blobs}
        left = sum(blob.size - had for blob, had in written.items())
        self.near = self._flow.seconds(left) < self._context.tuning.near
        self._shorten(runs, rates)
        self._tell_number()
        fronts = {front for blob in blobs for front in blocking(blob, written[blob])}
        factor, slump = self._context.settings.retry.slow_factor, self._context.tuning.slump
        crawls = self._flow.slumps and self._any_well(rates, slump)  # else all became slower together
        self._take_over(runs, rates, fronts, now, crawls=crawls)
        self._ask_anew(runs, {} if self._any_well(rates, factor) else rates, now)
        self._explore({run: rates[run] for blob, run in runs if run in rates and not blob.single_stream}, now)
        if self.idle and any(blob.runs for blob in blobs):
            self._pull.change.tell_one()  # there may be something to share by now

    def _shorten(self, runs: list[tuple[BlobDownload, Run]], rates: dict[Run, float]) -> None:
        """Cut those that were begun at a guess and turn out too long, where much is behind them."""
        for blob, run in runs:
            if run.guessed and run in rates and unheld(run):
                run.guessed = False
                soon = max(LEAST, int(rates[run] * _FRONT))
                behind = blob.size - run.position > BEHIND and run.source.ranges
                if behind and run.end - run.position > 2 * soon:
                    blob.shorten(run, run.position + soon)
                    self._pull.kick()

    def _usual(self, run: Run) -> Usual:
        """Return what to expect of a run."""
        return Usual(self.pace.usual.rate, first_byte(run, self.pace.usual.first_byte))

    def _silence(self, run: Run) -> float:
        """Return the seconds without a byte that are more than usual."""
        usual, in_vain = self._usual(run), moves(run) if resolves(run) else 0
        return silence(self._between_lumps, usual.first_byte, in_vain)

    @property
    def _between_lumps(self) -> float:
        """The seconds without a byte that are more than usual once bytes come."""
        rate = self.pace.usual.rate
        lump = min(_LUMP / rate, self._patience.busy) if rate else 0.0
        return max(self._patience.idle, lump)

    def _count_useless(self, runs: list[Run], now: float) -> int:
        """Return how many connections are silent or crawl; if none is well, one: a fresh one shows whether it
        is they.
        """
        to_blame = [run for run in runs if unheld(run)]
        slow = sum(run.slow_since is not None for run in to_blame)
        mute = sum(run.slow_since is None and silent(run) >= self._silence(run) for run in to_blame)
        limit = silence(self._patience.idle, self.pace.usual.first_byte)
        others_go_on = slow + mute < len(to_blame) or now - self._came_at < limit
        # Even if others go on: they may be in a queue, at a server that serves so many and tells nobody.
        useless = slow + min(mute, self._ramp.wanted)
        return useless if others_go_on else min(1, useless)

    def _count(self, runs: list[tuple[BlobDownload, Run]], now: float, *, held: bool) -> None:
        context, pull = self._context, self._pull
        self._ramp.look(
            now,
            self._came,
            self.breaks,
            sum(receiving(run) for _, run in runs),
            held=held,
        )
        self.start()
        if min(self._rest, default=math.inf) < self.wanted:
            pull.kick()  # those that rest and should not any more
        if context.settings.transfer.connections != "auto":  # somebody said so, and wants to see it
            for blob, run in runs:
                if run.attempt is not None and run.number >= self.wanted and not blob.single_stream:
                    run.attempt.abort(Surplus("fewer connections are wanted"))

    def _any_well(self, rates: dict[Run, float], share: float) -> bool:
        """Return whether a connection has, or just had, that share of the usual speed, if that is known."""
        least = share * self.pace.usual.rate
        if not least:
            return False
        moving = (rate for run, rate in rates.items() if silent(run) < self._patience.idle)
        return any(rate >= least for rate in [*moving, *self.pace.just_now])

    def _take_over(
        self,
        runs: list[tuple[BlobDownload, Run]],
        rates: dict[Run, float],
        fronts: set[Run],
        now: float,
        *,
        crawls: bool,
    ) -> None:
        """Break off what is quiet or far slower than the others: somebody goes on at that byte.

        Much waits for the `fronts` to be hashed. `crawls`: so many connections crawl that bytes come far
        slower than they did; others are well, so it is not the network.
        """
        by_host: dict[str, list[float]] = {}
        for run, rate in rates.items():
            by_host.setdefault(run.host, []).append(rate)
        crawlers = crawling(by_host, self._context.settings.retry.slow_factor)
        no_time = "bytes come far slower than they did" if crawls else "the end is near" if self.near else ""
        lumpy = Patience(self._patience.busy, self._between_lumps)
        for blob, run in runs:
            attempt = run.attempt
            if attempt is None or attempt.excused or blob.single_stream:
                run.slow_since = None
                continue
            few = self.idle > 0 or crawls
            slow = run in rates and (run.host in crawlers or self._is_slow(run, rates, few=few))
            run.slow_since = (run.slow_since or now) if slow else None
            why = reason(
                Progress(
                    left=run.end - run.position,
                    rate=rates.get(run, 0.0),
                    silent=attempt.silent(),
                    begun=run.received > 0,
                    slow_for=now - run.slow_since if run.slow_since is not None else None,
                    moves=moves(run),
                ),
                self._usual(run),
                patience=lumpy if run.received else self._patience,
                haste=self._haste(run in fronts),
                crawls=no_time,
                others_move=now - self._came_at < _LIVELY,
                factor=self._context.settings.retry.slow_factor,
            )
            if why and not run.given_up:
                self._move(blob, run, Takeover(why))

    def _haste(self, blocks: bool) -> str:
        """Return why asking again costs less than not asking, if it does."""
        if self.idle:
            return "a connection is free"
        return "what is behind it waits to be hashed" if blocks else ""

    def _move(self, blob: BlobDownload, run: Run, why: Setback) -> None:
        """Break a run off: whatever is left of it goes over another connection."""
        blob.takeovers += 1
        if resolves(run):
            run.source.moves += 1  # it is not the part's: the next one would fare no better
        else:
            run.part.move()
            if run.part.moves % 2 == 0:
                run.source.refresh(run.generation or run.source.generation, run.position)
        if run.attempt is not None:
            run.attempt.abort(why)

    def _ask_anew(self, runs: list[tuple[BlobDownload, Run]], rates: dict[Run, float], now: float) -> None:
        """While next to nothing comes, have one connection after the other ask anew, less and less often.

        `rates`: the speeds of those that bring something, if none is well. It may be the network, and then
        asking changes nothing. It may be they, and then one that is answered shows it.
        """
        least = max(_ANEW, silence(self._patience.idle, self.pace.usual.first_byte))
        still = now - self._came_at >= least
        if not (still or self._flow.slumps):
            self._anew_pause, self._anew_at = least, now
            return
        slow = self._context.settings.retry.slow_factor * self.pace.usual.rate
        asked = [
            (blob, run)
            for blob, run in runs
            if unheld(run)
            and not (run.given_up or blob.single_stream)
            and (silent(run) >= max(_ANEW, self._silence(run)) or rates.get(run, slow) < slow)
        ]
        if asked and (still or rates) and now >= self._anew_at:
            blob, run = max(asked, key=lambda one: silent(one[1]))
            self._anew_at = now + self._anew_pause
            self._anew_pause *= 2
            what = f"nothing came for {silent(run):.1f} s" if still else "next to nothing comes"
            self._move(blob, run, Reconnect(f"{what}: asking anew"))

    def _explore(self, rates: dict[Run, float], now: float) -> None:
        """While all connections crawl, have one see now and then whether a fresh address leads elsewhere.

        At once if that is likely, or nobody knows; where it never did, when the next one asks anyway.
        """
        to_blame = [run for run in rates if unheld(run)]
        if self._exploring.look(now, [rates[run] for run in to_blame]):
            run = max(to_blame, key=lambda run: run.end - run.position)
            run.source.refresh(run.generation, run.position)
            others = run.source.generation == 1 or self._context.edges.others(run.host)
            if run.attempt is not None and others:
                run.attempt.abort(Reconnect("all connections crawl: another address may be better"))

    def _is_slow(self, run: Run, rates: dict[Run, float], *, few: bool) -> bool:
        """Return whether a run is far slower than its siblings, or, if `few` of them are well, than usual."""
        factor = self._context.settings.retry.slow_factor
        others = [rate for other, rate in rates.items() if other is not run]
        by_far = few and rates[run] < factor * self.pace.usual.rate
        return by_far or is_slow(rates[run], others, factor, self.pace.lately)
