"""One of a pull's connections: takes a run, fetches it, takes the next, until there is nothing left."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pulltui.engine.accept import Body
from pulltui.engine.attempt import Attempt
from pulltui.engine.backoff import backoff
from pulltui.engine.blob import BlobDownload
from pulltui.engine.context import Context
from pulltui.engine.errors import PullError
from pulltui.engine.run import Run
from pulltui.engine.setbacks import (
    HostSetback,
    NoRanges,
    PartSetback,
    Reconnect,
    Setback,
    StaleUrl,
    Takeover,
)
from pulltui.engine.share import share
from pulltui.engine.slots import Place
from pulltui.engine.views import EventKind

if TYPE_CHECKING:
    from pulltui.engine.crew import Crew
    from pulltui.engine.pull import Pull


_LEAST = 0.25
"""A run's size follows from the speed of the one before it, over so many seconds at least: what comes at once
was waiting."""


class Connection:
    """A place at the network. `work` runs until it is cancelled or the pull has nothing left for it."""

    def __init__(self, pull: Pull, crew: Crew, context: Context, number: int) -> None:
        """`number` counts the crew's connections from 0: the last ones rest when there are too many."""
        self._pull = pull
        self._crew = crew
        self._number = number
        self._context = context
        self._place = Place(context.slots, pull.registry, pull.id)
        self._rate = 0.0
        """Bytes a second of the last run: the next one is made to last."""
        self._refusals = 0
        """Requests in a row that a host turned down."""
        self.refusal = ""
        """What the host said to the last of them."""
        self.rests_until = -math.inf
        """When this connection goes on after that."""

    async def work(self) -> None:
        """Fetch runs. What cannot be tried again ends up in the pull."""
        while True:
            while self._crew.surplus(self._number) and not self._pull.finished:
                await self._pull.change.wait()
            await self._place.take()
            try:
                found = await self._next()
                if found is not None:
                    await self._fetch(*found)
            except PullError as error:
                self._pull.fail(error)
                return
            finally:
                self._place.give_back()
            if found is not None:
                while (rest := self.rests_until - self._context.clock()) > 0:
                    await self._pull.change.wait(rest)  # what it was to fetch is free for others
                continue
            if self._pull.finished:
                return
            self._crew.idle += 1
            try:
                await self._pull.wait_for_work()
            finally:
                self._crew.idle -= 1

    async def _next(self, *, idle: bool = False) -> tuple[BlobDownload, Run] | None:
        """Return what to fetch now, small blobs first; opens blobs as they are needed.

        `idle`: this is the second look, after there was nothing else: parts that failed may be taken sooner.
        """
        for blob in self._pull.downloads:
            if blob.verified or blob.error is not None or self._pull.source(blob).rest:
                continue
            if not blob.is_open:
                await blob.open()
            want = self._crew.run_size(blob.size - blob.written, self._rate)
            slots, pull = self._context.slots, self._pull.id
            most = self._context.throttle.run(pull, self._rate, slots.in_use, slots.of_pull(pull))
            want, eager = want if most is None else min(want, most), idle or self._crew.near
            run = blob.take(self._pull.source(blob), want, idle=eager)
            if run is not None:
                run.guessed = not (self._rate or self._crew.pace.usual.rate)
                if most is not None and not run.whole:
                    run.shorten(most)
                return blob, run
        if not idle:
            return await self._next(idle=True)
        # A server without ranges would send the whole again; under a cap there is nothing to gain.
        if self._context.throttle.run(self._pull.id, 1.0, 1, 1) is not None:
            return None
        if self._context.writer.disk.holds:
            return None  # it would not come any sooner
        found = share(self._pull, self._context.clock(), self._crew.pace.usual)
        if found is not None:
            self._pull.change.tell_one()  # there may be more of that
        return found

    async def _fetch(self, blob: BlobDownload, run: Run) -> None:
        """Fetch one run; whatever comes of it, everything received is written before the parts are free."""
        setback: Setback | None = None
        try:
            await self._context.watchdog.guard(lambda attempt: self._receive(blob, run, attempt))
        except Setback as caught:
            setback = None if run.complete else caught
        finally:
            try:
                await self._context.writer.drain()
            finally:
                blob.give_back(run)
                if isinstance(setback, PartSetback):
                    self._crew.breaks += 1
                    blob.setback(run, setback)
        self._remember(run, setback)
        self._count_refusal(run, setback)
        if isinstance(setback, HostSetback):
            rest = self.rests_until - self._context.clock()
            self._pull.host_trouble(setback, rest if rest > 0 else None)
        elif isinstance(setback, StaleUrl | Reconnect | Takeover):
            self._context.log.emit(
                EventKind.NOTE, pull=self._pull.id, digest=blob.digest, part=run.part.n, why=setback.why
            )
        if run.complete and run.first_at is not None:
            now = self._context.clock()
            self._rate = run.received / max(_LEAST, now - run.first_at)
            self._crew.pace.ended(run.received, now - run.asked_at)

    def _count_refusal(self, run: Run, setback: Setback | None) -> None:
        """Say how long this connection rests, once it was turned down: the host may mean it alone."""
        tuning = self._context.tuning
        if isinstance(setback, HostSetback) and (setback.busy or setback.alone):
            cap = tuning.probe_first
            asked = (setback.retry_after or 0.0) if setback.alone else 0.0  # else the gate sees to it
        elif isinstance(setback, StaleUrl) and setback.alone:
            cap, asked = tuning.probe_last, 0.0  # each try costs the registry an address, too
        else:
            if run.received:
                self._refusals = 0
            return
        self._refusals += 1
        base = tuning.backoff_base / 2  # the host is well: sooner than a part
        pause = backoff(self._refusals, base, cap, self._context.uniform)
        self.refusal = setback.why
        self.rests_until = self._context.clock() + pause + asked

    def _remember(self, run: Run, setback: Setback | None) -> None:
        """Take note of how the host did that the registry sent us to."""
        edges = self._context.edges
        if isinstance(setback, HostSetback):
            if not setback.ceiling:
                edges.failed(setback.host, wholly=not setback.alone)
        elif run.host and isinstance(setback, PartSetback | Takeover):
            edges.failed(run.host)
        elif run.host and run.complete:
            edges.served(run.host)

    async def _receive(self, blob: BlobDownload, run: Run, attempt: Attempt) -> None:
        run.attempt, run.pull, run.number = attempt, self._pull.id, self._number
        attempt.place = self._place
        missing = next((part for part in run.parts if not part.done), run.part)
        attempt.fresh = missing.moves + missing.failures > 0
        if blob.single_stream and not run.whole:
            raise NoRanges("the server knows no ranges")
        if self._context.throttle.in_debt(self._pull.id):
            await self._allowed(1, attempt)  # much came at once, at a pause: ask for more when that is paid
        asked, began = run.end, self._context.clock()
        stream = await run.source.open(run.start, asked, attempt, ranged=not run.whole)
        run.generation, run.host = stream.generation, stream.host
        held = 0.0
        try:
            if stream.body is Body.WHOLE:
                blob.whole(run)
                asked = run.end
            async for chunk in stream.chunks(attempt):
                self._crew.received += len(chunk)
                if run.first_at is None:
                    run.first_at = self._context.clock()
                    run.asked_at = max(began, attempt.went_on, attempt.led_at)
                    self._crew.pace.first_byte(run.first_at - run.asked_at)
                held = max(held, await self._feed(blob, run, chunk, attempt))
                left = run.end - run.position
                if stream.body is Body.RANGE and self._context.throttle.too_much(self._pull.id, left):
                    run.stop()  # a cap was set meanwhile: what is asked for from now on is less
                held = max(held, await self._wait_for_disk(attempt))
                if run.complete and run.slow_since is not None:
                    stream.drop()  # this one crawls
                    break
                # A body of known length is read to its end, so that the connection can be used again.
                if run.complete and (not stream.sized or run.end < asked):
                    break
            if not run.complete:
                raise PartSetback("the body ended early")
        except PartSetback as setback:
            if held < self._context.tuning.patience:
                raise
            raise Reconnect(f"{setback.why}, after we had not read for {held:.0f} s") from setback
        finally:
            await stream.close()

    async def _wait_for_disk(self, attempt: Attempt) -> float:
        """Wait until the writer has room for more; returns the seconds that took."""
        writer, began = self._context.writer, self._context.clock()
        if writer.full:
            attempt.hold(connected=True, by="disk")
            await writer.room()
            attempt.release()
        return self._context.clock() - began

    async def _feed(self, blob: BlobDownload, run: Run, chunk: memoryview, attempt: Attempt) -> float:
        """Take a chunk in as fast as the caps allow; returns the seconds that took.

        All of it is taken whatever happens: it has come already.
        """
        throttle, pull = self._context.throttle, self._pull.id
        came = self._context.clock()
        try:
            while chunk:
                size = await self._allowed(len(chunk), attempt)
                blob.feed(run, chunk[:size])
                chunk = chunk[size:]
        finally:
            if chunk:
                blob.feed(run, chunk)
                throttle.charge(pull, len(chunk))
        return self._context.clock() - came

    async def _allowed(self, size: int, attempt: Attempt) -> int:
        """Wait for the caps; return how many of `size` bytes may be taken now."""
        ask = self._context.throttle.ask(self._pull.id, size)
        if not ask.granted:
            attempt.hold(connected=True, by="cap")
            await self._context.throttle.wait(ask)
            attempt.release()
        return ask.granted
