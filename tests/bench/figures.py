"""How far the speed and the time left that the views show are off, against what the registry has sent."""

from __future__ import annotations

import statistics
import tempfile
import time
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

with suppress(ImportError):
    # The service's thread ends before this process does: pyreqwest must not be loaded first by it.
    import pulltui.engine.fast  # noqa: F401
from bench.origin import Origin
from pulltui.engine.service import Service
from pulltui.engine.views import PullState
from pulltui_config import Settings

MB = 1_000_000
SIZE = 400
RATES = (10, 40)
WINDOW = 5.0
"""Seconds that the speed is an average over."""
END_TIME = 120.0


class Sample(NamedTuple):
    """What a view showed at one moment (monotonic seconds): B/s, seconds left, bytes."""

    at: float
    rate: float
    left: float | None
    done: int


class Sent(NamedTuple):
    """What the registry has sent by the ends of its slots, times as those of the samples."""

    times: list[float]
    bytes: list[int]

    def by(self, at: float) -> float:
        """Bytes sent by a moment."""
        place = bisect_left(self.times, at)
        return self.bytes[min(place, len(self.bytes) - 1)] if at >= self.times[0] else 0


def figures() -> None:
    """Print for each rate how far the figures are off."""
    print(f"\n{'MB/s':>6}{'speed off':>20}{'time left off':>24}   median, 95 % within; {SIZE} MB")
    for rate in RATES:
        samples, sent = watch(rate)
        speed, left = speed_off(samples, sent), left_off(samples)
        print(f"{rate:6}{_told(speed):>20}{_told(left):>24}", flush=True)


def _told(shares: Sequence[float]) -> str:
    ordered = sorted(shares)
    return f"{statistics.median(ordered):.1%}, {ordered[len(ordered) * 95 // 100]:.1%}"


def watch(rate: int) -> tuple[list[Sample], Sent]:
    """Pull one model over a link of `rate` MB/s; what the views showed, and what was sent."""
    samples: list[Sample] = []
    with (
        tempfile.TemporaryDirectory(prefix="pulltui-bench-") as directory,
        Origin([f"bench={SIZE}MB"], f"link@{rate}MB/s") as origin,
    ):
        service = Service(Settings(), Path(directory), environ={})
        service.start()
        try:
            service.add(origin.names[0]).result()
            deadline = time.monotonic() + END_TIME
            while not _is_over(service):
                if time.monotonic() > deadline:
                    raise TimeoutError("the pull does not end")
                view = service.view
                if view.pulls and (not samples or view.now > samples[-1].at):
                    pull = view.pulls[0]
                    samples.append(Sample(view.now, pull.rate, pull.eta, pull.done))
                time.sleep(0.02)
        finally:
            service.stop()
        counters = origin.counters()
        offset: float = counters["origin"]  # its clock is this process's
    slots: dict[int, int] = {}
    for flow in counters["flow"].values():
        for slot, size in flow:
            slots[slot] = slots.get(slot, 0) + size
    total, times, amounts = 0, [], []
    for slot in sorted(slots):
        total += slots[slot]
        times.append((slot + 1) * counters["slot"] + offset)
        amounts.append(total)
    return samples, Sent(times, amounts)


def _is_over(service: Service) -> bool:
    pulls = service.view.pulls
    return bool(pulls) and pulls[0].state in (PullState.DONE, PullState.FAILED)


def speed_off(samples: Sequence[Sample], sent: Sent) -> list[float]:
    """How far the speed shown is off what was sent in the `WINDOW` seconds before, as a share of that."""
    begun = sent.times[0]
    ended = sent.times[-1]
    found = []
    for sample in samples:
        if begun + WINDOW <= sample.at <= ended:
            true = (sent.by(sample.at) - sent.by(sample.at - WINDOW)) / WINDOW
            found.append(abs(sample.rate - true) / true)
    return found


def left_off(samples: Sequence[Sample]) -> list[float]:
    """How far the time left is off, as a share of it, from a tenth of the bytes to nine tenths."""
    most = samples[-1].done
    ended = next(sample.at for sample in samples if sample.done == most)
    return [
        abs(sample.left - (ended - sample.at)) / (ended - sample.at)
        for sample in samples
        if sample.left is not None and 0.1 * most <= sample.done <= 0.9 * most
    ]
