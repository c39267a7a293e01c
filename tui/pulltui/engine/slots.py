"""Connections are few: the process has so many, and each registry's blobs may use so many of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pulltui.engine.setbacks import Setback


class NoSlot(Setback):
    """While a connection waited by itself, another one got its slot."""


@dataclass(eq=False)
class _Waiter:
    registry: str
    pull: str
    granted: asyncio.Future[None]


class Slots:
    """Hands out the right to open a connection, to the pull that has the fewest, first come first served.

    A slot that comes free is handed over there and then: whoever gives one back and wants the next one
    stands behind those who waited.
    """

    def __init__(
        self,
        total: Callable[[], int],
        per_host: Callable[[], Mapping[str, int]],
        capped: Callable[[], int | None] = lambda: None,
        capped_pull: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        """`total` and `per_host` are what the settings allow, `capped` and `capped_pull` (by id) what makes
        sense under the caps on speed, None for any number. All may change; call `look` when they grew.
        """
        self._total = total
        self._per_host = per_host
        self._capped = capped
        self._capped_pull = capped_pull
        self._used: Counter[str] = Counter()
        """By registry."""
        self._of_pull: Counter[str] = Counter()
        self._registry_of: dict[str, str] = {}
        """Of the pulls that have some."""
        self._waiters: list[_Waiter] = []
        """In the order in which they came."""

    async def acquire(self, registry: str, pull: str = "") -> None:
        """Wait for a connection to what `registry` (`host[:port]`) serves, for the pull of that id.

        Give it back with `release`.
        """
        if self.take_now(registry, pull):
            return
        waiter = _Waiter(registry, pull, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            await waiter.granted
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif not waiter.granted.cancelled():  # it was granted in the very moment of the cancellation
                self.release(registry, pull)
            raise

    def take_now(self, registry: str, pull: str = "") -> bool:
        """Take one if one is free (then nobody waits for it); return whether it was."""
        free = self._free(registry, pull)
        if free:
            self._count(registry, pull, 1)
        return free

    def release(self, registry: str, pull: str = "") -> None:
        """Give it back."""
        self._count(registry, pull, -1)
        self.look()

    def look(self) -> None:
        """Hand out what is free by now."""
        # Cancelled ones have not run yet; they take themselves off the list.
        waiting = [waiter for waiter in self._waiters if not waiter.granted.done()]
        while chosen := [waiter for waiter in waiting if self._free(waiter.registry, waiter.pull)]:
            next_one = min(chosen, key=lambda waiter: self._of_pull[waiter.pull])
            waiting.remove(next_one)
            self._waiters.remove(next_one)
            self._count(next_one.registry, next_one.pull, 1)
            next_one.granted.set_result(None)

    @property
    def total(self) -> int:
        """How many the settings allow for everything together."""
        return self._total()

    @property
    def capped(self) -> int | None:
        """How many make sense under the cap of everything; None for any number."""
        return self._capped()

    def taken(self, registry: str) -> int:
        """Return how many are in use for that registry's blobs."""
        return self._used[registry]

    def holders(self) -> list[str]:
        """Return the ids of the pulls that have some, those with most of them first."""
        return [pull for pull, _ in self._of_pull.most_common()]

    @property
    def in_use(self) -> int:
        """How many there are in use."""
        return self._used.total()

    def of_pull(self, pull: str) -> int:
        """Return how many that pull has."""
        return self._of_pull[pull]

    def starved(self, pull: str) -> bool:
        """Return whether that pull waits for a slot and has none at all."""
        return not self._of_pull[pull] and any(waiter.pull == pull for waiter in self._waiters)

    def most(self, registry: str) -> int:
        """Return how many connections that registry's blobs may use at once, caps on speed left aside."""
        return min(self._total(), self._per_host().get(registry, self._total()))

    def share(self, registry: str, pull: str) -> int:
        """Return how many a pull from that registry may count on: those it has, those that are free, and what
        is due to it where others have more. Caps on speed are left aside.
        """
        wanted_by = {waiter.pull: waiter.registry for waiter in self._waiters} | self._registry_of
        wanted_by[pull] = registry
        beside = sum(other == registry for other in wanted_by.values())
        own = self._of_pull[pull]
        everywhere = max(own + self._total() - self._used.total(), self._total() // len(wanted_by))
        here = self.most(registry)
        return max(1, min(everywhere, max(own + here - self._used[registry], here // beside)))

    def _free(self, registry: str, pull: str) -> bool:
        bounds = (
            (self._used.total(), self._total()),
            (self._used[registry], self.most(registry)),
            (self._used.total(), self._capped()),
            (self._of_pull[pull], self._capped_pull(pull)),
        )
        return all(most is None or used < most for used, most in bounds)

    def _count(self, registry: str, pull: str, change: int) -> None:
        for counter, key in ((self._used, registry), (self._of_pull, pull)):
            counter[key] += change
            if not counter[key]:
                del counter[key]
        if pull in self._of_pull:
            self._registry_of[pull] = registry
        else:
            self._registry_of.pop(pull, None)


class Place:
    """One connection's slot, which it has or has not."""

    def __init__(self, slots: Slots, registry: str, pull: str) -> None:
        self._slots = slots
        self._registry = registry
        self._pull = pull
        self._held = False

    async def take(self) -> None:
        """Wait for a slot, unless it has one."""
        if not self._held:
            await self._slots.acquire(self._registry, self._pull)
            self._held = True

    def take_now(self) -> bool:
        """Return whether it has one, or could have one without waiting."""
        self._held = self._held or self._slots.take_now(self._registry, self._pull)
        return self._held

    def give_back(self) -> None:
        """Let another one have it."""
        if self._held:
            self._held = False
            self._slots.release(self._registry, self._pull)
