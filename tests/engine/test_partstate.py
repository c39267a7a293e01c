from __future__ import annotations

import errno
import os
import random
import struct
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulltui.engine.claims import Claims
from pulltui.engine.errors import StorageError
from pulltui.engine.parts import Mark, Part, PartTable, lay_out
from pulltui.engine.partstate import (
    DurableState,
    LiveState,
    PartRecord,
    read_durable,
    read_live,
    snapshot,
    write_durable,
)

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
TOTAL = 1000
MB = 1_000_000


def record(n: int, offset: int, size: int, completed: int = 0, crc: int | None = 0) -> PartRecord:
    return PartRecord(n, offset, size, completed, crc)


def state(*parts: PartRecord, total: int = TOTAL, digest: str = DIGEST, version: int = 1) -> DurableState:
    return DurableState(version, digest, total, 7, list(parts))


GOOD = state(record(0, 0, 600, 10, 1), record(1, 600, 400))


def test_the_durable_state_is_what_the_readme_says(tmp_path: Path) -> None:
    table = PartTable(lay_out(TOTAL, 600))
    table.parts[0].mark = Mark(10, 1)
    table.parts[1].mark = Mark(5, None)
    path = tmp_path / "state.json"
    write_durable(path, snapshot(DIGEST, 7, table))
    assert msgspec.json.decode(path.read_bytes()) == {
        "Version": 1,
        "Digest": DIGEST,
        "Total": TOTAL,
        "Inode": 7,
        "Parts": [
            {"N": 0, "Offset": 0, "Size": 600, "Completed": 10, "Crc32": 1},
            {"N": 1, "Offset": 600, "Size": 400, "Completed": 5, "Crc32": None},
        ],
    }
    assert read_durable(path, DIGEST) == snapshot(DIGEST, 7, table)
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize(
    "damaged",
    [
        state(record(0, 0, 600), record(1, 600, 400), digest=OTHER),
        state(record(0, 0, 600), record(1, 600, 400), total=999),
        state(record(0, 0, 600), record(1, 600, 400), version=0),
        state(record(0, 0, 600), record(1, 601, 399)),
        state(record(0, 0, 600), record(1, 599, 401)),
        state(record(0, 0, 600), record(0, 600, 400)),
        state(record(0, 0, 600), record(2, 600, 400)),
        state(record(1, 600, 400), record(0, 0, 600)),
        state(record(0, 0, 600)),
        state(record(0, 0, 600), record(1, 600, 401)),
        state(record(0, 0, 600), record(1, 600, 0), record(2, 600, 400)),
        state(record(0, 0, 1600), record(1, 1600, -600)),
        state(record(0, 0, 600, -1), record(1, 600, 400)),
        state(record(0, 0, 600, 601), record(1, 600, 400)),
        state(record(0, 0, 600, 5, -1), record(1, 600, 400)),
        state(record(0, 0, 600, 5, 1 << 32), record(1, 600, 400)),
        state(),
    ],
)
def test_a_durable_state_that_cannot_be_true_counts_as_missing(tmp_path: Path, damaged: DurableState) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(msgspec.json.encode(damaged))
    assert read_durable(path, DIGEST) is None


@pytest.mark.parametrize(
    "newer",
    [
        msgspec.json.encode(state(record(0, 0, 600), record(1, 600, 400), version=2)),
        b'{"Version":2,"Digest":["sha256","abab"],"Ranges":[[0,600]]}',  # why its version is another
    ],
)
def test_a_state_of_a_newer_version_is_not_touched(tmp_path: Path, newer: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(newer)
    with pytest.raises(StorageError, match="newer pulltui"):
        read_durable(path, DIGEST)


def test_nor_is_a_live_state_of_a_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "live"
    LiveState(path, DIGEST, PartTable(lay_out(TOTAL, 300))).close()
    path.write_bytes(path.read_bytes()[:8] + struct.pack("<I", 2) + bytes(500))
    with pytest.raises(StorageError, match="newer pulltui"):
        read_live(path, DIGEST)


def test_a_state_that_cannot_be_read_is_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    path = tmp_path / "state.json"
    path.write_bytes(msgspec.json.encode(GOOD))
    monkeypatch.setattr(os, "open", refuse)
    for read in (read_durable, read_live):
        with pytest.raises(OSError, match="Too many"):
            read(path, DIGEST)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\0" * 500,
        b"{",
        b"[" * 100_000,
        b"null",
        b"[]",
        b'{"Version":1}',
        b"\xff\xfe{}",
        msgspec.json.encode(GOOD)[:-1],
        msgspec.json.encode(GOOD).replace(b"600", b"6e2", 1).replace(b":1,", b":1.5,", 1),
        msgspec.json.encode(GOOD).replace(b"600", b'"600"'),
        msgspec.json.encode(GOOD).replace(b":7,", b":1e400,"),
        msgspec.json.encode(GOOD).replace(b":7,", b":" + b"9" * 5000 + b","),
    ],
    ids=range(13),
)
def test_garbage_counts_as_missing(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(text)
    assert read_durable(path, DIGEST) is None


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "symlink"])
def test_what_is_no_plain_file_counts_as_missing_and_is_never_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "state"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "symlink":
        (tmp_path / "target").write_bytes(msgspec.json.encode(GOOD))
        path.symlink_to(tmp_path / "target")
    assert read_durable(path, DIGEST) is None
    assert read_live(path, DIGEST) is None


