"""A connection's life: request after request, answered well or as badly as the faults say."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from functools import partial

from pulltui.demo.counters import Record
from pulltui.demo.link import Lane
from pulltui.demo.reply import Before, Framing, Reply, Then
from pulltui.demo.request import BadRequestError, Request
from pulltui.demo.site import Site
from pulltui.demo.wire import GoneError, Through, Wire

TRICKLE_EVERY = 1.0
NOT_HTTP = b"SSH-2.0-OpenSSH_9.7\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class Connection:
    """Serves one client connection until either side ends it."""

    def __init__(self, wire: Wire, site: Site, cdn: bool, on_range: Callable[[Record], None]) -> None:
        """`cdn`: at the second host. `on_range` hears of each request for a blob before its answer."""
        self._wire = wire
        self._site = site
        self._cdn = cdn
        self._on_range = on_range
        self._number = site.counters.connect()

    async def serve(self) -> None:
        """Returns when the connection has ended; a task cancelled here resets it."""
        try:
            while (request := await self._wire.read_request()) is not None:
                if not await self._answer(request) or request.wants_close:
                    break
        except (GoneError, BadRequestError):
            pass
        except asyncio.CancelledError:
            self._wire.reset()
            raise
        finally:
            self._wire.close()

    async def _answer(self, request: Request) -> bool:
        """Answers one request; whether the connection can take another."""
        reply = self._site.answer(request, self._cdn)
        record = self._record(request, reply)
        self._site.counters.begin(record)
        is_blob = reply.place == "blob"
        self._site.blobs_open += is_blob
        try:
            if is_blob:
                self._on_range(record)
            return await self._send(reply, record, request.method == "HEAD")
        finally:
            self._site.blobs_open -= is_blob
            self._site.counters.end(record)

    async def _send(self, reply: Reply, record: Record, head_only: bool) -> bool:
        if reply.delay:
            await self._wire.silence(reply.delay)
        if reply.before is not Before.NOTHING:
            await self._misbehave(reply.before)
            return False
        await self._wire.send(reply.head())
        if head_only:
            return True
        count = partial(self._site.counters.send, record)
        body = _Body(self._wire, reply, self._site.lane(reply), count)
        if reply.then is not Then.GO_ON:
            await body.send(reply.start, reply.start + reply.cut)
            if not await self._interrupt(body, reply):
                return False
            await body.send(reply.start + reply.cut, reply.stop)
        else:
            await body.send(reply.start, reply.stop)
        await body.finish()
        return reply.framing is not Framing.CLOSE

    async def _misbehave(self, how: Before) -> None:
        if how is Before.MUTE:
            await self._wire.silence()
        elif how is Before.GARBAGE:
            await self._wire.send(NOT_HTTP)

    async def _interrupt(self, body: _Body, reply: Reply) -> bool:
        """What happens in mid-body; whether the rest follows."""
        if reply.then is Then.PAUSE:
            await self._wire.silence(reply.pause)
            return True
        if reply.then is Then.SILENCE:
            await self._wire.silence()
        elif reply.then is Then.RESET:
            await self._wire.flush()
            self._wire.reset()
        elif reply.then is Then.TRICKLE:
            for position in range(reply.start + reply.cut, reply.stop):
                await body.send(position, position + 1)
                await self._wire.silence(TRICKLE_EVERY)
        return False

    def _record(self, request: Request, reply: Reply) -> Record:
        first, last = (reply.start, reply.stop) if reply.genuine else (0, 0)
        return Record(
            number=0,
            connection=self._number,
            host="cdn" if self._cdn else "registry",
            place=reply.place,
            method=request.method,
            target=request.target,
            headers=request.headers,
            digest=reply.digest,
            ranged=reply.ranged,
            start=reply.asked[0],
            stop=reply.asked[1],
            first=first,
            last=last,
            status=0 if reply.before is not Before.NOTHING else reply.status,
            fault=" ".join([*map(str, reply.faults), *([reply.refused] if reply.refused else [])]),
        )


class _Body:
    """Sends the bytes of a reply's body, in its framing, at its pace, compressed if that was ordered."""

    def __init__(self, wire: Wire, reply: Reply, lane: Lane, count: Through) -> None:
        self._wire = wire
        self._reply = reply
        self._lane = lane
        self._count = count
        self._gzip = zlib.compressobj(1, wbits=31) if reply.gzip else None

    async def send(self, start: int, stop: int) -> None:
        """Sends the blob's bytes from `start` to `stop`. Raises GoneError."""
        for position in range(start, stop, self._lane.helping):
            # A fast client never blocks the send, so the others must be let in here; not after the last
            # piece, for its client may ask again at once and must find this answer over.
            await asyncio.sleep(0)
            data = self._reply.body.read(position, min(self._lane.helping, stop - position))
            await self._lane.turn(len(data))
            await self._frame(self._gzip.compress(data) if self._gzip else data)

    async def finish(self) -> None:
        """Sends what comes after the body: bytes too many, the end of a stream."""
        await self._frame(b"\0" * self._reply.extra)
        if self._gzip:
            await self._frame(self._gzip.flush())
        if self._reply.framing is Framing.CHUNKED:
            await self._wire.send(LAST_CHUNK)

    async def _frame(self, data: bytes) -> None:
        if self._reply.framing is not Framing.CHUNKED:
            await self._wire.send(data, self._count)
        elif data:
            await self._wire.send(b"%x\r\n" % len(data))
            await self._wire.send(data, self._count)
            await self._wire.send(b"\r\n")
