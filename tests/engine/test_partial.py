from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
from pulltui.engine import partial as partial_module
from pulltui.engine.partial import Partial, PartialPaths
from pulltui.engine.parts import Mark
from pulltui.engine.partstate import DurableState
from support.partials import DATA, DIGEST, NAME, TOTAL, assert_sound, put, stored, written


def test_a_new_partial_is_sparse_and_has_its_state_at_once(
    opened: Callable[[], Partial], paths: PartialPaths
) -> None:
    partial = opened()
    assert paths.data.stat().st_size == TOTAL
    assert paths.data.stat().st_blocks == 0
    assert written(partial) == [0, 0, 0, 0]
    state = stored(paths)
    assert (state.digest, state.total, state.inode) == (DIGEST, TOTAL, paths.data.stat().st_ino)
    assert [(part.offset, part.size) for part in state.parts] == [
        (0, 300),
        (300, 300),
        (600, 300),
        (900, 100),
    ]


def test_another_part_size_does_not_change_the_layout_of_what_is_there(
    opened: Callable[[], Partial], paths: PartialPaths
) -> None:
    partial = opened()
    put(partial, 0, 300)
    partial.checkpoint()
    partial.close()
    again = Partial(paths, DIGEST, TOTAL, 70)
    assert written(again) == [300, 0, 0, 0]
    again.close()


def count_syncs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced, from now on: the data, a state, or the directory."""
    calls: list[str] = []

    def watched(fd: int) -> None:
        status = os.fstat(fd)
        file = "data" if status.st_size == TOTAL else "state"
        calls.append("directory" if stat.S_ISDIR(status.st_mode) else file)

    monkeypatch.setattr(os, "fdatasync", watched)
    monkeypatch.setattr(os, "fsync", watched)
    return calls


def test_opening_syncs_only_what_a_power_cut_could_take(
    opened: Callable[[], Partial], paths: PartialPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count_syncs(monkeypatch)
    partial = opened()
    assert calls == [], "nothing is claimed yet"
    put(partial, 0, 100)
    partial.checkpoint()
    partial.close()
    calls.clear()
    partial = opened()
    assert calls == [], "all that is claimed is durable"
    assert partial.dirt == (0, paths.durable.stat().st_size)
    put(partial, 0, 100)
    partial.close()
    calls.clear()
    partial = opened()
    assert calls == ["data", "state", "directory"], "a kill left claims that are not"
    assert [part.completed for part in stored(paths).parts] == [200, 0, 0, 0]


def test_a_power_cut_that_leaves_nothing_of_a_new_state_costs_nothing_else(
    opened: Callable[[], Partial], paths: PartialPaths
) -> None:
    """It was never synced: its name may be there without its bytes, and the data's too."""
    opened().close()
    for path in (paths.durable, paths.live, paths.data):
        path.write_bytes(b"")
    partial = opened()
    assert written(partial) == [0, 0, 0, 0]
    put(partial, 0, 300)
    assert_sound(partial)


