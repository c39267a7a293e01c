import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pulltui_config import Locations
from pulltui_config.saving import ChangedMeanwhileError, NotSavedError, change, contents, prepare, save
from pulltui_config.schema import schema_text
from pulltui_config.template import template
from pulltui_config.writing import edit


@pytest.fixture
def places(tmp_path: Path) -> Locations:
    config = tmp_path / "config" / "pulltui"
    return Locations(config_dir=config, state_dir=tmp_path / "state", log_dir=tmp_path / "log")


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    assert contents(file) is None
    save(file, b"[ui]\n", None)
    assert contents(file) == b"[ui]\n"
    assert mode_of(file) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_a_replaced_file_keeps_its_mode_and_the_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real, link = tmp_path / "dotfiles" / "real.toml", tmp_path / "config.toml"
    real.write_bytes(b"old")
    real.chmod(0o644)
    link.symlink_to(real)
    inode = real.stat().st_ino
    save(link, b"new", b"old")
    assert link.is_symlink()
    assert (real.read_bytes(), mode_of(real)) == (b"new", 0o644)
    assert real.stat().st_ino != inode, "replaced in one step, not written over"
    assert [path.name for path in real.parent.iterdir()] == ["real.toml"]


def test_a_link_to_nothing_gets_what_it_leads_to(tmp_path: Path) -> None:
    link = tmp_path / "config.toml"
    link.symlink_to(tmp_path / "far" / "real.toml")
    save(link, b"new", contents(link))
    assert (tmp_path / "far" / "real.toml").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("seen", "there"), [(b"old", b"others"), (b"old", None), (None, b"others"), (b"", b"x")]
)
def test_what_somebody_else_changed_is_left_alone(
    tmp_path: Path, seen: bytes | None, there: bytes | None
) -> None:
    file = tmp_path / "config.toml"
    if there is not None:
        file.write_bytes(there)
    with pytest.raises(ChangedMeanwhileError, match="somebody else"):
        save(file, b"new", seen)
    assert contents(file) == there
    assert len(list(tmp_path.iterdir())) == (there is not None)


def test_a_file_of_the_same_size_and_time_is_still_another_one(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"fps = 1")
    times = file.stat()
    file.write_bytes(b"fps = 2")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(ChangedMeanwhileError):
        save(file, b"fps = 3", b"fps = 1")


def test_a_change_of_the_last_moment_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"old")
    synced = os.fsync

    def and_then_somebody_writes(descriptor: int) -> None:
        synced(descriptor)
        file.write_bytes(b"others")

    monkeypatch.setattr(os, "fsync", and_then_somebody_writes)
    with pytest.raises(ChangedMeanwhileError):
        save(file, b"new", b"old")
    assert file.read_bytes() == b"others"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_file_that_cannot_be_written_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(NotSavedError, match="No space left on device") as caught:
        save(file, b"new", b"old")
    assert caught.value.problem.source == str(file)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(NotSavedError, match="not a file"):
        save(tmp_path, b"new", None)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(NotSavedError, match="symbolic links"):
        save(loop, b"new", None)
    assert loop.is_symlink()


def test_the_first_change_makes_the_file_from_the_template(places: Locations) -> None:
    change(places, lambda text: edit(text, "ui.fps", 3))
    assert places.config_file.read_bytes() == template().encode().replace(b"#fps = 10", b"fps = 3")
    assert places.schema_file.read_text() == schema_text()


def test_a_change_under_way_is_made_again_on_what_came_meanwhile(places: Locations) -> None:
    prepare(places)
    pending = [b"ui.fps = 3\n", b"ui.fps = 4\n"]

    def edited(text: bytes) -> bytes:
        if pending:
            places.config_file.write_bytes(pending.pop())
        return edit(text, "ui.bell", True)

    change(places, edited)
    assert places.config_file.read_bytes() == b"ui.fps = 3\nui.bell = true\n"


def test_a_file_that_never_rests_is_left_alone(places: Locations) -> None:
    prepare(places)

    def edited(_: bytes) -> bytes:
        now = places.config_file.read_bytes() + b"#"
        places.config_file.write_bytes(now)
        return b"lost"

    with pytest.raises(ChangedMeanwhileError):
        change(places, edited)
    assert places.config_file.read_bytes().endswith(b"####")


def test_processes_that_change_keys_at_the_same_time_lose_none(places: Locations) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from pulltui_config import Locations, saving, writing
        there, key, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
        saving.ATTEMPTS = 1000
        for value in range(1, count + 1):
            places = Locations(config_dir=there, state_dir=there, log_dir=there)
            saving.change(places, lambda text: writing.edit(text, key, value))
        """
    keys = ["ui.fps", "transfer.active_pulls", "retry.max_retries"]
    racing = [
        subprocess.Popen([sys.executable, "-c", code, str(places.config_dir), key, "10"]) for key in keys
    ]
    assert [process.wait(60) for process in racing] == [0, 0, 0]
    text = places.config_file.read_text()
    assert all(f"\n{key.split('.')[1]} = 10\n" in text for key in keys)
    assert sorted(path.name for path in places.config_dir.iterdir()) == ["config.schema.json", "config.toml"]


def test_first_use_makes_the_template_and_the_schema_and_touches_nothing_later(places: Locations) -> None:
    assert prepare(places) is None
    assert places.config_file.read_text() == template()
    assert places.schema_file.read_text() == schema_text()
    places.config_file.write_bytes(b"mine")
    places.schema_file.write_bytes(b"of an older version")
    assert prepare(places) is None
    assert places.config_file.read_bytes() == b"mine"
    assert places.schema_file.read_text() == schema_text()
    inode = places.schema_file.stat().st_ino
    assert prepare(places) is None
    assert places.schema_file.stat().st_ino == inode


def denied_by_a_file(places: Locations) -> None:
    places.config_dir.parent.write_text("a file where a directory belongs")


def denied_by_mode(places: Locations) -> None:
    places.config_dir.mkdir(parents=True)
    places.config_dir.chmod(0o500)


@pytest.mark.parametrize("deny", [denied_by_a_file, denied_by_mode])
def test_a_home_that_cannot_be_written_is_a_problem_and_no_more(
    places: Locations, deny: Callable[[Locations], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(places)
    if os.geteuid() == 0 and deny is denied_by_mode:
        # No mode stops root.
        def denied(**_: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr("tempfile.mkstemp", denied)
    problem = prepare(places)
    assert problem is not None
    assert str(problem).startswith(f"{places.config_file}: cannot be written: ")
    with pytest.raises(NotSavedError, match="cannot be written"):
        change(places, lambda text: edit(text, "ui.fps", 3))
    assert not places.config_file.exists()
