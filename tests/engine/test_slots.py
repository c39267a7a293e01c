from __future__ import annotations

import asyncio

from pulltui.engine.slots import Place, Slots


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


async def test_caps_on_speed_bound_what_is_handed_out_and_may_be_raised() -> None:
    most: dict[str, int | None] = {"all": 3, "slow": 1}
    slots = Slots(lambda: 64, dict, lambda: most["all"], most.get)
    assert slots.take_now("a", "slow")
    assert not slots.take_now("a", "slow")
    assert slots.take_now("a", "fast")
    assert slots.take_now("a", "fast")
    assert (slots.in_use, slots.of_pull("fast"), slots.most("a")) == (3, 2, 64)
    waiting = [asyncio.create_task(slots.acquire("b", pull)) for pull in ("slow", "fast", "new")]
    await settle()
    assert [slots.starved(pull) for pull in ("slow", "fast", "new")] == [False, False, True]
    most["all"] = 5
    slots.look()
    await settle()
    assert [task.done() for task in waiting] == [False, True, True]
    most["slow"] = None
    slots.look()
    await settle()
    assert not waiting[0].done(), "five are in use"
    most["all"] = None
    slots.look()
    await settle()
    assert waiting[0].done()


async def test_what_a_pull_may_count_on() -> None:
    """What it has and what is free; where others have all, its due."""
    slots = Slots(lambda: 8, lambda: {"hf.co": 4})
    assert (slots.share("a", "first"), slots.share("hf.co", "first")) == (8, 4)
    for _ in range(6):
        await slots.acquire("a", "first")
    assert slots.share("a", "first") == 8
    assert slots.share("a", "second") == 4, "half of all is due to it"
    await slots.acquire("a", "second")
    assert slots.share("a", "first") == 7
    for _ in range(1):
        await slots.acquire("hf.co", "third")
    assert [slots.share("a", pull) for pull in ("first", "second")] == [6, 2]
    assert slots.share("hf.co", "third") == 2
    for _ in range(6):
        slots.release("a", "first")
    assert slots.share("a", "second") == 7
    assert slots.share("hf.co", "third") == 4


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


async def test_a_slot_goes_to_who_waited_not_to_who_gave_it_back() -> None:
    slots = Slots(lambda: 1, dict)
    await slots.acquire("a", "first")
    waiting = asyncio.create_task(slots.acquire("a", "second"))
    await settle()
    slots.release("a", "first")
    assert not slots.take_now("a", "first"), "handed over already"
    again = asyncio.create_task(slots.acquire("a", "first"))
    await settle()
    assert (waiting.done(), again.done()) == (True, False)


async def test_the_pulls_of_one_registry_share_its_slots() -> None:
    slots = Slots(lambda: 64, lambda: {"a": 4})
    for _ in range(4):
        await slots.acquire("a", "big")
    big = [asyncio.create_task(slots.acquire("a", "big")) for _ in range(4)]
    await settle()
    small = [asyncio.create_task(slots.acquire("a", "small")) for _ in range(8)]
    await settle()
    for _ in range(2):
        slots.release("a", "big")
        await settle()
    assert [task.done() for task in big + small] == [False] * 4 + [True] * 2 + [False] * 6
    slots.release("a", "big")
    await settle()
    assert [task.done() for task in big] == [True, False, False, False], "two each: the order decides"


async def test_a_slot_granted_to_who_is_cancelled_at_that_moment_is_not_lost() -> None:
    slots = Slots(lambda: 1, dict)
    await slots.acquire("a")
    for first in ("granted", "cancelled"):
        waiting = asyncio.create_task(slots.acquire("a"))
        await settle()
        if first == "granted":
            slots.release("a")
            waiting.cancel()
        else:
            waiting.cancel()
            slots.release("a")
        await settle()
        assert waiting.cancelled()
        assert slots.take_now("a"), first


async def test_a_place_counts_once_however_often_it_is_taken() -> None:
    slots = Slots(lambda: 2, dict)
    place = Place(slots, "a", "pull")
    await place.take()
    await place.take()
    assert place.take_now()
    assert slots.take_now("a")
    assert not slots.take_now("a")
    place.give_back()
    place.give_back()
    assert slots.take_now("a")
    assert not place.take_now()
