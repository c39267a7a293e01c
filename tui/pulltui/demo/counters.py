"""What went over the wire: every request with its range, its bytes and the fault it met."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pulltui.demo.intervals import Interval, intersection, total, twice, union

SLOT = 0.05


@dataclass
class Record:
    """One request. Times are seconds since the registry began; `ended` is None while it is being answered.

    `place` is manifest, resolve, blob or other; `host` registry or cdn; `start` and `stop` the bytes of the
    blob it asked for (half open); `first` and `last` those the answer is made of (the same unless the server
    lies); `sent` counts body bytes handed to the kernel; `fault` is as the plan writes it, several with a
    blank between them; `status` is 0 if no header was sent.
    """

    number: int
    connection: int
    host: str
    place: str
    method: str
    target: str
    headers: dict[str, str]
    digest: str = ""
    ranged: bool = False
    start: int = 0
    stop: int = 0
    first: int = 0
    last: int = 0
    status: int = 0
    fault: str = ""
    sent: int = 0
    started: float = 0.0
    ended: float | None = None

    @property
    def interval(self) -> Interval:
        """The bytes of the blob that were sent."""
        return self.first, min(self.first + self.sent, self.last)


@dataclass
class Counters:
    """All records of a registry, safe to ask from any thread. Records handed out are copies."""

    clock: Callable[[], float] = time.monotonic
    connections: int = 0
    _records: list[Record] = field(default_factory=list)
    _flow: dict[str, dict[int, int]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))
    _origin: float = 0.0

    def __post_init__(self) -> None:
        self._origin = self.clock()

    def connect(self) -> int:
        """Counts a connection in; its number, from 1."""
        with self._changed:
            self.connections += 1
            self._changed.notify_all()
            return self.connections

    def begin(self, record: Record) -> None:
        """Takes a request up; from here on `send` and `end` change it."""
        with self._changed:
            record.number = len(self._records)
            record.started = self.clock() - self._origin
            self._records.append(record)
            self._changed.notify_all()

    def send(self, record: Record, push: Callable[[], int]) -> int:
        """Counts the body bytes that `push` says it has sent; how many that were.

        Nobody can ask between the one and the other: no client knows of bytes that are not counted yet.
        """
        with self._changed:
            slot = int((self.clock() - self._origin) / SLOT)  # now: nobody has a byte of it sooner
            size = push()
            record.sent += size
            if _carries_blob(record):
                flow = self._flow.setdefault(record.digest, {})
                flow[slot] = flow.get(slot, 0) + size
            self._changed.notify_all()
            return size

    def end(self, record: Record) -> None:
        """The answer is over, however it ended."""
        with self._changed:
            record.ended = self.clock() - self._origin
            self._changed.notify_all()

    def wait_for(self, predicate: Callable[[Counters], bool], timeout: float = 30.0) -> None:
        """Waits until `predicate(counters)` holds; it is asked again after every change.

        Raises TimeoutError after `timeout` seconds, with what was counted by then.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: predicate(self), timeout):
                raise TimeoutError(f"did not happen within {timeout} s; counted: {self.summary()}")

    def records(self, place: str | None = None, since: int = 0) -> list[Record]:
        """Copies of the requests of one place or of all, from number `since` on, in the order they came."""
        with self._changed:
            return [
                replace(record) for record in self._records[since:] if place is None or record.place == place
            ]

    def mark(self) -> int:
        """A number for `since`: only what is asked for from now on."""
        with self._changed:
            return len(self._records)

    def ranges(self, digest: str, since: int = 0) -> list[Record]:
        """The requests for bytes of a blob, refused ones too."""
        return [record for record in self.records("blob", since) if record.digest == digest]

    def bytes_sent(self, digest: str | None = None, since: int = 0) -> int:
        """Body bytes of a blob, or of all blobs, bytes sent several times counted several times."""
        records = self.records("blob", since) if digest is None else self.ranges(digest, since)
        return sum(record.sent for record in records)

    def sent(self, digest: str, since: int = 0) -> list[Interval]:
        """Which bytes of a blob went out, each once: sorted, disjoint."""
        return union(record.interval for record in self.ranges(digest, since) if _carries_blob(record))

    def twice(self, digest: str, since: int = 0) -> list[Interval]:
        """Which bytes of a blob went out more than once: sorted, disjoint."""
        return twice(record.interval for record in self.ranges(digest, since) if _carries_blob(record))

    def sent_twice(self, digest: str, since: int = 0) -> int:
        """How many bytes of a blob went out beyond the first time."""
        intervals = [record.interval for record in self.ranges(digest, since) if _carries_blob(record)]
        return total(intervals) - total(union(intervals))

    def asked_again(self, digest: str, have: list[Interval], since: int = 0) -> list[Interval]:
        """Which of the bytes a client already has (`have`) it asked for from number `since` on."""
        asked = [(record.start, record.stop) for record in self.ranges(digest, since)]
        return intersection(asked, have)

    def open_now(self) -> int:
        """Blob answers under way."""
        with self._changed:
            return sum(1 for record in self._records if record.place == "blob" and record.ended is None)

    def flow(self, digest: str) -> dict[int, int]:
        """How many of a blob's bytes went out in each slot of 50 ms since the registry began, in order; those
        in which none did are left out.
        """
        with self._changed:
            return dict(self._flow.get(digest, {}))

    def faults(self) -> dict[str, int]:
        """How often each fault happened, by the way the plan writes it."""
        counts: dict[str, int] = {}
        for record in self.records():
            for fault in record.fault.split():
                counts[fault] = counts.get(fault, 0) + 1
        return counts

    def summary(self) -> dict[str, Any]:
        """Totals, as plain data: connections, requests by place, bytes by digest, faults."""
        with self._changed:
            places: dict[str, int] = {}
            for record in self._records:
                places[record.place] = places.get(record.place, 0) + 1
            digests = sorted({record.digest for record in self._records if record.place == "blob"})
            return {
                "connections": self.connections,
                "requests": places,
                "bytes": self.bytes_sent(),
                "blobs": {
                    digest: {"sent": self.bytes_sent(digest), "sent_twice": self.sent_twice(digest)}
                    for digest in digests
                },
                "faults": self.faults(),
            }

    def dump(self) -> dict[str, Any]:
        """The summary, the time it is in seconds since the registry began, when that was by the clock
        (`origin`), what each slot saw of each blob (`flow`: pairs of slot and bytes by digest) and every
        record, as plain data.
        """
        with self._changed:
            return {
                **self.summary(),
                "now": self.clock() - self._origin,
                "origin": self._origin,
                "slot": SLOT,
                "flow": {digest: list(flow.items()) for digest, flow in self._flow.items()},
                "records": [asdict(record) for record in self.records()],
            }


def _carries_blob(record: Record) -> bool:
    """An error page's bytes are not the blob's."""
    return record.status in {200, 206} and record.last > record.first
