"""The app takes up changes of the settings, rings for the ends of pulls, and tears no frame by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pulltui.engine.views import Event, EventKind
from pulltui.reload import Reload
from pulltui.ui.app import PulltuiApp
from pulltui_config import load
from pulltui_config.settings import Ui
from pulltui_config.watching import Watched
from support.apps import make_app, toasts
from support.fake_service import FakeService


class Kit:
    """An app over a settings file, with a clock that is moved by hand."""

    def __init__(self, file: Path, text: str = "") -> None:
        self.file = file
        file.write_text(text)
        self.service = FakeService()
        self.now = 0.0
        reload = Reload(Watched(file, {}, {}, load(file)), self.service.change_settings)
        self.app = make_app(self.service, reload=reload, clock=lambda: self.now)
        reload.poll(-1)

    def change(self, text: str) -> None:
        """Write the file and let the app look."""
        self.file.write_text(text)
        self.now += 2
        self.app.poll()

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(toast.message, toast.severity) for toast in toasts(self.app)]


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path / "config.toml")


def event(seq: int, kind: EventKind = EventKind.DONE, name: str = "tiny") -> Event:
    return Event(seq=seq, at=0.0, kind=kind, name=name, why="because")


@contextmanager
def written(app: PulltuiApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the app itself writes to the terminal, each write in one piece."""
    pieces: list[str] = []
    assert app._driver is not None
    monkeypatch.setattr(app._driver, "write", pieces.append)
    yield pieces


async def test_a_change_is_shown_and_given_to_the_engine(kit: Kit) -> None:
    async with kit.app.run_test(size=(120, 36)) as pilot:
        kit.change("[transfer]\nactive_pulls = 5\n")
        await pilot.pause()
        assert kit.told == [("settings: transfer.active_pulls: 2 -> 5", "information")]
        ((command, settings),) = [call for call in kit.service.calls if call[0] == "change_settings"]
        assert (command, settings.transfer.active_pulls) == ("change_settings", 5)


async def test_what_cannot_be_used_is_shown_and_changes_nothing(kit: Kit) -> None:
    async with kit.app.run_test(size=(120, 36)) as pilot:
        kit.change("[transfer]\nactive_pulls = -5\n")
        await pilot.pause()
        ((text, severity),) = kit.told
        assert text.startswith(f"settings stay as they are: {kit.file}:2: transfer.active_pulls")
        assert severity == "warning"
        assert kit.service.calls == []


async def test_animations_and_frames_a_second_change_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = Kit(tmp_path / "config.toml", "[ui]\nfps = 10\n")
    each.app._ui = Ui(fps=10, animations=False)
    intervals: list[float] = []
    async with each.app.run_test(size=(120, 36)):
        set_interval = each.app.set_interval

        def noted(interval: float, *more: Any) -> Any:
            intervals.append(interval)
            return set_interval(interval, *more)

        monkeypatch.setattr(each.app, "set_interval", noted)
        levels: list[str] = []
        for animations in ("true", "false"):
            each.change(f"[ui]\nfps = 2\nanimations = {animations}\n")
            levels.append(each.app.animation_level)
    assert levels == ["full", "none"]
    assert intervals == [0.5]


async def test_the_bell_is_written_in_one_piece_when_it_is_wanted(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    each = Kit(kit.file)
    async with each.app.run_test(size=(120, 36)) as pilot:
        with written(each.app, monkeypatch) as pieces:
            each.service.log.append(event(1))
            each.app.poll()
            assert not any("\a" in piece for piece in pieces), "it is off as a rule"
            each.change("[ui]\nbell = true\n")
            each.service.log.append(event(2, EventKind.FAILED, "x\x1b]2;evil\a"))
            each.app.poll()
            await pilot.pause()
            rung = [piece for piece in pieces if "\a" in piece]
            assert rung == ["\x1b]9;pulltui: x�]2,evil� failed: because\a\a"]
