"""The log of all pulls: follows, scrolls, and stays where one reads."""

from __future__ import annotations

import pytest
from pulltui.engine.views import Event, EventKind
from pulltui.ui.glyphs import ASCII, UNICODE
from pulltui.ui.screens.log import KEPT, LogScreen
from support.dialogs import DialogApp, text_of


class Log:
    """Events that happen when a test says so."""

    def __init__(self, number: int) -> None:
        self.events: list[Event] = []
        self.happen(number)

    def happen(self, number: int) -> None:
        begin = len(self.events)
        self.events += [
            Event(seq=n + 1, at=float(n), kind=EventKind.NOTE, pull="p", name="m:latest", why=f"note {n}")
            for n in range(begin, begin + number)
        ]

    def after(self, seq: int) -> list[Event]:
        return [event for event in self.events if event.seq > seq]


def screen(app: DialogApp) -> LogScreen:
    assert isinstance(app.screen, LogScreen)
    return app.screen


async def test_it_follows_what_happens() -> None:
    log = Log(50)
    app = DialogApp(lambda: LogScreen(UNICODE, log.after))
    async with app.run_test(size=(80, 20)):
        assert "note 49" in text_of(app, "log") and "note 31" not in text_of(app, "log")
        assert "follows" in text_of(app, "title")
        log.happen(3)
        screen(app).update_events()
        assert text_of(app, "log").endswith("note 52")


async def test_who_scrolls_back_is_left_alone() -> None:
    log = Log(50)
    app = DialogApp(lambda: LogScreen(UNICODE, log.after))
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
    app = DialogApp(lambda: LogScreen(UNICODE, log.after))
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("pageup")
        before = text_of(app, "log")
        log.happen(30)
        screen(app).update_events()
        assert text_of(app, "log") == before


async def test_the_end_follows_again() -> None:
    log = Log(50)
    app = DialogApp(lambda: LogScreen(UNICODE, log.after))
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("home")
        assert "note 0" in text_of(app, "log")
        await pilot.press("pagedown", "pagedown", "pagedown")
        assert "follows" in text_of(app, "title")


@pytest.mark.parametrize("key", ["escape", "q", "l"])
async def test_it_goes_back(key: str) -> None:
    app = DialogApp(lambda: LogScreen(UNICODE, Log(2).after))
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press(key)
        assert app.answers == [None]


async def test_events_of_blobs_are_told_under_their_pulls_name() -> None:
    log = Log(1)
    log.events.append(Event(seq=2, at=1.0, kind=EventKind.NOTE, pull="p", why="of a blob"))
    app = DialogApp(lambda: LogScreen(UNICODE, log.after))
    async with app.run_test(size=(80, 20)):
        assert text_of(app, "log").splitlines()[1].split()[1] == "m:latest"


async def test_nothing_yet_is_said() -> None:
    app = DialogApp(lambda: LogScreen(ASCII, Log(0).after))
    async with app.run_test(size=(40, 8)):
        assert "nothing has happened yet" in text_of(app, "log")
        assert text_of(app, "title").isascii()


async def test_a_smaller_terminal_wraps_anew() -> None:
    log = Log(3)
    log.events.append(
        Event(seq=4, at=9.0, kind=EventKind.FAILED, name="m:latest", why="word " * 30, hint="the end")
    )
    app = DialogApp(lambda: LogScreen(UNICODE, log.after))
    async with app.run_test(size=(120, 20)) as pilot:
        await pilot.resize_terminal(44, 12)
        await pilot.pause()
        assert all(len(line) <= 44 for line in text_of(app, "log").splitlines())
        assert "the end." in " ".join(text_of(app, "log").split())