def test_data_is_synced_before_its_state_and_counted_before_it_is_synced(
    opened: Callable[[], Partial], paths: PartialPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = opened()
    put(partial, 0, 100)
    calls: list[str] = []
    real = {name: getattr(os, name) for name in ("fdatasync", "fsync", "rename", "replace")}

    def name_of(fd: int) -> str:
        return Path(f"/proc/self/fd/{fd}").resolve().name if sys.platform == "linux" else "?"

    def fdatasync(fd: int) -> None:
        assert fd == partial.fd
        put(partial, 0, 100)  # arrives while the disk is busy: not covered by this sync
        calls.append("sync data")
        real["fdatasync"](fd)

    def fsync(fd: int) -> None:
        calls.append(f"sync {'state' if name_of(fd).endswith('.new') else 'directory'}")
        real["fsync"](fd)

    def replace(source: str, target: str) -> None:
        calls.append("replace state")
        real["replace"](source, target)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    partial.checkpoint()
    assert calls == ["sync data", "sync state", "replace state", "sync directory"]
    assert [part.completed for part in stored(paths).parts] == [100, 0, 0, 0]
    assert partial.dirt.written == 100
    assert written(partial) == [200, 0, 0, 0]


def fail_to_sync(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> list[int]:
    """Have that fail: the disk does not take the data. Return the files that were to be synced."""
    asked: list[int] = []

    def fails(fd: int) -> None:
        asked.append(fd)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fails)
        with pytest.raises(OSError, match="Input/output"):
            what()
    return asked


def test_after_a_failed_sync_only_what_was_durable_counts_for_good(
    opened: Callable[[], Partial], paths: PartialPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = opened()
    put(partial, 0, 300)
    partial.checkpoint()
    put(partial, 1, 200)
    put(partial, 2, 1)

    fail_to_sync(monkeypatch, partial.checkpoint)
    assert partial.error is not None
    with pytest.raises(OSError, match="Input/output"):
        partial.checkpoint()  # the kernel reports it once; the second sync would be a lie
    assert partial.step_back() == 201
    assert written(partial) == [300, 0, 0, 0]
    assert partial.step_back() == 0
    partial.close()
    assert written(opened()) == [300, 0, 0, 0], "not even the live state says otherwise"


def test_a_failed_sync_counts_in_the_live_state_at_once(
    opened: Callable[[], Partial], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill may come before anybody steps back: what the page cache still bears out must not be claimed."""
    partial = opened()
    put(partial, 0, 300)
    partial.checkpoint()
    put(partial, 1, 300)
    put(partial, 2, 100)

    fail_to_sync(monkeypatch, partial.checkpoint)
    partial.live.store(2, Mark(100, 1))  # what was being written when it failed
    assert written(opened()) == [300, 0, 0, 0], "as the next process finds it"
    assert any(partial.table.unfinished())
    partial.close()


def test_a_sync_that_fails_at_opening_leaves_only_what_was_durable(
    opened: Callable[[], Partial], paths: PartialPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed process left more than that, and the page cache still bears it out the next time."""
    partial = opened()
    put(partial, 0, 200)
    partial.checkpoint()
    put(partial, 0, 50)
    put(partial, 1, 300)
    partial.close()

    (fd,) = fail_to_sync(monkeypatch, opened)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    assert [part.completed for part in stored(paths).parts] == [200, 0, 0, 0]
    again = opened()
    assert written(again) == [200, 0, 0, 0]
    put(again, 0, 100)
    assert again.step_back() == 100
    assert [part.completed for part in stored(paths).parts] == [200, 0, 0, 0]


def test_where_nothing_was_durable_a_sync_that_fails_at_opening_leaves_nothing(
    opened: Callable[[], Partial], paths: PartialPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = opened()
    put(partial, 1, 300)
    partial.close()
    paths.durable.unlink()
    fail_to_sync(monkeypatch, opened)
    assert written(opened()) == [0, 0, 0, 0]


def test_stepping_back_reaches_parts_that_were_through(
    opened: Callable[[], Partial], monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = opened()
    put(partial, 0, 300)
    put(partial, 1, 300)
    assert [part.n for part in partial.table.unfinished()] == [2, 3]
    assert partial.step_back() == 600
    assert partial.table.written() == 0
    assert [part.n for part in partial.table.unfinished()] == [0, 1, 2, 3]
    partial.close()


def test_a_state_that_cannot_be_written_takes_nothing_back(
    opened: Callable[[], Partial], paths: PartialPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = opened()
    put(partial, 1, 200)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(partial_module, "write_durable", full)
        with pytest.raises(OSError, match="No space"):
            partial.checkpoint()
    assert partial.sync_error is None
    assert partial.dirt.written == 200
    partial.close()
    assert written(opened()) == [0, 200, 0, 0]


def test_short_writes_are_completed(opened: Callable[[], Partial], monkeypatch: pytest.MonkeyPatch) -> None:
    partial = opened()
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, bytes(data[:7]), at))
    put(partial, 2, 300)
    assert written(partial) == [0, 0, 300, 0]
    assert_sound(partial)


def test_a_write_that_fails_half_way_counts_nothing_of_its_chunk(
    opened: Callable[[], Partial], monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = opened()
    put(partial, 0, 100)
    real, left = os.pwrite, [60]

    def nearly_full(fd: int, data: memoryview, at: int) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = real(fd, bytes(data[: left[0]]), at)
        left[0] -= count
        return count

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", nearly_full)
        with pytest.raises(OSError, match="No space"):
            put(partial, 0, 200)
    assert written(partial) == [100, 0, 0, 0]
    put(partial, 0, 200)
    assert_sound(partial)


def fill(partial: Partial) -> None:
    for n in range(4):
        put(partial, n, 300)


def test_finishing_turns_three_files_into_the_blob_and_its_sums(
    opened: Callable[[], Partial], paths: PartialPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = opened()
    fill(partial)
    target, sums = tmp_path / NAME, tmp_path / "sums" / NAME
    calls = count_syncs(monkeypatch)
    partial.finish(target, sums)
    assert calls == ["data", "state", "directory"]
    assert target.read_bytes() == DATA
    state = msgspec.json.decode(sums.read_bytes(), type=DurableState)
    assert [part.crc32 for part in state.parts] == [
        crc32(DATA[part.offset : part.offset + part.size]) for part in state.parts
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, "sums"]
    partial.checkpoint()
    assert not paths.durable.exists(), "a late checkpoint does nothing"


@pytest.mark.parametrize("how", ["gone", "replaced"])
def test_a_file_that_others_moved_away_is_not_finished(
    opened: Callable[[], Partial], paths: PartialPaths, tmp_path: Path, how: str
) -> None:
    partial = opened()
    fill(partial)
    paths.data.rename(tmp_path / "elsewhere")
    if how == "replaced":
        paths.data.write_bytes(bytes(TOTAL))
    with pytest.raises(OSError, match="another program"):
        partial.checkpoint()
    with pytest.raises(OSError, match="another program"):
        partial.finish(tmp_path / NAME, tmp_path / "sums" / NAME)
    assert not (tmp_path / NAME).exists()


def test_a_part_that_is_reset_is_reset_on_disk_too(
    opened: Callable[[], Partial], paths: PartialPaths
) -> None:
    partial = opened()
    fill(partial)
    partial.checkpoint()
    for part in partial.table:
        partial.reset(part)
    partial.checkpoint()
    partial.close()
    assert written(opened()) == [0, 0, 0, 0]


def test_removing_leaves_nothing_and_minds_nothing(
    opened: Callable[[], Partial], paths: PartialPaths, tmp_path: Path
) -> None:
    opened().close()
    paths.remove()
    assert list(tmp_path.iterdir()) == []
    paths.remove()


def test_marks_of_no_known_checksum_stay_unknown(opened: Callable[[], Partial], paths: PartialPaths) -> None:
    """Adopted bytes have none; what is written behind them has none either."""
    partial = opened()
    part = partial.table.parts[0]
    os.pwrite(partial.fd, DATA[:100], 0)
    part.mark = Mark(100, None)
    partial.write(part, memoryview(DATA)[100:150], None)
    partial.checkpoint()
    partial.close()
    again = opened()
    assert again.table.parts[0].mark == Mark(150, None)
