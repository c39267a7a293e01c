"""Pulls that share a blob: what one of them ends with the others know without a look each at the disk."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from pulltui.engine import queue
from pulltui.engine.blob import BlobDownload
from pulltui.engine.manifest import Layer, Manifest
from pulltui.engine.peek import Found, peek
from pulltui.engine.pull import Pull
from pulltui.engine.store import Store
from pulltui.engine.views import PullState
from support.played import SIZE, Disk, Played, digest, make_manifest

NAMES = [f"m{number}" for number in range(8)]
SHARED = "licence"

Looks = list[frozenset[str]]
Live = Callable[[Disk], Played]


def manifest_of(name: str) -> Manifest:
    return make_manifest(f"own of {name}", SHARED)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """The digests that were looked for, look by look."""
    looked: Looks = []

    def look(store: Store, layers: Sequence[Layer]) -> Found:
        looked.append(frozenset(layer.digest for layer in layers))
        return peek(store, layers)

    monkeypatch.setattr(queue, "peek", look)
    return looked


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    for name in ("blobs", ".pulltui"):
        (tmp_path / name).mkdir()
    lives: list[Played] = []

    def begin(disk: Disk) -> Played:
        lives.append(Played(tmp_path, disk, len(NAMES), manifest_of))
        return lives[-1]

    yield begin
    await lives[-1].kill()


async def paused(life: Played) -> None:
    """All are on the list, with their manifests, and none of them runs or has looked at the disk."""
    await life.start()
    for name in NAMES:
        life.add(name)
    await asyncio.sleep(0)
    await life.queue.pause(list(life.queue.pulls))
    assert all(pull.manifest is not None and not pull.counted for pull in life.queue.pulls.values())


async def end(life: Played, name: str) -> None:
    """That pull goes on, and is done."""
    pull = life.pull(name)
    assert pull is not None
    life.queue.resume([pull.id])
    await asyncio.sleep(0)
    pull.end.set_result(True)
    await asyncio.wait([life.queue._running[pull.id]])
    await asyncio.sleep(0)  # its callback
    assert pull.state is PullState.DONE


async def looked(life: Played) -> None:
    while any(not task.done() for task in life.queue._peeks):
        await asyncio.wait(life.queue._peeks)


def waiting(life: Played) -> list[Pull]:
    return [pull for pull in life.queue.pulls.values() if pull.state is not PullState.DONE]


async def test_what_is_known_is_not_looked_for_again_with_every_end(live: Live, looks: Looks) -> None:
    life = live(Disk())
    await paused(life)
    await life.keeper.flush()
    disk = await life.kill()
    looks.clear()
    life = live(disk)
    await life.start(asleep=True)
    await looked(life)
    assert len(looks) == len(NAMES) == sum(pull.counted for pull in life.queue.pulls.values())
    for name in NAMES:
        await end(life, name)
        await looked(life)
        for pull in waiting(life):
            assert pull.cached == {digest(SHARED)}
            assert pull.peeked == {digest(SHARED): SIZE, digest(f"own of {pull.name.model}"): 0}
    assert len(looks) == len(NAMES), "each once, after the start"


async def test_who_was_told_once_is_not_told_again(live: Live) -> None:
    life = live(Disk())
    await paused(life)
    await end(life, NAMES[0])
    await looked(life)
    told = {pull.id: pull.rev for pull in waiting(life)}
    await end(life, NAMES[1])
    await looked(life)
    assert {pull.id: pull.rev for pull in waiting(life)}.items() <= told.items(), "nothing to be shown anew"


async def test_pulls_of_which_nothing_is_known_are_looked_at_once_and_one_after_the_other(
    live: Live, looks: Looks
) -> None:
    life = live(Disk())
    await paused(life)
    await end(life, NAMES[0])
    await end(life, NAMES[1])
    assert len(life.queue._peeks) == 1
    await looked(life)
    assert all(pull.counted and pull.cached == {digest(SHARED)} for pull in waiting(life))
    assert len(looks) <= len(NAMES), "at most what was under way is looked at twice"


async def test_a_look_that_is_due_while_none_is_under_way_any_more_begins(live: Live, looks: Looks) -> None:
    life = live(Disk())
    await paused(life)
    for number in (1, 2):
        [pull] = [pull for pull in waiting(life) if pull.name.model == NAMES[0]]
        await life.queue.remove([pull.id], delete=False)
        life.queue.undo()
        await looked(life)
        assert len(looks) == number


async def test_what_came_of_a_pull_that_was_taken_back_shows_at_once(live: Live) -> None:
    """A blob that is verified and released has no table any more."""
    life = live(Disk())
    await paused(life)
    pull = life.pull(NAMES[0])
    assert pull is not None and pull.manifest is not None
    pull.downloads = [BlobDownload(layer, life.context) for layer in pull.manifest.blobs]
    pull.downloads[0].verified, pull.downloads[0].sizes = True, array("Q", [SIZE])
    pull.downloads[1].verified = True  # deleted
    await life.queue.remove([pull.id], delete=False)
    life.queue.undo()
    again = life.pull(NAMES[0])
    assert again is not None and again is not pull
    assert again.peeked == {pull.downloads[0].digest: SIZE}
