"""The arithmetic of caps, on a clock of its own; what comes of it on the wire is in test_caps.py."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.throttle import BURST, JUST_NOW, SLICE, Ask, Bucket, Throttle
from support.played import Disk, Played, make_manifest

MB = 1_000_000


class World:
    """Readers that want all they can get, on a clock that goes on in steps of a millisecond."""

    def __init__(self, *readers: str) -> None:
        """`readers` are the pulls they belong to, one for each reader."""
        self.now = 100.0
        self.throttle = Throttle(lambda: self.now)
        self.readers = list(readers)
        self.had = [0] * len(readers)
        self._asks: list[Ask | None] = [None] * len(readers)
        self.chunk = 400_000
        """What a socket has at once."""

    def run(self, seconds: float) -> list[int]:
        """Let time pass; what each reader got meanwhile."""
        before = list(self.had)
        for _ in range(round(seconds * 1000)):
            self.now += 0.001
            self.throttle.serve()
            for n, pull in enumerate(self.readers):
                for _ in range(100):
                    ask = self._asks[n] or self.throttle.ask(pull, self.chunk)
                    self._asks[n] = None if ask.granted else ask
                    self.had[n] += ask.granted
                    if not ask.granted:
                        break
        return [had - earlier for had, earlier in zip(self.had, before, strict=True)]


@pytest.fixture(autouse=True)
async def running_loop() -> None:
    """The throttle sets timers, which wait for real seconds and find nothing to do."""


@given(rates=st.lists(st.integers(1000, 100 * MB), min_size=1, max_size=4), sizes=st.data())
def test_a_bucket_never_gives_more_than_its_rate_and_a_burst(rates: list[int], sizes: st.DataObject) -> None:
    now, taken, allowed = 0.0, 0, rates[0] * BURST
    bucket = Bucket(rates[0], now)
    biggest = 0
    for rate in rates:
        bucket.change(rate, now)
        for _ in range(20):
            wait = bucket.wait(now)
            now += wait
            allowed += wait * rate
            size = sizes.draw(st.integers(1, max(1, int(rate * SLICE))))
            biggest = max(biggest, size)
            bucket.take(size, now)
            taken += size
    assert taken <= allowed + biggest + 1


@pytest.mark.parametrize("rate", [3_000, 2 * MB, 50 * MB])
@pytest.mark.parametrize("readers", [1, 7])
async def test_a_cap_is_kept_within_two_per_cent_over_five_seconds(rate: int, readers: int) -> None:
    world = World(*["a"] * readers)
    world.throttle.limit(rate)
    for _ in range(2):
        assert sum(world.run(5)) == pytest.approx(5 * rate, rel=0.02)


async def test_without_a_cap_everything_is_granted_at_once() -> None:
    throttle = Throttle(lambda: 0.0)
    assert throttle.ask("a", 5 * MB).granted == 5 * MB
    throttle.limit_pull("b", 1000)
    assert throttle.ask("a", 5 * MB).granted == 5 * MB
    assert (throttle.connections, throttle.connections_of("a"), throttle.run("a", 9.0, 1, 1)) == (
        None,
        None,
        None,
    )
    assert not throttle.too_much("a", 10**12)


async def test_a_rest_allows_no_more_than_a_short_burst_afterwards() -> None:
    world = World("a")
    world.throttle.limit(MB)
    world.now += 3600
    assert sum(world.run(1)) <= MB * (1 + BURST + 2 * SLICE)


async def test_pulls_share_alike_whatever_their_connections() -> None:
    world = World("a", "a", "a", "a", "b", "c", "c")
    world.throttle.limit(9 * MB)
    world.run(0.5)  # the first burst belongs to who is first
    got = world.run(4)
    shares = [sum(got[:4]), got[4], sum(got[5:])]
    assert shares == pytest.approx([12 * MB] * 3, rel=0.03)
    assert got[:4] == pytest.approx([3 * MB] * 4, rel=0.05)


async def test_what_a_capped_pull_leaves_is_shared_by_the_others() -> None:
    world = World("a", "b", "c")
    world.throttle.limit(9 * MB)
    world.throttle.limit_pull("a", MB)
    world.run(0.5)
    assert world.run(4) == pytest.approx([4 * MB, 16 * MB, 16 * MB], rel=0.03)


async def test_what_a_slow_pull_leaves_is_shared_by_the_others() -> None:
    world = World("a", "b")
    world.throttle.limit(10 * MB)
    world.run(0.5)
    before = sum(world.had)
    for _ in range(20):  # its network brings 1 MB/s
        ask = world.throttle.ask("slow", 100_000)
        world.run(0.1)
        assert ask.granted == 100_000
    assert sum(world.had) - before == pytest.approx(18 * MB, rel=0.03)


async def test_lifting_a_pulls_own_cap_owes_it_nothing() -> None:
    world = World("a", "a", "b")
    world.throttle.limit(10 * MB)
    world.throttle.limit_pull("a", 100_000)
    world.run(5)
    world.throttle.limit_pull("a", None)
    assert world.run(2) == pytest.approx([5 * MB, 5 * MB, 10 * MB], rel=0.05)


async def test_the_lower_of_two_caps_counts() -> None:
    world = World("a")
    world.throttle.limit(5 * MB)
    world.throttle.limit_pull("a", 2 * MB)
    assert sum(world.run(3)) == pytest.approx(6 * MB, rel=0.04)
    world.throttle.limit(MB)
    assert sum(world.run(3)) == pytest.approx(3 * MB, rel=0.04)


async def test_changes_count_at_once() -> None:
    world = World("a", "a")
    world.throttle.limit(50 * MB)
    world.run(1)
    world.throttle.limit(2 * MB)
    assert sum(world.run(1)) <= 2.2 * MB
    world.throttle.limit(20 * MB)
    assert sum(world.run(1)) == pytest.approx(20 * MB, rel=0.05)
    world.throttle.limit(1000)
    world.run(0.5)
    world.throttle.limit(None)
    assert all(had >= 100 * world.chunk for had in world.run(0.001)), "who waits is let go at once"


async def test_a_waiting_reader_wakes_up_when_the_cap_is_lifted() -> None:
    throttle = Throttle(asyncio.get_running_loop().time)
    throttle.limit(1)
    while (ask := throttle.ask("a", 10)).granted > 0:
        pass
    waiting = asyncio.create_task(throttle.wait(ask))
    await asyncio.sleep(0)
    throttle.limit(None)
    await asyncio.wait_for(waiting, 30)
    assert ask.granted == 10


async def test_a_waiting_reader_wakes_up_in_time() -> None:
    throttle = Throttle(asyncio.get_running_loop().time)
    throttle.limit(10_000)
    started, taken = asyncio.get_running_loop().time(), 0
    while taken < 2500:
        ask = throttle.ask("a", 2500 - taken)
        await asyncio.wait_for(throttle.wait(ask), 30)
        taken += ask.granted
    assert asyncio.get_running_loop().time() - started >= 0.25 - BURST - SLICE


async def test_who_stops_waiting_leaves_his_turn_to_others() -> None:
    world = World("b")
    world.throttle.limit(1000)
    world.run(1)
    ask = world.throttle.ask("a", 10)
    waiting = asyncio.create_task(world.throttle.wait(ask))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert sum(world.run(4)) == pytest.approx(4000, rel=0.03)
    assert not ask.granted


async def test_what_was_taken_without_waiting_is_waited_for_afterwards() -> None:
    world = World("a")
    world.throttle.limit(MB)
    world.run(1)
    assert not world.throttle.in_debt("a")
    world.throttle.charge("a", MB)
    assert (world.throttle.in_debt("a"), world.throttle.in_debt("b")) == (True, True)
    assert sum(world.run(2)) == pytest.approx(MB, rel=0.05)


async def test_a_pull_that_ended_leaves_no_trace_and_begins_again_like_any_other() -> None:
    world = World("a", "b")
    throttle = world.throttle
    throttle.limit(10 * MB)
    world.run(1)
    assert throttle.holds("a")
    throttle.forget("a")
    assert not throttle.holds("a")
    world.run(0.2)
    assert world.run(2) == pytest.approx([10 * MB] * 2, rel=0.05)


async def test_the_queue_tells_it_when_a_pull_has_ended(tmp_path: Path) -> None:
    for name in ("blobs", ".pulltui"):
        (tmp_path / name).mkdir()
    life = Played(tmp_path, Disk(), 1, make_manifest)
    await life.start()
    pull, throttle = life.add("m"), life.context.throttle
    throttle.limit(MB)
    while (ask := throttle.ask(pull, MB)).granted:
        pass
    waiting = asyncio.create_task(throttle.wait(ask))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert throttle.holds(pull)
    [running] = life.running()
    task = life.queue._running[pull]
    running.end.set_result(True)
    await asyncio.wait([task])
    await asyncio.sleep(0)  # its callback
    assert not throttle.holds(pull)
    await life.kill()


async def test_says_whom_a_cap_holds_back() -> None:
    world = World("a")
    throttle = world.throttle
    throttle.limit(10 * MB)
    throttle.ask("b", 1000)
    assert (throttle.capped, throttle.holds("a"), throttle.holds("b")) == (False, False, False)
    world.run(0.2)
    assert (throttle.capped, throttle.holds("a"), throttle.holds("b")) == (True, True, False)
    throttle.limit(None)
    throttle.limit_pull("a", MB)
    world.now += 2 * JUST_NOW
    world.run(0.2)
    assert (throttle.capped, throttle.holds("a")) == (False, True)


@pytest.mark.parametrize(
    ("rate", "connections"), [(1000, 1), (MB, 1), (1_999_999, 1), (2 * MB, 2), (50 * MB, 50)]
)
async def test_a_connection_for_each_megabyte_a_second(rate: int, connections: int) -> None:
    throttle = Throttle(lambda: 0.0)
    throttle.limit(rate)
    throttle.limit_pull("a", 3 * MB)
    assert throttle.connections == connections
    assert throttle.connections_of("a") == 3


async def test_runs_last_a_second() -> None:
    throttle = Throttle(lambda: 0.0)
    throttle.limit(4 * MB)
    assert throttle.run("a", 0.0, 1, 1) == MB, "a share, while its speed is unknown"
    assert throttle.run("a", 2.5 * MB, 1, 1) == 2.5 * MB, "more for one that gets more"
    assert throttle.run("a", 99.0 * MB, 1, 1) == 4 * MB, "never more than a second of the cap"
    assert throttle.run("a", 99.0 * MB, 4, 2) == MB, "nor than its share of that"
    throttle.limit_pull("a", 2 * MB)
    assert throttle.run("a", 99.0 * MB, 1, 2) == MB, "the lower one counts"
    throttle.limit_pull("a", 500)
    assert throttle.run("a", 99.0 * MB, 1, 1) == 500
    assert throttle.too_much("a", 501)
    assert not throttle.too_much("a", 500)


def readers_of(bucket: Bucket, each: float, seconds: int) -> list[int]:
    """How many connections there may be after each second, if each brings `each` bytes a second at most."""
    counts = []
    for tenth in range(seconds * 10):
        now = (tenth + 1) / 10
        for _ in range(bucket.connections):
            if bucket.wait(now):
                bucket.held_at = now
            else:
                bucket.take(int(each / 10), now)
        if tenth % 10 == 9:
            counts.append(bucket.connections)
    return counts


def test_connections_that_are_slow_by_themselves_become_more_until_the_cap_is_reached() -> None:
    bucket = Bucket(4 * MB, 0.0)
    assert bucket.connections == 4
    counts = readers_of(bucket, 0.5 * MB, 60)
    assert counts[:2] == [6, 9], "half as many again at most"
    assert min(counts[1:]) >= 7
    assert sum(count >= 8 for count in counts) > 50, "eight bring what the cap allows"
    assert max(counts) <= 9


def test_they_become_fewer_when_each_brings_more() -> None:
    bucket = Bucket(4 * MB, 0.0)
    readers_of(bucket, 0.5 * MB, 5)
    now, grown = 5.0, bucket.connections
    for _ in range(grown * 100):
        now += 0.1
        bucket.held_at = now
        bucket.take(int(0.4 * MB), now)
    assert bucket.connections == 4 < grown


def test_a_lower_cap_begins_with_few_again() -> None:
    bucket = Bucket(4 * MB, 0.0)
    readers_of(bucket, 0.5 * MB, 5)
    bucket.change(1 * MB, 5.0)
    assert bucket.connections == 1


def test_a_pause_says_nothing_about_the_number_of_connections() -> None:
    bucket = Bucket(4 * MB, 0.0)
    bucket.take(100, 60.0)
    bucket.take(100, 60.5)
    bucket.take(100, 120.0)
    assert bucket.connections == 4
