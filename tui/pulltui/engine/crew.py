"""The connections of one pull: how many there are, and which of them takes over from which."""

from __future__ import annotations

import asyncio
import math
from statistics import median
from typing import TYPE_CHECKING

from pulltui.engine.connection import Connection
from pulltui.engine.edges import crawling
from pulltui.engine.pace import Pace
from pulltui.engine.ramp import Phase, Ramp
from pulltui.engine.run import Run
from pulltui.engine.setbacks import Reconnect, Surplus, Takeover
from pulltui.engine.takeover import Patience, Progress, cut, is_slow, reason
from pulltui.engine.views import EventKind

if TYPE_CHECKING:
    from pulltui.engine.blob import BlobDownload
    from pulltui.engine.context import Context
    from pulltui.engine.pull import Pull

_SETTLED = (0.25, 6)
"""A connection's speed says something after so many seconds from its first byte, and so many times what a
first byte takes: connections begin slowly, by round trips."""
_STEP = (10, 0.5)
"""What a number of connections brings is measured over so many first bytes, and at most so many seconds."""
_DISK_TOLD = 30.0
"""Seconds that the disk has to keep up before it is told again that it does not."""
_CRAWL = 128 << 10
"""A connection of fewer bytes a second crawls, whatever the others do."""
_EXPLORE_LAST = 300.0
"""Longest pause, in seconds, before it is seen again whether another address is better than such."""
_BEHIND = 128_000_000
"""So many bytes behind a run that wait for it to be hashed make it worth asking for it anew as soon as if
connections had nothing else to do."""
_LIVELY = 1.0
"""Seconds since a byte within which a connection counts as moving."""


