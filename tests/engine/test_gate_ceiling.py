"""A host that serves so many at a time for long, and then more: how often it is asked, how soon it shows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from pulltui.engine.gates import Gate, Pass
from pulltui.engine.setbacks import HostSetback
from support.clock import Clock
from support.gates import TUNING, busy, no_files


class Host:
    """Serves `most` at a time for as long as they like, and refuses the next one."""

    def __init__(self, clock: Clock, most: int) -> None:
        self.gate = Gate("host", TUNING, clock)
        self.most = most
        self.refusal = busy(ceiling=True)
        self.refusals: list[float] = []
        self.served: list[Pass] = []
        self._clock = clock

    async def live(self, seconds: float, *, until: int = 1000) -> float:
        """Take what comes for so long, or until so many are served; return how long that took."""
        began = self._clock.now
        while self._clock.now < began + seconds and len(self.served) < until:
            self._clock.now += 1.0
            while self.gate.open() and len(self.served) < until:
                self.answer(await self.gate.enter())
        return self._clock.now - began

    def answer(self, entry: Pass) -> None:
        if len(self.served) < self.most:
            entry.succeed()
            self.served.append(entry)
            return
        self.refusals.append(self._clock.now)
        entry.trouble(self.refusal)
        entry.leave()


@pytest.mark.parametrize("refusal", [busy(ceiling=True), no_files()])
async def test_one_that_takes_more_after_long_is_soon_given_more(clock: Clock, refusal: HostSetback) -> None:
    host = Host(clock, 4)
    host.refusal = refusal
    await host.live(1800.0)
    assert len(host.served) == 4
    host.most = 1000
    longest = 64 * TUNING.ceiling_pause
    assert await host.live(longest, until=5) <= longest, "first it has to be asked at all"
    assert await host.live(longest, until=16) <= 11 * TUNING.ceiling_pause + 1
    host.most = 16
    await host.live(30.0)
    asked = len(host.refusals)
    await host.live(1800.0)
    assert len(host.refusals) - asked <= 8, "that is a ceiling again"


async def test_one_that_keeps_its_ceiling_is_asked_less_and_less(clock: Clock) -> None:
    host = Host(clock, 4)
    await host.live(7200.0)
    pauses = [later - one for one, later in pairwise(host.refusals)]
    pauses = [pause for pause in pauses if pause]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 64 * TUNING.ceiling_pause


@pytest.mark.parametrize("served", [True, False])
async def test_those_that_are_on_their_way_then_do_not_make_it_a_higher_one(
    clock: Clock, *, served: bool
) -> None:
    """Whenever it is asked, two of the four have just made way for others: they are served after the refusal,
    or break off, and two are too low a limit.
    """
    host = Host(clock, 4)
    await host.live(60.0)
    asked = []
    for _ in range(12):
        await host.live(1e6, until=4)
        while not host.gate.open():
            clock.now += 1.0
        for entry in host.served[:2]:
            entry.leave()
        del host.served[:2]
        clock.now += 1 / 64
        *late, too_many = [await host.gate.enter() for _ in range(3)]
        asked.append(clock.now)
        too_many.trouble(busy(ceiling=True))
        too_many.leave()
        assert host.gate.limit == 2
        for entry in late:
            host.answer(entry) if served else entry.leave()
    pauses = [later - one for one, later in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert pauses[-1] >= 64 * TUNING.ceiling_pause


async def test_nor_do_those_that_follow_others_that_ended_before_it(clock: Clock) -> None:
    """Few are in use at the moment of the refusal, yet it is known to serve four."""
    host = Host(clock, 4)
    await host.live(600.0)
    while not host.gate.open():
        clock.now += 1.0
    fifth = await host.gate.enter()
    clock.now += 1.0
    for entry in host.served[:3]:
        entry.leave()
    del host.served[:3]
    fifth.trouble(no_files())
    fifth.leave()
    assert host.gate.limit == 4
    await host.live(10.0, until=4)
    clock.now += 2 * TUNING.ceiling_pause
    assert host.gate.limit == 4
