"""The log of all pulls: follows, scrolls, and stays where one reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pulltui.engine.views import Event, EventKind
from pulltui.ui.diary import KEPT, Diary
from pulltui.ui.glyphs import ASCII, UNICODE, Glyphs
from pulltui.ui.keymap import resolve
from pulltui.ui.screens.help import HelpDialog
from pulltui.ui.screens.log import LogScreen
from support.apps import make_app
from support.dialogs import DialogApp, text_of
from support.fake_service import FakeService
from support.scenes import queue


class Log:
    """Events that happen when a test says so, at noon."""

    def __init__(self, number: int) -> None:
        self.now = datetime(2026, 3, 14, 12, tzinfo=UTC)
        self.diary = Diary(lambda: self.now)
        self._begun = 0
        self.happen(number)

    def happen(self, number: int) -> None:
        begin, self._begun = self._begun, self._begun + number
        for n in range(begin, begin + number):
            self.add(seq=n + 1, pull="p", name="m:latest", why=f"note {n}")

    def add(self, **more: Any) -> None:
        self.diary.take([Event(**({"at": 0.0, "kind": EventKind.NOTE} | more))])  # type: ignore[arg-type]

    def screen(self, glyphs: Glyphs = UNICODE, **keys: tuple[str, ...]) -> LogScreen:
        return LogScreen(glyphs, self.diary, resolve(keys))


def screen(app: DialogApp) -> LogScreen:
    assert isinstance(app.screen, LogScreen)
    return app.screen


async def test_it_follows_what_happens() -> None:
    log = Log(50)
    app = DialogApp(log.screen)
    async with app.run_test(size=(80, 20)):
        assert "note 49" in text_of(app, "log") and "note 31" not in text_of(app, "log")
        assert "follows" in text_of(app, "title")
        log.happen(3)
        screen(app).update_events()
        assert text_of(app, "log").endswith("note 52")


async def test_who_scrolls_back_is_left_alone() -> None:
    log = Log(50)
    app = DialogApp(log.screen)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("up")
        before = text_of(app, "log")
        assert "32 to 49 of 50" in text_of(app, "title")
        log.happen(5)
        screen(app).update_events()
        assert text_of(app, "log") == before
        await pilot.press("end")
        assert text_of(app, "log").endswith("note 54")


async def test_what_one_reads_stays_when_old_lines_go() -> None:
    log = Log(KEPT)
    app = DialogApp(log.screen)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("pageup")
        before = text_of(app, "log")
        log.happen(30)
        screen(app).update_events()
        assert text_of(app, "log") == before


async def test_the_end_follows_again() -> None:
    log = Log(50)
    app = DialogApp(log.screen)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("home")
        assert "note 0" in text_of(app, "log")
        await pilot.press("pagedown", "pagedown", "pagedown")
        assert "follows" in text_of(app, "title")


@pytest.mark.parametrize("key", ["escape", "q", "l"])
async def test_it_goes_back(key: str) -> None:
    app = DialogApp(Log(2).screen)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press(key)
        assert app.answers == [None]


async def test_events_of_blobs_are_told_under_their_pulls_name() -> None:
    log = Log(1)
    log.add(seq=2, at=1.0, pull="p", why="of a blob")
    app = DialogApp(log.screen)
    async with app.run_test(size=(80, 20)):
        assert text_of(app, "log").splitlines()[1].split()[1] == "m:latest"


async def test_nothing_yet_is_said() -> None:
    app = DialogApp(lambda: Log(0).screen(ASCII))
    async with app.run_test(size=(40, 8)):
        assert "nothing has happened yet" in text_of(app, "log")
        assert text_of(app, "title").isascii()


async def test_a_smaller_terminal_wraps_anew() -> None:
    log = Log(3)
    log.add(seq=4, kind=EventKind.FAILED, name="m:latest", why="word " * 30, hint="the end")
    app = DialogApp(log.screen)
    async with app.run_test(size=(120, 20)) as pilot:
        await pilot.resize_terminal(44, 12)
        await pilot.pause()
        assert all(len(line) <= 44 for line in text_of(app, "log").splitlines())
        assert "the end." in " ".join(text_of(app, "log").split())


async def test_times_are_those_of_the_clock_and_days_that_are_over_have_their_date() -> None:
    log = Log(1)
    app = DialogApp(log.screen)
    async with app.run_test(size=(100, 20)) as pilot:
        assert text_of(app, "log").split()[0] == "12:00:00"
        log.now += timedelta(hours=20)
        log.happen(1)
        screen(app).update_events()
        times = [line.split("m:latest")[0].strip() for line in text_of(app, "log").splitlines()]
        assert times == ["2026-03-14 12:00:00", "08:00:00"]
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert text_of(app, "log").split()[:2] == ["03-14", "12:00:00"]


@pytest.mark.parametrize("width", [40, 44, 50, 59, 60, 80, 120])
async def test_its_keys_fit_every_width(width: int) -> None:
    app = DialogApp(Log(2).screen)
    async with app.run_test(size=(width, 12)) as pilot:
        await pilot.pause()
        keys = text_of(app, "keys")
        assert len(keys) <= width and "…" not in keys
        assert keys.startswith(" esc back  f newest")


async def test_its_keys_are_those_that_were_configured() -> None:
    log = Log(50)
    app = DialogApp(lambda: log.screen(log_leave=("f4",), log_follow=("w",), first=("f5",)))
    async with app.run_test(size=(80, 20)) as pilot:
        assert text_of(app, "keys").startswith(" f4 back  w newest  f5 first")
        await pilot.press("f5")
        assert "1 to 18 of 50" in text_of(app, "title")
        await pilot.press("w")
        assert "follows" in text_of(app, "title")
        await pilot.press("q", "f4")
        assert app.answers == [None]


async def test_help_works_here_as_well_and_comes_back_here() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("l", "question_mark")
        await pilot.pause()
        assert isinstance(app.screen, HelpDialog)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, LogScreen)
