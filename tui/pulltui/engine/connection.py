"""One of a pull's connections: takes a run, fetches it, takes the next, until there is nothing left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulltui.engine.accept import Body
from pulltui.engine.attempt import Attempt
from pulltui.engine.blob import BlobDownload
from pulltui.engine.context import Context
from pulltui.engine.errors import PullError
from pulltui.engine.run import Run
from pulltui.engine.setbacks import HostSetback, NoRanges, PartSetback, Reconnect, Setback, StaleUrl
from pulltui.engine.slots import Place
from pulltui.engine.views import EventKind

if TYPE_CHECKING:
    from pulltui.engine.pull import Pull


class Connection:
    """A place at the network. `work` runs until it is cancelled or the pull has nothing left for it."""

    def __init__(self, pull: Pull, context: Context) -> None:
        self._pull = pull
        self._context = context
        self._place = Place(context.slots, pull.registry, pull.id)
        self._rate = 0.0
        """Bytes a second of the last run: the next one is made to last."""

    async def work(self) -> None:
        """Fetch runs. What cannot be tried again ends up in the pull."""
        while True:
            await self._place.take()
            try:
                found = await self._next()
                if found is not None:
                    await self._fetch(*found)
                    continue
            except PullError as error:
                self._pull.fail(error)
                return
            finally:
                self._place.give_back()
            if self._pull.finished:
                return
            await self._pull.wait_for_work()

    async def _next(self) -> tuple[BlobDownload, Run] | None:
        """Return what to fetch now, small blobs first; opens blobs as they are needed."""
        for blob in self._pull.downloads:
            if blob.verified or blob.error is not None:
                continue
            if not blob.is_open:
                await blob.open()
            share = (blob.size - blob.written) // (2 * self._pull.connections)
            want = max(1, min(int(self._rate * self._context.tuning.run_seconds), share))
            run = blob.take(self._pull.source(blob), want)
            if run is not None:
                return blob, run
        return None

    async def _fetch(self, blob: BlobDownload, run: Run) -> None:
        """Fetch one run; whatever comes of it, everything received is written before the parts are free."""
        setback: Setback | None = None
        started = self._context.clock()
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
                    blob.setback(run, setback)
        if isinstance(setback, HostSetback):
            self._pull.host_trouble(setback)
        elif isinstance(setback, StaleUrl | Reconnect):
            self._context.log.emit(
                EventKind.NOTE, pull=self._pull.id, digest=blob.digest, part=run.part.n, why=setback.why
            )
        seconds = self._context.clock() - started
        if run.complete and seconds > 0:
            self._rate = run.received / seconds

    async def _receive(self, blob: BlobDownload, run: Run, attempt: Attempt) -> None:
        run.attempt = attempt
        attempt.place = self._place
        if blob.single_stream and not run.whole:
            raise NoRanges("the server knows no ranges")
        asked = run.end
        stream = await run.source.open(run.start, asked, attempt, ranged=not run.whole)
        run.generation = stream.generation
        try:
            if stream.body is Body.WHOLE:
                blob.whole(run)
                asked = run.end
            async for chunk in stream.chunks(attempt):
                blob.feed(run, chunk)
                if self._context.writer.full:
                    attempt.hold(connected=True)
                    await self._context.writer.room()
                    attempt.release()
                # A body of known length is read to its end, so that the connection can be used again.
                if run.complete and (not stream.sized or run.end < asked):
                    break
        finally:
            await stream.close()
        if not run.complete:
            raise PartSetback("the body ended early")
