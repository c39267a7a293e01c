from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulltui.engine import partial as partial_module
from pulltui.engine.errors import StorageError
from pulltui.engine.partial import Partial, PartialPaths
from pulltui.engine.parts import Mark
from pulltui.engine.partstate import DurableState, read_live

TOTAL = 1000
PART = 300
DATA = random.Random(2).randbytes(TOTAL)
DIGEST = "sha256:" + "12" * 32
NAME = "sha256-" + "12" * 32


@pytest.fixture
def paths(tmp_path: Path) -> PartialPaths:
    return PartialPaths(tmp_path, NAME)


@pytest.fixture
def opened(paths: PartialPaths) -> Iterator[Callable[[], Partial]]:
    """`opened()`: partials of the blob, closed after the test as a killed process would leave them."""
    made: list[Partial] = []

    def make() -> Partial:
        made.append(Partial(paths, DIGEST, TOTAL, PART))
        return made[-1]

    yield make
    for each in made:
        each.close()


def put(partial: Partial, n: int, count: int) -> None:
    """Write the next `count` bytes of part `n`, the right ones."""
    part = partial.table.parts[n]
    start = part.offset + part.mark.written
    chunk = memoryview(DATA)[start : min(start + count, part.end)]
    partial.write(part, chunk, crc32(chunk, part.mark.crc or 0))


def written(partial: Partial) -> list[int]:
    return [part.mark.written for part in partial.table]


def assert_sound(partial: Partial) -> None:
    """Whatever is claimed is in the file."""
    content = partial.paths.data.read_bytes()
    assert len(content) == TOTAL
    for part in partial.table:
        claimed = slice(part.offset, part.offset + part.mark.written)
        assert content[claimed] == DATA[claimed], f"part {part.n} claims what is not there"


def stored(paths: PartialPaths) -> DurableState:
    return msgspec.json.decode(paths.durable.read_bytes(), type=DurableState)


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


STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "checkpoint", "reopen"]), st.integers(0, 3), st.integers(1, 300)),
    max_size=15,
)
DAMAGE = st.lists(
    st.sampled_from(
        [
            "durable gone",
            "durable empty",
            "durable cut",
            "durable garbage",
            "durable of another blob",
            "durable older",
            "live gone",
            "live cut",
            "live zeroed",
            "live torn",
            "live older",
            "data cut",
            "data longer",
            "data zeroed",
            "data replaced",
            "data copied",
            "data gone",
        ]
    ),
    max_size=3,
)


def damage(what: str, paths: PartialPaths, olden: dict[str, bytes], seed: int) -> None:
    chance = random.Random(seed)
    which = {"durable": paths.durable, "live": paths.live, "data": paths.data}[what.split(maxsplit=1)[0]]
    content = bytearray(which.read_bytes()) if which.exists() else bytearray()
    match what.split()[1]:
        case "gone":
            which.unlink(missing_ok=True)
            return
        case "empty":
            content = bytearray()
        case "cut":
            content = content[: chance.randrange(len(content) + 1)]
        case "garbage":
            content = bytearray(chance.randbytes(len(content)))
        case "of":
            content = bytearray(bytes(content).replace(b"12" * 32, b"34" * 32))
        case "older":
            content = bytearray(olden.get(what.split(maxsplit=1)[0], content))
        case "zeroed":
            content = bytearray(len(content))
        case "torn":
            at = chance.randrange(64, max(65, len(content)))
            content[at : at + 1] = chance.randbytes(1)
        case "longer":
            content += b"more"
        case "replaced" | "copied":
            other = which.with_name("other")
            other.write_bytes(bytes(len(content)) if "replaced" in what else content)
            other.replace(which)
            return
    which.write_bytes(content)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(steps=STEPS, hurt=DAMAGE, seed=st.integers(0, 10**6))
def test_whatever_happens_to_the_files_no_false_claim_and_no_crash(
    paths: PartialPaths, steps: list[tuple[str, int, int]], hurt: list[str], seed: int
) -> None:
    """Write, make durable, be killed in any order; then damage the files; then open again.

    What no program can notice at opening, where a durable record is not read again to check it, is left out:
    data zeroed in place, data cut and grown again, and a file that took the inode number of ours. There the
    digest decides, and the checksums find the part.
    """
    paths.remove()
    partial = Partial(paths, DIGEST, TOTAL, PART)
    olden: dict[str, bytes] = {}
    try:
        for step, n, count in steps:
            if step == "write" and not partial.table.parts[n].done:
                put(partial, n, count)
            elif step == "checkpoint":
                olden = {"durable": paths.durable.read_bytes(), "live": paths.live.read_bytes()}
                partial.checkpoint()
            elif step == "reopen":
                before = written(partial)
                partial.close()
                partial = Partial(paths, DIGEST, TOTAL, PART)
                assert written(partial) == before, "a kill lost what was written"
        truth, safe = written(partial), [mark.written for mark in partial.durable]
    finally:
        partial.close()
    for each in hurt:
        damage(each, paths, olden, seed)
    reopened = Partial(paths, DIGEST, TOTAL, PART)
    try:
        reused = sum(each in ("data replaced", "data copied", "data gone") for each in hurt) > 1
        if "data zeroed" not in hurt and not {"data cut", "data longer"} <= set(hurt) and not reused:
            assert_sound(reopened)
        kinds = {each.split()[0] for each in hurt}
        if not kinds:
            assert written(reopened) == truth
        elif kinds == {"durable"} or hurt == ["data copied"]:
            assert written(reopened) == truth, "the live state proves all of it"
        elif kinds == {"live"}:
            assert all(now >= then for now, then in zip(written(reopened), safe, strict=True))
    finally:
        reopened.close()


