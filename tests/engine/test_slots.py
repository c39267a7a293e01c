from __future__ import annotations

import asyncio

from pulltui.engine.slots import Slots


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_than_the_process_may_have() -> None:
    slots = Slots(lambda: 3, dict)
    for _ in range(3):
        await slots.acquire("a")
    fourth = asyncio.create_task(slots.acquire("b"))
    await settle()
    assert not fourth.done()
    slots.release("a")
    await settle()
    assert fourth.done()


async def test_a_registry_with_a_limit_leaves_room_for_others() -> None:
    slots = Slots(lambda: 10, lambda: {"hf.co": 2})
    assert (slots.most("hf.co"), slots.most("other")) == (2, 10)
    await slots.acquire("hf.co")
    await slots.acquire("hf.co")
    third = asyncio.create_task(slots.acquire("hf.co"))
    await asyncio.wait_for(slots.acquire("other"), 30)
    assert not third.done()
    slots.release("other")
    await settle()
    assert not third.done()
    slots.release("hf.co")
    await settle()
    assert third.done()


async def test_a_limit_above_the_total_is_the_total() -> None:
    assert Slots(lambda: 4, lambda: {"hf.co": 8}).most("hf.co") == 4


async def test_who_stops_waiting_takes_nothing_along() -> None:
    slots = Slots(lambda: 1, dict)
    await slots.acquire("a")
    given_up = asyncio.create_task(slots.acquire("a"))
    patient = asyncio.create_task(slots.acquire("a"))
    await settle()
    given_up.cancel()
    await settle()
    slots.release("a")
    await settle()
    assert given_up.cancelled()
    assert patient.done()
