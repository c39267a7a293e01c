"""When the queue is saved: gathered, not too often, before anyone is told, and once more on the way out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from pulltui.engine.errors import UnsavedError
from pulltui.engine.queuefile import decode
from pulltui.engine.views import EventKind
from support.played import QUICK, WHEN, Disk, Played, make_manifest

PAUSE = 0.05


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
async def played(tmp_path: Path, disk: Disk) -> AsyncIterator[Played]:
    for name in ("blobs", ".pulltui"):
        (tmp_path / name).mkdir()
    tuning = replace(QUICK, queue_pause=PAUSE)
    life = Played(tmp_path, disk, 1, make_manifest, tuning)
    await life.start()
    yield life
    await life.kill()


async def end(played: Played) -> None:
    """The one pull that runs is done."""
    [pull] = played.running()
    task = played.queue._running[pull.id]
    pull.end.set_result(True)
    await asyncio.wait([task])
    await asyncio.sleep(0)  # its callback


def kept(disk: Disk) -> list[str]:
    return [entry.model.model for entry in decode(disk.state[0]).entries]


async def test_what_changes_at_once_is_saved_at_once(played: Played, disk: Disk) -> None:
    names = [f"m{number}" for number in range(100)]
    for name in names:
        played.add(name)
    await played.keeper.flush()
    assert kept(disk) == names
    assert disk.saves <= 2, "the first pull tells its manifest meanwhile"


async def test_commands_in_a_row_wait_for_the_next_save(played: Played, disk: Disk) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(5):
        played.add(f"m{number}")
        await played.keeper.flush()
        assert len(kept(disk)) == number + 1, "acknowledged is durable"
    assert disk.saves <= (loop.time() - began) / PAUSE + 2


async def test_what_changes_nothing_saves_nothing(played: Played, disk: Disk) -> None:
    played.queue.changed()
    await played.keeper.flush()
    assert disk.saves == 0


async def test_on_the_way_out_the_rest_is_saved(played: Played, disk: Disk) -> None:
    played.add("one")
    await played.keeper.flush()
    played.add("two")
    await played.stop()
    assert kept(disk) == ["one", "two"]


async def test_what_is_done_is_told_to_the_history_once_though_the_disk_was_full(
    played: Played, disk: Disk
) -> None:
    pull = played.queue.pulls[played.add("one")]
    await played.keeper.flush()
    disk.full = True
    await end(played)
    with pytest.raises(UnsavedError):
        await played.keeper.flush()
    assert kept(disk) == ["one"]
    disk.full = False
    played.queue.changed()
    await played.keeper.flush()
    assert kept(disk) == []
    [record] = disk.records
    assert (record.name, record.when, record.size) == (pull.name.short, WHEN, 100)
    notes = [event.why for event in played.log.after(0) if event.kind is EventKind.NOTE]
    assert len(notes) == 2
    assert "No space left" in notes[0]
    assert notes[1] == "the queue is saved again"


async def test_a_history_that_cannot_be_written_keeps_no_queue_from_being_saved(
    played: Played, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(records: object) -> None:
        raise OSError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "append", refuse)
        played.add("one")
        await played.keeper.flush()
        await end(played)
        await played.keeper.flush()
    assert kept(disk) == []
    played.queue.changed()
    await played.keeper.flush()
    notes = [event.why for event in played.log.after(0) if event.kind is EventKind.NOTE]
    assert notes == [
        "the history cannot be saved (Permission denied): it goes on trying",
        "the history is saved again",
    ]