def test_a_file_cut_short_is_never_believed_even_if_the_repair_of_it_is_killed(
    opened: Callable[[], Partial], paths: PartialPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = opened()
    for n in range(4):
        put(partial, n, 300)
    partial.checkpoint()
    partial.close()
    paths.live.unlink()
    os.truncate(paths.data, 450)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(partial_module, "write_durable", killed)
        with pytest.raises(KeyboardInterrupt):
            opened()
    again = opened()
    assert written(again) == [300, 0, 0, 0]
    assert_sound(again)


@pytest.mark.parametrize("kind", ["symlink", "dangling", "fifo", "hardlink", "directory"])
def test_what_is_not_a_file_of_our_own_is_left_alone(paths: PartialPaths, tmp_path: Path, kind: str) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    if kind == "symlink":
        paths.data.symlink_to(precious)
    elif kind == "dangling":
        paths.data.symlink_to(tmp_path / "nothing")
    elif kind == "fifo":
        os.mkfifo(paths.data)
    elif kind == "hardlink":
        paths.data.hardlink_to(precious)
    else:
        paths.data.mkdir()
    with pytest.raises(StorageError) as caught:
        Partial(paths, DIGEST, TOTAL, PART)
    assert str(paths.data) in str(caught.value)
    assert caught.value.hint
    assert precious.read_bytes() == b"precious"
    assert not (tmp_path / "nothing").exists()


WRITER = """
import random, sys
from pathlib import Path
from zlib import crc32
from pulltui.engine.partial import Partial, PartialPaths
paths = PartialPaths(Path(sys.argv[1]), sys.argv[2])
data = memoryview(random.Random(3).randbytes(4_000_000))
partial = Partial(paths, "sha256:" + "12" * 32, len(data), 500_000)
chance = random.Random(int(sys.argv[3]))
print("ready", flush=True)
while True:
    left = [part for part in partial.table if not part.done]
    if not left:
        break
    part = chance.choice(left)
    start = part.offset + part.mark.written
    chunk = data[start : min(part.end, start + chance.randrange(1, 9000))]
    partial.write(part, chunk, crc32(chunk, part.mark.crc))
    if chance.random() < 0.01:
        partial.checkpoint()
print("all", flush=True)
"""


@pytest.mark.parametrize("seed", range(6))
def test_after_a_real_kill_every_claim_is_true_and_little_is_lost(tmp_path: Path, seed: int) -> None:
    paths = PartialPaths(tmp_path, NAME)
    data = random.Random(3).randbytes(4_000_000)
    chance = random.Random(seed)
    run = [sys.executable, "-c", WRITER, str(tmp_path), NAME, str(seed)]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        aim = chance.randrange(1, 3_000_000)
        while sum(each.completed for each in read_live(paths.live, DIGEST) or []) < aim:
            assert writer.poll() is None
        writer.send_signal(signal.SIGKILL)
    claimed = sum(each.completed for each in read_live(paths.live, DIGEST) or [])
    partial = Partial(paths, DIGEST, len(data), 500_000)
    try:
        content = paths.data.read_bytes()
        for part in partial.table:
            claim = slice(part.offset, part.offset + part.mark.written)
            assert content[claim] == data[claim]
        lost = claimed - partial.table.written()
        assert lost <= 500_000, "at most the one part whose record the kill tore"
    finally:
        partial.close()


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
    assert partial.dirty == 100
    assert written(partial) == [200, 0, 0, 0]


def test_after_a_failed_sync_only_what_was_durable_counts_for_good(
    opened: Callable[[], Partial], paths: PartialPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = opened()
    put(partial, 0, 300)
    partial.checkpoint()
    put(partial, 1, 200)
    put(partial, 2, 1)

    def fails(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fails)
        with pytest.raises(OSError, match="Input/output"):
            partial.checkpoint()
    assert partial.error is not None
    with pytest.raises(OSError, match="Input/output"):
        partial.checkpoint()  # the kernel reports it once; the second sync would be a lie
    assert partial.step_back() == 201
    assert written(partial) == [300, 0, 0, 0]
    assert partial.step_back() == 0
    partial.close()
    assert written(opened()) == [300, 0, 0, 0], "not even the live state says otherwise"


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
    assert partial.dirty == 200
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
    opened: Callable[[], Partial], paths: PartialPaths, tmp_path: Path
) -> None:
    partial = opened()
    fill(partial)
    target, sums = tmp_path / NAME, tmp_path / "sums" / NAME
    partial.finish(target, sums)
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
