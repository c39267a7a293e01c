"""The queue's file: round trips, damage, newer versions, manifests beside it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.errors import NotFoundError, StorageError
from pulltui.engine.names import parse
from pulltui.engine.queuefile import Entry, Failure, Kept, QueueFile, decode, encode

RAW = json.dumps(
    {
        "schemaVersion": 2,
        "layers": [{"mediaType": "a/b", "digest": "sha256:" + "1" * 64, "size": 5}],
    }
).encode()
DIGEST = f"sha256:{hashlib.sha256(RAW).hexdigest()}"


def entry(model: str, **fields: object) -> Entry:
    return Entry(name=f"registry.test/library/{model}:latest", scheme="https", **fields)  # type: ignore[arg-type]


ENTRIES = (
    entry("one"),
    entry("two", paused=True, limit=2e6, manifest=DIGEST, size=5),
    entry("three", failure=Failure("refused", 'no "way"\\ \x1b[31m', "ask", 1)),
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
entries = st.builds(
    entry,
    st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,8}", fullmatch=True),
    paused=st.booleans(),
    limit=st.none() | st.floats(min_value=0.001, max_value=1e15),
    manifest=st.sampled_from(["", DIGEST]),
    size=st.integers(0, 2**62),
    failure=st.none() | st.builds(Failure, texts, texts, texts, st.integers(0, 255)),
)


@given(st.lists(entries, unique_by=lambda each: each.model.key, max_size=8))
def test_what_is_encoded_is_read_back_in_order(found: list[Entry]) -> None:
    assert decode(encode(found)) == Kept(tuple(found))


def test_the_file_is_plain_toml() -> None:
    assert encode(ENTRIES[:1]).decode() == (
        'version = 1\n\n[[pulls]]\nname = "registry.test/library/one:latest"\nscheme = "https"\n'
    )


def test_a_failure_is_the_same_error_again_and_clean() -> None:
    failure = Failure.of(NotFoundError("no such \x1b[31mmodel", "look"))
    error = failure.error()
    assert (error.kind, error.exit_code, error.hint) == ("not-found", 1, "look")
    assert "\x1b" not in str(error)


def test_a_login_in_a_name_never_gets_in() -> None:
    name = parse("https://user:secret@registry.test/library/one")
    data = encode([Entry(name=name.full, scheme="https")])
    assert b"secret" not in data
    assert b"user" not in data


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (b"", "no version"),
        (b"\x00" * 300, "ontrol character|nvalid"),
        (b"version = 1\n[pulls]\nname = 3\n", "entry 1: "),
        (b"version = 1\npulls = 7\n", "entry 1: "),
        (b"version = 1\nother = 7\n", 'nobody knows "other"'),
        (b"version = 0\n", "no version"),
        (b"version = true\n", "no version"),
        (b"version = 1\n[[pulls]]\nname = 'a b'\nscheme = 'https'\n", "entry 1: "),
        (b"version = 1\n[[pulls]]\nname = 'x'\nscheme = 'ftp'\n", "entry 1: "),
        (b"version = 1\n[[pulls]]\nname = 'x'\nscheme = 'https'\nmanifest = '../x'\n", "entry 1: "),
        (b"version = 1\n[[pulls]]\nname = 'x'\nscheme = 'https'\nlimit = -1\n", "entry 1: "),
        (b"version = 1\n[[pulls]]\nname = 'x'\nscheme = 'https'\nlimit = inf\n", "entry 1: "),
        (b"version = 1\n[[pulls]]\nname = 'x'\nscheme = 'https'\nthing = 1\n", "entry 1: "),
        (b"a = " + b"[" * 5000, "recursion|nest|Unclosed|nvalid"),
    ],
)
def test_damage_is_told_and_is_no_crash(damage: bytes, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(decode(damage).damage)
    assert decode(damage).entries == ()


def test_what_an_editor_makes_of_it_is_no_damage() -> None:
    edited = b"\xef\xbb\xbf# mine\n" + encode(ENTRIES)
    assert decode(edited.replace(b"\n", b"\r\n")) == Kept(ENTRIES)


def test_what_is_there_twice_counts_once() -> None:
    kept = decode(encode([ENTRIES[1], ENTRIES[0], ENTRIES[1]]))
    assert kept.entries == (ENTRIES[1], ENTRIES[0])
    assert "twice" in kept.damage


@pytest.mark.parametrize("cut", range(1, 12))
def test_of_a_cut_file_the_whole_entries_are_read(cut: int) -> None:
    data = encode(ENTRIES)
    kept = decode(data[: -len(data) * cut // 12])
    assert [each.name for each in kept.entries] == [each.name for each in ENTRIES[: len(kept.entries)]]
    assert kept.entries[:-1] == ENTRIES[: len(kept.entries)][:-1]
    if cut < 3:
        assert kept.entries[:2] == ENTRIES[:2]


@given(st.data())
def test_any_flipped_bytes_lose_at_most_what_they_hit_and_never_crash(data: st.DataObject) -> None:
    good = bytearray(encode(ENTRIES))
    where = data.draw(st.integers(12, len(good) - 1))  # behind the version
    good[where] ^= data.draw(st.integers(1, 255))
    kept = decode(bytes(good))
    assert len([each for each in kept.entries if each in ENTRIES]) >= len(ENTRIES) - 2


def test_one_bad_entry_in_sound_toml_costs_only_itself() -> None:
    bad = b'[[pulls]]\nname = "x"\nscheme = 5\n'
    kept = decode(encode(ENTRIES[:2]) + bad + encode(ENTRIES[2:]).partition(b"\n")[2])
    assert kept.entries == ENTRIES
    assert "entry 3" in kept.damage


def test_a_newer_one_is_refused_and_left_alone(tmp_path: Path) -> None:
    files = QueueFile(tmp_path)
    for newer in (b"version = 2\nwhatever = 1\n", b"version = 2\n[[pulls]\n"):
        files.file.write_bytes(newer)
        with pytest.raises(StorageError, match="newer pulltui"):
            files.load()
        assert files.file.read_bytes() == newer
    assert [path.name for path in tmp_path.iterdir()] == ["queue.toml"]


def test_a_queue_is_saved_for_its_owner_only_and_read_back(tmp_path: Path) -> None:
    files = QueueFile(tmp_path / "state" / "id")
    assert files.load() == Kept()
    assert not files.directory.exists()
    files.save(ENTRIES, {DIGEST: RAW})
    assert files.load() == Kept(ENTRIES)
    assert stat.S_IMODE(files.file.stat().st_mode) == 0o600
    assert sorted(path.name for path in files.directory.iterdir()) == ["manifests", "queue.toml"]
    again = QueueFile(files.directory)
    manifest = again.manifest(ENTRIES[1])
    assert manifest is not None
    assert manifest.raw == RAW
    assert again.manifest(ENTRIES[0]) is None


def test_manifests_go_when_no_entry_refers_to_them(tmp_path: Path) -> None:
    QueueFile(tmp_path).save(ENTRIES, {DIGEST: RAW})
    (tmp_path / "manifests" / "stray").write_bytes(b"x")
    files = QueueFile(tmp_path)
    files.save(ENTRIES[:2])
    assert [path.name for path in files.manifests.iterdir()] == [DIGEST.replace(":", "-")]
    files.manifest(ENTRIES[1])
    files.save(ENTRIES[:1])
    assert list(files.manifests.iterdir()) == []


def test_a_manifest_that_is_damaged_counts_as_missing_and_is_written_anew(tmp_path: Path) -> None:
    QueueFile(tmp_path).save(ENTRIES, {DIGEST: RAW})
    path = tmp_path / "manifests" / DIGEST.replace(":", "-")
    for damage in (RAW[:-1], RAW.replace(b"5", b"6"), b""):
        path.write_bytes(damage)
        files = QueueFile(tmp_path)
        assert files.manifest(ENTRIES[1]) is None
    files.save(ENTRIES, {DIGEST: RAW})
    assert files.manifest(ENTRIES[1]) is not None


def test_a_damaged_file_is_set_aside_under_its_name(tmp_path: Path) -> None:
    files = QueueFile(tmp_path)
    for number in (1, 2):
        files.file.write_bytes(encode(ENTRIES) + b"[[pulls]]\nname = ")
        kept = files.load()
        assert kept.entries == ENTRIES
        assert f"queue.toml.damaged-{number}" in kept.damage
        assert (tmp_path / f"queue.toml.damaged-{number}").read_bytes().endswith(b"name = ")
        assert files.load() == Kept(ENTRIES), "what could be read has taken its place"


def test_what_a_damaged_file_refers_to_stays_as_long_as_it(tmp_path: Path) -> None:
    queue = QueueFile(tmp_path / "state")
    queue.save([entry("one", manifest=DIGEST)], {DIGEST: RAW})
    queue.file.write_bytes(queue.file.read_bytes().replace(b"name", b"nmae"))
    again = QueueFile(queue.directory)
    assert again.load().entries == ()
    assert again.manifest(entry("one", manifest=DIGEST)) is not None
    queue.file.with_name("queue.toml.damaged-1").unlink()
    QueueFile(queue.directory).save([])
    assert list(queue.manifests.iterdir()) == []


def test_a_file_that_cannot_be_read_is_no_empty_queue(tmp_path: Path) -> None:
    files = QueueFile(tmp_path)
    files.file.mkdir()
    with pytest.raises(StorageError, match="cannot read the queue"):
        files.load()


def test_a_kill_in_the_middle_of_a_save_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = QueueFile(tmp_path)
    files.save(ENTRIES[:1])

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.save(ENTRIES)
    assert files.load() == Kept(ENTRIES[:1])