def test_a_state_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short writes are completed; a crash before the rename leaves the old one."""
    path = tmp_path / "state.json"
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real_write(fd, bytes(data[:7])))
    write_durable(path, GOOD)
    assert read_durable(path, DIGEST) == GOOD

    def cut_off(fd: int) -> None:
        raise OSError(5, "power cut")

    monkeypatch.setattr(os, "fsync", cut_off)
    with pytest.raises(OSError, match="power cut"):
        write_durable(path, state(record(0, 0, 1000, 1000, 9)))
    assert read_durable(path, DIGEST) == GOOD


def test_the_live_state_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "live"
    table = PartTable(lay_out(TOTAL, 300))
    table.parts[1].mark = Mark(300, 5)
    live = LiveState(path, DIGEST, table)
    live.store(0, Mark(123, 2**32 - 1))
    live.store(3, Mark(7, None))
    records = read_live(path, DIGEST)
    assert records is not None
    assert [(each.offset, each.size, each.completed, each.crc) for each in records] == [
        (0, 300, 123, 2**32 - 1),
        (300, 300, 300, 5),
        (600, 300, 0, 0),
        (900, 100, 7, 0),
    ]
    live.close()
    live.store(0, Mark(200, 1))
    assert read_live(path, DIGEST) == records
    assert read_live(path, OTHER) is None


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (0, b"X"),
        (0, b"X" + bytes(7) + struct.pack("<I", 2)),
        (8, struct.pack("<I", 0)),
        (12, struct.pack("<I", 3)),
        (12, struct.pack("<I", 5)),
        (12, struct.pack("<I", 2**32 - 1)),
        (16, struct.pack("<Q", 1001)),
        (64, struct.pack("<Q", 1)),
        (72, struct.pack("<Q", 0)),
        (72, struct.pack("<Q", 301)),
        (72, struct.pack("<Q", 2**64 - 1)),
    ],
)
def test_a_damaged_live_state_counts_as_missing(tmp_path: Path, where: int, what: bytes) -> None:
    path = tmp_path / "live"
    LiveState(path, DIGEST, PartTable(lay_out(TOTAL, 300))).close()
    data = bytearray(path.read_bytes())
    assert read_live(path, DIGEST) is not None
    data[where : where + len(what)] = what
    path.write_bytes(data)
    assert read_live(path, DIGEST) is None
    path.write_bytes(data[:100])
    assert read_live(path, DIGEST) is None
    path.write_bytes(b"")
    assert read_live(path, DIGEST) is None


SIZES = (7, 64, 100, 1)
DATA = random.Random(1).randbytes(sum(SIZES))


@st.composite
def marks(draw: st.DrawFn) -> list[Mark]:
    """What is claimed of each part: the truth, less of it, or a lie."""
    claims, offset = [], 0
    for size in SIZES:
        completed = draw(st.integers(0, size))
        crc = crc32(DATA[offset : offset + completed])
        claims.append(Mark(completed, draw(st.sampled_from([crc, crc, crc, crc ^ 1, 0, None]))))
        offset += size
    return claims


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    durable=marks(),
    live=st.none() | marks(),
    length=st.integers(0, len(DATA)),
    flipped=st.none() | st.integers(0, len(DATA) - 1),
    same_inode=st.booleans(),
)
def test_nothing_counts_that_the_file_does_not_bear_out(
    tmp_path: Path,
    *,
    durable: list[Mark],
    live: list[Mark] | None,
    length: int,
    flipped: int | None,
    same_inode: bool,
) -> None:
    """For any two records over any file: believed is only the durable record of the very same, whole file,
    and what has the recorded checksum; and whatever has one is kept.
    """
    content = bytearray(DATA[:length])
    if flipped is not None and flipped < length:
        content[flipped] ^= 1
    path, live_path, durable_path = tmp_path / "data", tmp_path / "live", tmp_path / "durable"
    path.write_bytes(content)
    inode = path.stat().st_ino if same_inode else 1
    offsets = [sum(SIZES[:n]) for n in range(len(SIZES))]
    total = len(DATA)

    def table(claims: list[Mark]) -> PartTable:
        return PartTable(
            Part(n, offset, size, mark)
            for n, (offset, size, mark) in enumerate(zip(offsets, SIZES, claims, strict=True))
        )

    write_durable(durable_path, snapshot(DIGEST, inode, table(durable)))
    live_path.unlink(missing_ok=True)
    if live is not None:
        LiveState(live_path, DIGEST, table(live)).close()
    fd = os.open(path, os.O_RDONLY)
    try:
        proven = Claims.read(durable_path, live_path, DIGEST, total).prove(fd)
    finally:
        os.close(fd)
    trusted = same_inode and length >= total
    assert [(part.offset, part.size) for part in proven] == list(zip(offsets, SIZES, strict=True))
    for part, sure, maybe in zip(proven, durable, live or durable, strict=True):
        if trusted and part.mark == sure:
            continue
        held = bytes(content[part.offset : part.offset + part.mark.written])
        assert len(held) == part.mark.written
        if part.mark.written:
            assert part.mark.crc == crc32(held), "claimed without proof"
            assert part.mark.written in (sure.written, maybe.written)
        for claim in (sure, maybe):
            there = bytes(content[part.offset : part.offset + claim.written])
            provable = claim.crc is not None and len(there) == claim.written and crc32(there) == claim.crc
            if provable and not trusted:
                assert part.mark.written >= claim.written, "proven bytes were thrown away"
        if trusted:
            assert part.mark.written >= sure.written


def test_the_live_state_alone_keeps_the_layout_and_what_it_proves(tmp_path: Path) -> None:
    path, live_path = tmp_path / "data", tmp_path / "live"
    path.write_bytes(DATA)
    table = PartTable([Part(0, 0, 100, Mark(50, crc32(DATA[:50]))), Part(1, 100, 72, Mark(72, 1))])
    LiveState(live_path, DIGEST, table).close()
    (tmp_path / "durable").write_bytes(b"")
    claims = Claims.read(tmp_path / "durable", live_path, DIGEST, 172)
    assert claims
    fd = os.open(path, os.O_RDONLY)
    proven = claims.prove(fd)
    os.close(fd)
    assert [(part.size, part.mark.written) for part in proven] == [(100, 50), (72, 0)]


def test_no_record_is_no_claim(tmp_path: Path) -> None:
    assert not Claims.read(tmp_path / "a", tmp_path / "b", DIGEST, TOTAL)


def test_a_split_survives_a_kill_at_each_of_its_steps(tmp_path: Path) -> None:
    """The record is appended, then counted, then the front is cut: each store alone may be the last one."""
    path = tmp_path / "live"
    table = PartTable(lay_out(TOTAL, 300))
    live = LiveState(path, DIGEST, table)
    live.store(1, Mark(100, 7))
    before = path.read_bytes()
    front = table.parts[1]
    front.mark = Mark(100, 7)
    front.received = 100
    live.split(front, table.split(front, 450))
    after = path.read_bytes()
    live.close()
    changed = [at for at in range(len(after)) if after[at] != before[at]]
    record = [at for at in changed if at >= 64 + 4 * 32]
    count = [at for at in changed if at < 64]
    cut = [at for at in changed if at not in record and at not in count]
    assert record and count and cut
    whole = [(0, 300, 0), (300, 300, 100), (600, 300, 0), (900, 100, 0)]
    halves = [(0, 300, 0), (300, 150, 100), (450, 150, 0), (600, 300, 0), (900, 100, 0)]
    state = bytearray(before)
    for step, expected in ((record, whole), (count, halves), (cut, halves)):
        for at in step:
            state[at] = after[at]
        path.write_bytes(state)
        records = read_live(path, DIGEST)
        assert records is not None
        assert [(each.offset, each.size, each.completed) for each in records] == expected


def split_last(table: PartTable, live: LiveState) -> None:
    last = table.parts[-1]
    live.split(last, table.split(last, last.offset + 1))


@pytest.mark.parametrize(
    ("total", "part_size", "cut", "taken"),
    [
        (100_000 * MB, 16 * MB, 7_500, 1024),
        (20_000 * MB, 16 * MB, 7_500, 1024),
        (1000 * MB, 16 * MB, 63 + 500, 1024),
        (200_000 * MB, 16 * MB, 12_500, 1024),
        (1 * MB, 16 * MB, 1, 16 + 15),
    ],
)
def test_cutting_for_runs_leaves_room_for_takeovers(
    tmp_path: Path, total: int, part_size: int, cut: int, taken: int
) -> None:
    """However large a blob and slow its connections: 100 GB, cut into 4 MB, would need 25,000 parts."""
    path, table = tmp_path / "live", PartTable(lay_out(total, part_size))
    live = LiveState(path, DIGEST, table)
    assert path.stat().st_size == 64 + 32 * (cut + taken)
    while live.cuttable:
        split_last(table, live)
    assert len(table) == cut
    while live.splittable:
        split_last(table, live)
    assert len(table) == cut + taken
    live.close()
    records = read_live(path, DIGEST)
    assert records is not None and len(records) == len(table)
    again = LiveState(path, DIGEST, table)
    assert again.splittable, "each opening has room again"
    assert again.cuttable == (cut < 7_500 and total > part_size)
    again.close()


def test_the_state_of_a_blob_that_was_cut_as_far_as_may_be_is_small_enough() -> None:
    """What test_checkpoints shows to be at most 1 % of what comes, also of two such at once."""
    whole = [PartRecord(n, n * 13_333_333, 13_333_333, 13_333_333, 2**32 - 1) for n in range(7_500)]
    assert len(msgspec.json.encode(state(*whole, total=7_500 * 13_333_333))) < 670_000