class Crew:
    """Made when a pull begins to fetch, stopped when it ends or is paused."""

    def __init__(self, pull: Pull, context: Context) -> None:
        self.idle = 0
        """Connections that found nothing to fetch."""
        self._pull = pull
        self._context = context
        self._workers: list[asyncio.Task[None]] = []
        self._wanted = 0
        """How many were wanted at the last look."""
        self._silent = 0
        """Connections that bring nothing while others do."""
        self._tell_of_disk = -math.inf
        """When to say next that the disk does not keep up."""
        tuning = context.tuning
        self.pace = Pace(context.clock, tuning.rate_window, tuning.run_seconds)
        self._patience = Patience(tuning.takeover_after, tuning.idle_after)
        self._explore_pause = self._patience.busy
        self._explore_at = math.inf
        self._ramp = Ramp(
            context.clock(),
            self._most,
            step=self._step,
            probe_first=tuning.ramp_probe_first,
            probe_last=tuning.ramp_probe_last,
        )

    # -- how many -----------------------------------------------------------------------------------

    @property
    def wanted(self) -> int:
        """How many connections there should be; in place of those that are silent there may be others."""
        fixed = self._context.settings.transfer.connections
        count = self._ramp.wanted + self._silent if fixed == "auto" else fixed
        return max(1, min(count, self._most()))

    @property
    def why(self) -> str:
        """Why there are so many, in words."""
        fixed = self._context.settings.transfer.connections
        return self._ramp.why if fixed == "auto" else f"{fixed} by transfer.connections"

    def start(self) -> None:
        """Have as many at work as are wanted; those that are too many rest when their run is over."""
        while len(self._workers) < self.wanted:
            worker = Connection(self._pull, self, self._context, len(self._workers))
            self._workers.append(asyncio.create_task(worker.work()))

    def surplus(self, number: int) -> bool:
        """Return whether connection `number` (from 0) should rest."""
        return number >= self.wanted

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
        context, pull = self._context, self._pull
        bounds = [context.gates.gate(host).limit for host in pull.hosts()]
        bounds += [context.throttle.connections, context.throttle.connections_of(pull.id)]
        return min([context.slots.most(pull.registry), *(bound for bound in bounds if bound is not None)])

    def run_size(self, left: int, rate: float) -> int:
        """Return how many bytes a connection of that speed (0: not known) should ask for of `left`."""
        return self.pace.run_size(left, rate, self.wanted, growing=self._ramp.phase is Phase.GROWING)

    # -- looking after them -------------------------------------------------------------------------

    def look(self) -> None:
        """Look at all connections: a few times a second."""
        now = self._context.clock()
        runs = [(blob, run) for blob in self._pull.downloads for run in blob.runs]
        for _, run in runs:
            run.meter.sample(now, run.received)
        rates = {run: run.meter.rate(now, run.received) for _, run in runs if self._told(run, now)}
        if self._held_by_disk(now):
            rates = {}  # the disk's
        self.pace.look(rates.values())
        self._silent = self._silences([run for _, run in runs])
        self._count(runs, now)
        self._take_over(runs, rates, now)
        self._explore(rates, now)
        if self.idle and runs:
            self._pull.kick()  # there may be something to share by now

    def _silences(self, runs: list[Run]) -> int:
        """Return how many connections are silent; if all are, one: a fresh one shows whether it is they."""
        limit = max(self._patience.idle, 4 * self.pace.usual.first_byte)
        attempts = [run.attempt for run in runs if run.attempt is not None and not run.attempt.excused]
        silent = sum(attempt.silent() >= limit for attempt in attempts)
        return silent if any(map(_lively, runs)) else min(1, silent)

    def _count(self, runs: list[tuple[BlobDownload, Run]], now: float) -> None:
        context, pull = self._context, self._pull
        held = context.writer.full or context.writer.disk.holds
        held = held or context.slots.starved(pull.id) or pull.waiting is not None
        held = held or any(run.attempt is not None and run.attempt.held_lately for _, run in runs)
        self._ramp.look(
            now,
            sum(blob.received for blob in pull.downloads),
            sum(blob.retries for blob in pull.downloads),
            sum(_receiving(run) for _, run in runs),
            held=held or self.idle > 0,
        )
        before, self._wanted = self._wanted, self.wanted
        if self._wanted > before:
            self.start()
            pull.kick()  # those that rested
        if context.settings.transfer.connections != "auto":  # somebody said so, and wants to see it
            for _, run in runs:
                if run.attempt is not None and self.surplus(run.number):
                    run.attempt.abort(Surplus("fewer connections are wanted"))

    def _held_by_disk(self, now: float) -> bool:
        """Return whether the disk does not keep up; says so once, until it has for a while."""
        why = self._context.writer.disk.why
        if why and now >= self._tell_of_disk:
            pull = self._pull
            self._context.log.emit(
                EventKind.WAITING,
                pull=pull.id,
                name=pull.name.short,
                why=f"held by the disk: {why}",
                error_kind="disk",
            )
        if why:
            self._tell_of_disk = now + _DISK_TOLD
        return bool(why)

    def _told(self, run: Run, now: float) -> bool:
        """Return whether a run has received for long enough to tell its speed."""
        if not _receiving(run) or run.first_at is None:
            return False
        least, times = _SETTLED
        return now - run.first_at >= max(least, times * self.pace.usual.first_byte)

    def _take_over(self, runs: list[tuple[BlobDownload, Run]], rates: dict[Run, float], now: float) -> None:
        """Break off what is quiet or far slower than the others: somebody goes on at that byte."""
        by_host: dict[str, list[float]] = {}
        for run, rate in rates.items():
            by_host.setdefault(run.host, []).append(rate)
        crawlers = crawling(by_host, self._context.settings.retry.slow_factor)
        fronts = {front for blob in self._pull.downloads if (front := _blocks(blob)) is not None}
        for blob, run in runs:
            attempt = run.attempt
            if attempt is None or attempt.excused or blob.single_stream:
                run.slow_since = None
                continue
            slow = run in rates and (run.host in crawlers or self._is_slow(run, rates))
            run.slow_since = (run.slow_since or now) if slow else None
            why = reason(
                Progress(
                    left=run.end - run.position,
                    rate=rates.get(run, 0.0),
                    silent=attempt.silent(),
                    begun=run.received > 0,
                    slow_for=now - run.slow_since if run.slow_since is not None else None,
                    moves=run.part.moves,
                ),
                self.pace.usual,
                patience=self._patience,
                idle=self.idle > 0,
                blocks=run in fronts,
                others_move=any(_lively(other) for _, other in runs if other is not run),
                factor=self._context.settings.retry.slow_factor,
            )
            if why:
                run.part.move()
                blob.takeovers += 1
                if run.part.moves % 2 == 0:
                    run.source.refresh(run.generation)
                attempt.abort(Takeover(why))

    def _explore(self, rates: dict[Run, float], now: float) -> None:
        """While all connections crawl, have one see now and then whether a fresh address leads elsewhere."""
        free = [run for run in rates if run.attempt is not None and not run.attempt.excused]
        if not free or median([rates[run] for run in free]) >= _CRAWL:
            self._explore_at = now + self._patience.busy
        elif now >= self._explore_at:
            self._explore_pause = min(2 * self._explore_pause, _EXPLORE_LAST)
            self._explore_at = now + self._explore_pause
            run = max(free, key=lambda run: run.end - run.position)
            run.source.refresh(run.generation)
            assert run.attempt is not None
            run.attempt.abort(Reconnect("all connections crawl: another address may be better"))

    def _is_slow(self, run: Run, rates: dict[Run, float]) -> bool:
        """Return whether a run is far slower than its siblings, or than they were when they are gone."""
        factor = self._context.settings.retry.slow_factor
        others = [rate for other, rate in rates.items() if other is not run] + self.pace.lately
        gone = self.idle > 0 and rates[run] < factor * self.pace.usual.rate
        return gone or is_slow(rates[run], others, factor)

    def share(self) -> tuple[BlobDownload, Run] | None:
        """Return the back of what would take longest, for a connection that has nothing else to do."""
        if self._context.writer.disk.holds:
            return None  # it would not come any sooner
        now, usual = self._context.clock(), self.pace.usual
        found: list[tuple[float, int, BlobDownload, Run]] = []
        for blob in self._pull.downloads:
            if blob.single_stream:
                continue
            for run in blob.runs:
                if not run.source.ranges or not _receiving(run) or run.complete:
                    continue
                rate = run.meter.rate(now, run.received) if self._told(run, now) else usual.rate
                at = cut(run.position, run.end, rate, usual)
                if at is not None:
                    found.append(((run.end - run.position) / rate, at, blob, run))
        for _, at, blob, run in sorted(found, key=lambda one: one[0], reverse=True):
            if (back := blob.split(run, at, self._pull.source(blob))) is not None:
                return blob, back
        return None


def _blocks(blob: BlobDownload) -> Run | None:
    """Return the run for which much that is written waits to be hashed, None if there is none."""
    if blob.table is None or blob.verified or not blob.runs:
        return None
    reached = blob.table.written_prefix(blob.hashed)
    front = min(blob.runs, key=lambda run: run.position)
    return front if front.start <= reached <= front.position and blob.written - reached > _BEHIND else None


def _receiving(run: Run) -> bool:
    return run.attempt is not None and not run.attempt.waits and run.received > 0


def _lively(run: Run) -> bool:
    return _receiving(run) and run.attempt is not None and run.attempt.silent() < _LIVELY
