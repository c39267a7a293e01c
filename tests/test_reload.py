"""What a change of config.toml does to a program that runs, and what it says about it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulltui.reload import INTERVAL, Reload
from pulltui_config import Settings, load
from pulltui_config.watching import Watched


class Kit:
    """A settings file, a clock that is moved by hand, and what was applied."""

    def __init__(self, file: Path, text: str, env: dict[str, str], flags: dict[str, Any]) -> None:
        self.file = file
        file.write_text(text)
        self.applied: list[Settings] = []
        self.now = 100.0
        watched = Watched(file, env, flags, load(file, env, flags))
        self.reload = Reload(watched, self.applied.append)
        assert self.told() == []

    def write(self, text: str) -> None:
        """Replace the file, as editors do."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.replace(self.file)

    def told(self, passed: float = INTERVAL) -> list[tuple[str, bool]]:
        """What there is to show after some seconds."""
        self.now += passed
        return [(text, bad) for text, bad in self.reload.poll(self.now)]


@pytest.fixture
def kit(tmp_path: Path) -> Callable[..., Kit]:
    """`kit(text="", env={}, flags={})`."""

    def make(text: str = "", env: dict[str, str] | None = None, flags: dict[str, Any] | None = None) -> Kit:
        return Kit(tmp_path / "config.toml", text, env or {}, flags or {})

    return make


def test_what_changed_is_applied_and_told(kit: Callable[..., Kit]) -> None:
    each = kit()
    each.write('[transfer]\nconnections = 4\nbandwidth = "20 MB/s"\n[storage]\nmodels_dir = "/elsewhere"\n')
    assert each.told() == [
        (
            'settings: storage.models_dir: "" -> "/elsewhere", from the next start; '
            'transfer.connections: "auto" -> 4; transfer.bandwidth: "unlimited" -> "20 MB/s"',
            False,
        )
    ]
    assert [settings.transfer.connections for settings in each.applied] == [4]
    assert each.reload.settings is each.applied[0]
    assert each.told() == []


def test_it_looks_once_a_second(kit: Callable[..., Kit]) -> None:
    each = kit()
    each.write("[ui]\nbell = true\n")
    assert each.told(INTERVAL / 2) == []
    assert each.told(INTERVAL / 2) == [("settings: ui.bell: false -> true", False)]


def test_values_that_are_long_or_secret_are_not_shown_whole(kit: Callable[..., Kit]) -> None:
    each = kit()
    long = ", ".join(f'"word{n}"' for n in range(50))
    each.write(f'[network]\nproxy = "http://me:password@proxy.example"\n[hooks]\non_done = [{long}]\n')
    ((text, _),) = each.told()
    assert "password" not in text
    assert text.endswith("…")
    assert len(text) < 300


def test_the_log_says_what_changed_and_no_values(
    kit: Callable[..., Kit], caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("pulltui").propagate = True
    caplog.set_level(logging.INFO, "pulltui.settings")
    each = kit()
    each.write('[hooks]\non_done = ["curl", "https://hooks.example/token"]\n')
    each.told()
    each.write('[hooks]\non_done = "curl https://hooks.example/token"\n')
    each.told()
    assert [record.getMessage() for record in caplog.records] == [
        "changed: hooks.on_done",
        "error in line 2: hooks.on_done",
    ]


def test_a_file_that_became_invalid_changes_nothing_and_says_why_with_its_line(
    kit: Callable[..., Kit],
) -> None:
    each = kit("[transfer]\nconnections = 4\n")
    each.write("[transfer]\nconnections = 400\nactive_pulls = 3\n")
    ((text, bad),) = each.told()
    assert text.startswith(f"settings stay as they are: {each.file}:2: transfer.connections: 400")
    assert bad
    each.write("[transfer]\nconnections = = 4\n")
    ((text, bad),) = each.told()
    assert text.startswith(f"settings stay as they are: {each.file}:2:15: this is not TOML")
    assert (bad, each.applied, each.reload.settings.transfer.connections) == (True, [], 4)
    assert each.told() == [], "once is enough"
    each.write("[transfer]\nconnections = 4\n")
    assert each.told() == [("settings: what was wrong with them is put right", False)]


def test_of_several_problems_those_that_are_left_are_told(kit: Callable[..., Kit]) -> None:
    each = kit()
    each.write("[transfer]\nconnections = 400\nactive_pulls = -3\n")
    assert len(each.told()) == 2
    each.write("[transfer]\nconnections = 4\nactive_pulls = -3\n")
    ((text, bad),) = each.told()
    assert text.startswith(f"settings stay as they are: {each.file}:3: transfer.active_pulls")
    assert bad


def test_a_warning_comes_with_what_counts(kit: Callable[..., Kit]) -> None:
    each = kit()
    each.write("[transfer]\nconections = 3\nactive_pulls = 3\n")
    changed, warned = each.told()
    assert changed == ("settings: transfer.active_pulls: 2 -> 3", False)
    assert warned[0].startswith(f"settings: {each.file}:2: transfer.conections: unknown key, ignored")
    assert not warned[1]


def test_environment_and_flags_keep_counting(kit: Callable[..., Kit]) -> None:
    each = kit(env={"PULLTUI_TRANSFER_ACTIVE_PULLS": "5"}, flags={"transfer.connections": 7})
    each.write("[transfer]\nconnections = 4\nactive_pulls = 3\n[ui]\nbell = true\n")
    assert each.told() == [("settings: ui.bell: false -> true", False)]
    transfer = each.applied[0].transfer
    assert (transfer.connections, transfer.active_pulls) == (7, 5)


def test_no_text_of_the_file_gets_to_the_terminal_as_it_is(kit: Callable[..., Kit]) -> None:
    each = kit()
    each.write('[ui]\ntheme = "a\\u001b[2J"\n"x\\u001b]2;y" = 1\n')
    assert all(text.isprintable() for text, _ in each.told())
