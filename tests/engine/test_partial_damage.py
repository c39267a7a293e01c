"""Whatever happens to the files of a partial and to the process that writes it: no false claim, no crash."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulltui.engine import partial as partial_module
from pulltui.engine.errors import StorageError
from pulltui.engine.partial import Partial, PartialPaths
from pulltui.engine.partstate import read_live
from support.partials import DIGEST, NAME, PART, TOTAL, assert_sound, put, written

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["write", "checkpoint", "reopen", "split"]), st.integers(0, 3), st.integers(1, 300)
    ),
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
            elif step == "split":
                part = partial.table.parts[n]
                if (at := part.offset + part.mark.written + count) < part.end:
                    assert partial.split(part, at) is not None
            elif step == "checkpoint":
                olden = {"durable": paths.durable.read_bytes(), "live": paths.live.read_bytes()}
                partial.checkpoint()
            elif step == "reopen":
                before = written(partial)
                partial.close()
                partial = Partial(paths, DIGEST, TOTAL, PART)
                assert written(partial) == before, "a kill lost what was written"
        truth, safe = written(partial), partial.durable
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
            now = {part.offset: part.mark.written for part in reopened.table}
            assert all(now.get(offset, 0) >= mark.written for offset, mark in safe.items())
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


@pytest.mark.parametrize("newer", ["durable", "live"])
def test_what_a_newer_version_left_is_not_changed(
    opened: Callable[[], Partial], paths: PartialPaths, newer: str
) -> None:
    partial = opened()
    put(partial, 0, 300)
    partial.checkpoint()
    partial.close()
    if newer == "durable":
        paths.live.unlink()
        paths.durable.write_bytes(b'{"Version":2,"Ranges":[[0,300]]}')
    else:
        paths.durable.unlink()
        paths.live.write_bytes(b"pulltui\0" + (2).to_bytes(4, "little") + bytes(500))
    there = (paths.data, getattr(paths, newer))
    before = [path.read_bytes() for path in there]
    with pytest.raises(StorageError, match="newer pulltui"):
        opened()
    assert [path.read_bytes() for path in there] == before


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
sys.stdin.read()  # only a kill ends it
"""


@pytest.mark.parametrize("seed", range(6))
def test_after_a_real_kill_every_claim_is_true_and_little_is_lost(tmp_path: Path, seed: int) -> None:
    paths = PartialPaths(tmp_path, NAME)
    data = random.Random(3).randbytes(4_000_000)
    chance = random.Random(seed)
    run = [sys.executable, "-c", WRITER, str(tmp_path), NAME, str(seed)]
    pipe = subprocess.PIPE
    with subprocess.Popen(run, stdin=pipe, stdout=pipe, text=True) as writer:
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
