from __future__ import annotations

import asyncio

from pulltui.engine.change import Change


class Waiters:
    """Some who wait for a change, and which of them have gone on."""

    def __init__(self, change: Change, count: int, *, resting: bool) -> None:
        self.tasks = [asyncio.create_task(change.wait(resting=resting)) for _ in range(count)]

    @property
    async def awake(self) -> list[int]:
        for _ in range(5):
            await asyncio.sleep(0)
        return [n for n, task in enumerate(self.tasks) if task.done()]


async def test_all_are_told_of_a_change() -> None:
    change = Change()
    idle, others = Waiters(change, 2, resting=True), Waiters(change, 2, resting=False)
    assert await idle.awake == []
    change.tell()
    assert (await idle.awake, await others.awake) == ([0, 1], [0, 1])


async def test_one_that_rests_is_told_at_a_time_the_one_that_waited_longest() -> None:
    change = Change()
    others, idle = Waiters(change, 1, resting=False), Waiters(change, 3, resting=True)
    await idle.awake
    change.tell_one()
    assert await idle.awake == [0]
    change.tell_one()
    change.tell_one()
    assert await idle.awake == [0, 1, 2]
    change.tell_one()
    assert await others.awake == []


async def test_it_waits_no_longer_than_asked_for() -> None:
    change = Change()
    await change.wait(0.001)
    change.tell()
    change.tell_one()


async def test_who_stops_waiting_takes_no_turn() -> None:
    change = Change()
    first, second = Waiters(change, 1, resting=True), Waiters(change, 1, resting=True)
    await second.awake
    first.tasks[0].cancel()
    await asyncio.wait(first.tasks)
    change.tell_one()
    assert await second.awake == [0]
