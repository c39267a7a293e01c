"""When is silence a stall? Clocks over what comes off a socket, and a watch over the machine's sleep.

Only arithmetic, with the time passed in, except for `SuspendWatch`, a thread that does no I/O.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum


class Silence(Enum):
    """What a connection's silence amounts to."""

    NONE = "none"
    QUIET = "quiet"
    STALLED = "stalled"
    TRICKLE = "trickle"


class StallClock:
    """Judges one connection's attempt by the bytes that came off its socket.

    The clock starts with the attempt, first byte or not. While we do not read (the writer is behind, a
    cap holds us back) it stands still: a slow disk is no stall.
    """

    def __init__(self, now: float, quiet_after: float, stall_after: float, trickle_rate: float) -> None:
        self._quiet_after = quiet_after
        self._stall_after = stall_after
        self._trickle_bytes = trickle_rate * stall_after
        self._last = now
        self._held_since: float | None = None
        self._total = 0
        self._marks: deque[tuple[float, int]] = deque([(now, 0)])

    def received(self, now: float, count: int) -> None:
        """Count bytes."""
        self._last = now
        self._total += count

    def hold(self, now: float) -> None:
        """We stop reading by ourselves."""
        if self._held_since is None:
            self._held_since = now

    def release(self, now: float) -> None:
        """We read again; the time since `hold` does not count."""
        if self._held_since is None:
            return
        pause = now - self._held_since
        self._held_since = None
        self._last += pause
        self._marks = deque((at + pause, total) for at, total in self._marks)

    def silent(self, now: float) -> float:
        """Return the seconds since the last byte, 0 while we are not reading."""
        return 0.0 if self._held_since is not None else max(0.0, now - self._last)

    def judge(self, now: float) -> Silence:
        """Return the verdict at this moment; call it regularly, a few times a second."""
        if self._held_since is not None:
            return Silence.NONE
        silent = now - self._last
        if silent >= self._stall_after:
            return Silence.STALLED
        if self._too_little(now):
            return Silence.STALLED if self._total == self._marks[0][1] else Silence.TRICKLE
        return Silence.QUIET if silent >= self._quiet_after else Silence.NONE

    def _too_little(self, now: float) -> bool:
        """Keep marks over one stall time; too few bytes between the oldest one and now is a trickle."""
        if now - self._marks[-1][0] >= self._stall_after / 16:
            self._marks.append((now, self._total))
        while len(self._marks) > 1 and now - self._marks[1][0] >= self._stall_after:
            self._marks.popleft()
        at, total = self._marks[0]
        return now - at >= self._stall_after and self._total - total < self._trickle_bytes


def boottime() -> float:
    """Return a clock that goes on while the machine sleeps: CLOCK_BOOTTIME, elsewhere the wall clock."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time()


class SuspendDetector:
    """Tells a machine that slept, or a process that was stopped, from one that is merely busy."""

    def __init__(self, gap: float, awake: float, boot: float) -> None:
        self._gap = gap
        self._awake = awake
        self._boot = boot

    def look(self, awake: float, boot: float, interval: float) -> bool:
        """Return whether time was lost since the last look.

        `awake` is the monotonic clock, `boot` one that counts sleep too, `interval` the pause that the
        caller meant to make. Slept: boot ran ahead of awake. Stopped: the pause was far longer than meant.
        """
        slept = (boot - self._boot) - (awake - self._awake) > self._gap
        stopped = awake - self._awake - interval > self._gap
        self._awake, self._boot = awake, boot
        return slept or stopped


class SuspendWatch:
    """A daemon thread that calls back after the machine slept or the process was stopped.

    It does no I/O, so a slow disk or a late event loop cannot look like sleep.
    """

    INTERVAL = 0.5

    def __init__(self, gap: float, on_wake: Callable[[], None]) -> None:
        self._gap = gap
        self._on_wake = on_wake
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._main, name="pulltui-suspend", daemon=True)

    def start(self) -> None:
        """Begin watching."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it watches."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def _main(self) -> None:
        detector = SuspendDetector(self._gap, time.monotonic(), boottime())
        while not self._stop.wait(self.INTERVAL):
            if detector.look(time.monotonic(), boottime(), self.INTERVAL):
                self._on_wake()
