from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulltui.engine import store as store_module
from pulltui.engine.errors import LockedError, StorageError
from pulltui.engine.manifest import Layer, Manifest, parse_manifest
from pulltui.engine.names import parse
from pulltui.engine.partstate import sync_directory
from pulltui.engine.store import Store

SINCE = "2026-01-02T03:04:05+00:00"
NAME = parse("example.com:5000/team/tiny:1b")
CONTENTS = [b"weights" * 1000, b"template", b""]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


RAW = json.dumps(
    {
        "schemaVersion": 2,
        "layers": [
            {"mediaType": "application/vnd.ollama.image.model", "digest": digest(data), "size": len(data)}
            for data in CONTENTS
        ],
    },
    indent=3,
).encode()
MANIFEST: Manifest = parse_manifest(RAW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    it = Store(tmp_path / "models")
    it.open(SINCE)
    yield it
    it.close()


def stage(store: Store) -> None:
    for data in CONTENTS:
        store.staged(digest(data)).write_bytes(data)


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def assert_committed(store: Store) -> None:
    assert store.manifest(NAME).read_bytes() == RAW
    assert files(store.manifests) == {"example.com:5000/team/tiny/1b"}
    for data in CONTENTS:
        assert store.blob(digest(data)).read_bytes() == data


HOLDER = """
import sys
from pathlib import Path
from pulltui.engine.partstate import sync_directory
from pulltui.engine.store import Store
store = Store(Path(sys.argv[1]))
store.open("long ago")
print("held", flush=True)
sys.stdin.read()
"""


def test_one_holder_and_the_next_is_told_who(tmp_path: Path) -> None:
    root = tmp_path / "models"
    run = [sys.executable, "-c", HOLDER, str(root)]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        store = Store(root)
        with pytest.raises(LockedError) as caught:
            store.open(SINCE)
        assert f"process {other.pid}" in str(caught.value)
        assert "since long ago" in str(caught.value)
        assert str(root) in str(caught.value)
        assert caught.value.exit_code == 4
        other.kill()
        other.wait()
        store.open(SINCE)
        store.close()


def test_states_of_a_killed_process_are_there_for_good_before_they_are_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_ino))
    store = Store(tmp_path / "models")
    store.open("now")
    store.close()
    assert synced == [store.work.stat().st_ino]


def test_a_lock_file_of_garbage_still_tells_that_it_is_held(store: Store) -> None:
    (store.work / "lock").write_bytes(b"\xff{")
    with pytest.raises(LockedError, match="another process"):
        Store(store.root).open(SINCE)


def test_a_directory_that_cannot_be_used_is_said_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot use the models directory") as caught:
        Store(tmp_path / "file" / "models").open(SINCE)
    assert str(tmp_path / "file") in str(caught.value)


def test_a_models_directory_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "models").symlink_to(tmp_path / "disk")
    store = Store(tmp_path / "models")
    store.open(SINCE)
    stage(store)
    store.commit(NAME, RAW, MANIFEST.blobs)
    assert_committed(store)
    store.close()


def test_what_is_here_is_told_by_size(store: Store) -> None:
    layer = MANIFEST.blobs[0]
    assert not store.has(layer)
    store.staged(layer.digest).write_bytes(b"short")
    with pytest.raises(StorageError, match="has 5 bytes, the manifest says 7000"):
        store.has(layer)
    assert store.staged(layer.digest).read_bytes() == b"short", "it was verified: the manifest may be wrong"
    store.staged(layer.digest).write_bytes(CONTENTS[0])
    assert store.has(layer)
    store.staged(layer.digest).rename(store.blob(layer.digest))
    assert store.has(layer)


def test_a_finished_blob_of_another_size_is_an_error_and_stays(store: Store) -> None:
    layer = MANIFEST.blobs[0]
    store.blob(layer.digest).write_bytes(b"short")
    with pytest.raises(StorageError, match="has 5 bytes, the manifest says 7000") as caught:
        store.has(layer)
    assert "Delete it" in caught.value.hint
    assert store.blob(layer.digest).read_bytes() == b"short"


def test_the_empty_blob_is_made(store: Store) -> None:
    layer = next(layer for layer in MANIFEST.blobs if layer.size == 0)
    store.make_empty(layer.digest)
    assert store.has(layer)


