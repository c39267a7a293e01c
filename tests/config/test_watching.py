import os
from pathlib import Path

import pytest
from pulltui_config import Settings, load
from pulltui_config.kinds import description_of, every_setting, is_live
from pulltui_config.saving import save
from pulltui_config.watching import Change, Watched, difference


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def watch(file: Path, **env: str) -> Watched:
    return Watched(file, env, None, load(file, env))


def put(file: Path, text: bytes) -> None:
    """Write it in place, with a time that no other write of the test has."""
    later = file.stat().st_mtime_ns + 1_000_000 if file.exists() else 1_000_000
    file.write_bytes(text)
    os.utime(file, ns=(later, later))


def test_a_change_is_noticed_once(file: Path) -> None:
    put(file, b"[ui]\nfps = 5\n")
    watched = watch(file)
    assert watched.changed() is None
    put(file, b"[ui]\nfps = 6\n")
    loaded = watched.changed()
    assert loaded is not None
    assert loaded.settings.ui.fps == 6
    assert loaded is watched.loaded
    assert watched.changed() is None


def test_a_change_between_the_start_and_the_first_look_is_noticed(file: Path) -> None:
    put(file, b"[ui]\nfps = 5\n")
    before = load(file)
    put(file, b"[ui]\nfps = 6\n")
    loaded = Watched(file, {}, None, before).changed()
    assert loaded is not None
    assert loaded.settings.ui.fps == 6


def test_a_file_that_is_replaced_or_made_is_noticed(file: Path) -> None:
    watched = watch(file)
    assert watched.changed() is None
    save(file, b"[ui]\nfps = 5\n", None)
    loaded = watched.changed()
    assert loaded is not None
    assert loaded.settings.ui.fps == 5
    times = file.stat()
    save(file, b"[ui]\nfps = 6\n", b"[ui]\nfps = 5\n")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    loaded = watched.changed()
    assert loaded is not None, "same time, same size, another file"
    assert loaded.settings.ui.fps == 6


def test_what_says_the_same_is_no_change(file: Path) -> None:
    put(file, b"[ui]\nfps = 5\n")
    watched = watch(file)
    put(file, b"# five\n[ui]\nfps = 0x5\n")
    assert watched.changed() is None


def test_environment_and_flags_still_win(file: Path) -> None:
    put(file, b"")
    env, flags = {"PULLTUI_UI_FPS": "3"}, {"ui.bell": True}
    watched = Watched(file, env, flags, load(file, env, flags))
    put(file, b"[ui]\nfps = 6\nbell = false\nglyphs = 'ascii'\n")
    loaded = watched.changed()
    assert loaded is not None
    ui = loaded.settings.ui
    assert (ui.fps, ui.bell, ui.glyphs) == (3, True, "ascii")


@pytest.mark.parametrize("spoilt", [b"[ui]\nfps = \n", b"[ui]\nfps = 99\nbell = true\n", b"\xff"])
def test_a_file_that_became_invalid_changes_nothing_and_says_why(file: Path, spoilt: bytes) -> None:
    put(file, b"[ui]\nfps = 5\n")
    watched = watch(file)
    put(file, spoilt)
    loaded = watched.changed()
    assert loaded is not None
    assert loaded.settings.ui.fps == 5
    assert not loaded.settings.ui.bell
    assert not loaded.ok
    assert str(loaded.problems[0]).startswith(f"{file}:")
    assert watched.changed() is None
    put(file, b"[ui]\nfps = 5\n")
    loaded = watched.changed()
    assert loaded is not None, "that all is well again is worth a word"
    assert loaded.problems == ()


def test_trouble_elsewhere_does_not_stop_a_change(file: Path) -> None:
    put(file, b"[ui]\nfps = 5\n")
    watched = watch(file, PULLTUI_UI_BELL="loud")
    assert not watched.loaded.ok
    put(file, b"[ui]\nfps = 6\nunknown = 1\n")
    loaded = watched.changed()
    assert loaded is not None
    assert loaded.settings.ui.fps == 6


@pytest.mark.parametrize("emptied", [True, False])
def test_an_editor_that_empties_or_removes_the_file_first_changes_nothing(file: Path, emptied: bool) -> None:
    put(file, b"[ui]\nfps = 5\n")
    watched = watch(file)
    assert watched.changed() is None
    if emptied:
        put(file, b"")
    else:
        file.unlink()
    assert watched.changed() is None
    put(file, b"[ui]\nfps = 5\nbell = true\n")
    loaded = watched.changed()
    assert loaded is not None
    assert (loaded.settings.ui.fps, loaded.settings.ui.bell) == (5, True)


def test_a_file_that_stays_away_leaves_the_defaults(file: Path) -> None:
    put(file, b"[ui]\nfps = 5\n")
    watched = watch(file)
    assert watched.changed() is None
    file.unlink()
    assert watched.changed() is None
    loaded = watched.changed()
    assert loaded is not None
    assert loaded.settings == Settings()


def test_a_look_costs_one_stat(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(file, b"[ui]\nfps = 5\n")
    watched = watch(file)
    assert watched.changed() is None
    looks = []
    stat = Path.stat

    def counted(path: Path) -> os.stat_result:
        looks.append(path)
        return stat(path)

    monkeypatch.setattr(Path, "stat", counted)
    monkeypatch.setattr(Path, "open", None)
    for _ in range(3):
        assert watched.changed() is None
    assert looks == [file] * 3


def test_the_difference_says_what_counts_at_once() -> None:
    old = load(b"[ui]\nfps = 5\n").settings
    new = load(
        b"[transfer]\nbandwidth = '5 MB/s'\n[network]\nproxy = 'http://me:hunter2@p:1'\n"
        b"[[schedule]]\nfrom = '1:00'\nto = '2:00'\nbandwidth = 'pause'\n"
    ).settings
    assert difference(old, old) == []
    changes = difference(old, new)
    assert changes == [
        Change(key="transfer.bandwidth", old=None, new=5_000_000, live=True),
        Change(key="network.proxy", old="", new="http://me:hunter2@p:1", live=False),
        Change(key="schedule", old=(), new=new.schedule, live=True),
        Change(key="ui.fps", old=5, new=10, live=True),
    ]
    assert [str(change) for change in changes] == [
        'transfer.bandwidth: "unlimited" -> "5 MB/s"',
        'network.proxy: "" -> "http://***@p:1", from the next start',
        'schedule: [] -> [{ days = "daily", from = "01:00", to = "02:00", bandwidth = "pause" }]',
        "ui.fps: 5 -> 10",
    ]


def test_what_counts_from_the_next_start_only() -> None:
    later = {".".join(place) for place, info in every_setting().items() if not is_live(info.type)}
    assert later == {
        "storage.models_dir",
        "transfer.transport",
        "network.proxy",
        "network.ca_file",
        "network.user_agent",
        "network.connect_timeout",
        "ui.glyphs",
    }
    about = description_of(every_setting()["network", "proxy"].type)
    assert about.endswith("A change counts from the next start.")