def test_a_commit_is_blobs_first_then_the_directory_then_the_manifest(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(store)
    calls: list[str] = []
    real_replace, real_sync = os.replace, sync_directory

    def replace(source: Path, target: Path) -> None:
        calls.append(Path(target).parent.name)
        if Path(target).parent == store.blobs:
            assert files(store.manifests) == set()
        real_replace(source, target)

    def sync(path: Path) -> None:
        calls.append(f"sync {path.name}")
        real_sync(path)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(store_module, "sync_directory", sync)
    store.commit(NAME, RAW, MANIFEST.blobs)
    assert calls == [
        *["blobs"] * 3,
        "sync blobs",
        "tiny",
        "sync tiny",
        "sync team",
        "sync example.com:5000",
        "sync manifests",
    ]
    assert_committed(store)


def test_nothing_but_the_final_file_is_ever_under_manifests(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ollama lists whatever file is there; looked at around every call that could make one."""
    stage(store)
    seen: list[set[str]] = []

    for name in ("open", "replace", "fsync", "utime", "close", "unlink"):
        real = getattr(os, name)

        def looked(*args: object, _real: object = real, **options: object) -> object:
            seen.append(files(store.manifests))
            result = _real(*args, **options)  # type: ignore[operator]
            seen.append(files(store.manifests))
            return result

        monkeypatch.setattr(os, name, looked)
    store.commit(NAME, RAW, MANIFEST.blobs)
    monkeypatch.undo()
    assert set().union(*seen) == {"example.com:5000/team/tiny/1b"}
    assert set() in seen


class KilledError(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


def test_a_kill_at_any_call_of_a_commit_leaves_what_the_next_one_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    stop_at = 0

    def wrap(real: object) -> object:
        def counted(*args: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == stop_at:
                raise KilledError
            return real(*args, **options)  # type: ignore[operator]

        return counted

    finished = False
    while not finished:
        stop_at += 1
        root = tmp_path / str(stop_at)
        store = Store(root)
        store.open(SINCE)
        stage(store)
        with monkeypatch.context() as patch:
            calls = 0
            for name in ("replace", "utime", "fsync", "unlink", "mkdir", "rename"):
                patch.setattr(os, name, wrap(getattr(os, name)))
            try:
                store.commit(NAME, RAW, MANIFEST.blobs)
                finished = True
            except KilledError:
                if files(store.manifests):
                    assert all(store.blob(digest(data)).read_bytes() == data for data in CONTENTS)
        assert all(store.has(layer) for layer in MANIFEST.blobs)
        store.commit(NAME, RAW, MANIFEST.blobs)
        assert_committed(store)
        assert files(store.work) == {"lock"}
        store.close()
    assert stop_at > 10


def test_committing_again_changes_nothing_but_the_time(store: Store) -> None:
    stage(store)
    store.commit(NAME, RAW, MANIFEST.blobs)
    old = store.blob(MANIFEST.blobs[0].digest)
    os.utime(old, (0, 0))
    stage(store)
    store.commit(NAME, RAW, MANIFEST.blobs)
    assert_committed(store)
    assert files(store.work) == {"lock"}
    assert time.time() - old.stat().st_mtime < 3600, "Ollama prunes what is older than an hour"


def test_a_blob_that_vanished_before_the_commit_is_said(store: Store) -> None:
    stage(store)
    store.staged(digest(CONTENTS[1])).unlink()
    with pytest.raises(StorageError, match="disappeared"):
        store.commit(NAME, RAW, MANIFEST.blobs)
    assert files(store.manifests) == set()


def test_a_kill_between_the_renames_of_a_finish_is_tidied(store: Store) -> None:
    layer: Layer = MANIFEST.blobs[0]
    paths = store.partial(layer.digest)
    store.staged(layer.digest).write_bytes(CONTENTS[0])
    paths.durable.write_bytes(b"{}")
    paths.live.write_bytes(b"x")
    store.tidy(layer.digest)
    assert files(store.work) == {
        "lock",
        store.staged(layer.digest).name,
        f"sums/{store.staged(layer.digest).name}",
    }
    store.tidy(layer.digest)


def test_a_commit_leaves_nothing_of_such_a_kill(store: Store) -> None:
    stage(store)
    paths = store.partial(MANIFEST.blobs[0].digest)
    paths.durable.write_bytes(b"{}")
    paths.live.write_bytes(b"x")
    store.commit(NAME, RAW, MANIFEST.blobs)
    assert files(store.work) == {"lock", f"sums/{store.staged(MANIFEST.blobs[0].digest).name}"}


def test_tidying_leaves_an_unfinished_blob_alone(store: Store) -> None:
    paths = store.partial(MANIFEST.blobs[0].digest)
    for path in (paths.data, paths.durable, paths.live):
        path.write_bytes(b"x")
    store.tidy(MANIFEST.blobs[0].digest)
    assert all(path.exists() for path in (paths.data, paths.durable, paths.live))


def test_occupied_counts_blocks_and_not_length(store: Store) -> None:
    paths = store.partial(MANIFEST.blobs[0].digest)
    assert store.occupied(MANIFEST.blobs[0].digest) == 0
    with paths.data.open("wb") as file:
        file.truncate(10**9)
        file.write(b"x" * 8192)
    assert 8192 <= store.occupied(MANIFEST.blobs[0].digest) < 10**6
    assert store.free() > 0


def test_what_is_verified_takes_the_place_of_what_is_not(store: Store) -> None:
    stage(store)
    store.blob(digest(CONTENTS[0])).write_bytes(bytes(len(CONTENTS[0])))
    store.commit(NAME, RAW, MANIFEST.blobs)
    assert_committed(store)


def test_what_another_user_put_there_is_committed_as_it_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(store)
    store.staged(digest(CONTENTS[0])).rename(store.blob(digest(CONTENTS[0])))
    real = os.utime

    def utime(path: Path, *rest: object) -> None:
        if path == store.blob(digest(CONTENTS[0])):
            raise PermissionError(1, "Operation not permitted")
        real(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "utime", utime)
    store.commit(NAME, RAW, MANIFEST.blobs)
    assert_committed(store)


@pytest.mark.parametrize(
    ("there", "name", "kept"),
    [
        ("Example.com/Team/Tiny/1B", "example.com/team/tiny:1b", "Example.com/Team/Tiny/1B"),
        ("example.com/TEAM/other/x", "example.com/team/tiny:1b", "example.com/TEAM/tiny/1b"),
        ("Other.com/TEAM/tiny/1B", "example.com/team/tiny:1b", "example.com/team/tiny/1b"),
        ("example.com/team/tiny/1B", "example.com/team/tiny:1b", "example.com/team/tiny/1B"),
        ("example.com/team/tiny/1b", "example.com/team/tiny:1b", "example.com/team/tiny/1b"),
    ],
)
def test_a_name_that_differs_in_case_only_is_the_model_that_is_there(
    store: Store, there: str, name: str, kept: str
) -> None:
    """As Ollama's getExistingName: it would list two models, and know one of them."""
    (store.manifests / there).parent.mkdir(parents=True)
    (store.manifests / there).write_text("{}")
    stage(store)
    store.commit(parse(name), RAW, MANIFEST.blobs)
    assert (store.manifests / kept).read_bytes() == RAW
    assert files(store.manifests) == {there, kept}


def test_of_two_that_differ_in_case_only_the_exact_one_is_meant(store: Store) -> None:
    for host in ("Example.com", "example.com"):
        (store.manifests / host / "team").mkdir(parents=True)
    assert store.manifest(parse("example.com/team/tiny:1b")).parts[-4] == "example.com"
    assert store.manifest(parse("Example.com/team/tiny:1b")).parts[-4] == "Example.com"


def test_whoever_begins_a_blob_makes_an_empty_file_and_changes_none(store: Store) -> None:
    path = store.partial(MANIFEST.blobs[0].digest).data
    store.begin(MANIFEST.blobs[0].digest)
    assert path.read_bytes() == b""
    path.write_bytes(b"begun")
    store.begin(MANIFEST.blobs[0].digest)
    assert path.read_bytes() == b"begun"


def test_whether_the_disk_takes_bytes_is_tried_and_nothing_of_it_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.takes(3_000_000)
    assert files(store.work) == {"lock"}
    room = [2_000_000]

    def pwrite(fd: int, data: memoryview, at: int) -> int:
        if room[0] <= 0:
            raise OSError(122, "Disk quota exceeded")
        count = min(len(data), room[0])
        room[0] -= count
        return count

    monkeypatch.setattr(os, "pwrite", pwrite)
    assert not store.takes(3_000_000)
    assert files(store.work) == {"lock"}
