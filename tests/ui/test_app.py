"""Every key, and what the app does with views and events."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from pulltui.engine.views import EngineView, Event, EventKind, PullState
from pulltui.ui.app import END_NOW, PulltuiApp
from pulltui.ui.glyphs import ASCII
from pulltui.ui.keymap import ACTIONS, MAIN
from pulltui.ui.screens.main import MainScreen
from pulltui.ui.screens.notices import NoticesDialog
from pulltui.ui.screens.saving import SavingDialog
from pulltui.ui.telling import SHORT_TOAST, TINY_TOAST
from pulltui.ui.widgets.key_line import KeyLine
from pulltui.ui.widgets.line_view import LineView
from pulltui.ui.widgets.pull_list import PullList
from support.apps import make_app, said, selected, settle, shown, toasts
from support.fake_service import FakeService
from support.scenes import busy_blob, busy_pull, failed_pull, pull, queue, view
from textual import events
from textual.widgets._toast import Toast


async def test_the_view_is_on_the_screen() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)):
        assert isinstance(app.screen, MainScreen)
        assert "105 MB/s" in shown(app, "header")
        assert "qwen3:32b" in shown(app, "pulls") and "config + 3 small" in shown(app, "pulls")
        assert "[1:All 8] 2:Active 4  3:Queued 2  4:Done 1  5:Failed 1" in shown(app, "tabs")
        assert "15 connections" in shown(app, "panel")
        assert "retry 2 of 6 in 3 s (stalled" in shown(app, "panel")
        assert "? help" in shown(app, "keys") and "q quit" in shown(app, "keys")


async def test_a_new_view_is_shown_when_polled_and_an_old_one_is_not_drawn_again() -> None:
    service = FakeService(view(busy_pull()))
    app = make_app(service)
    async with app.run_test(size=(120, 36)):
        before = app.screen_stack[0].query_one("#pulls", LineView).lines
        app.poll()
        assert app.screen_stack[0].query_one("#pulls", LineView).lines is before
        service.view = view(msgspec.structs.replace(busy_pull(), name="other:1b"), rev=2)
        app.poll()
        assert "other:1b" in shown(app, "pulls")
        assert "other:1b" in shown(app, "panel")


async def test_polling_follows_fps() -> None:
    from pulltui_config.settings import Ui

    service = FakeService(view(busy_pull()))
    app = make_app(service, ui=Ui(fps=50, animations=False))
    async with app.run_test(size=(120, 36)):
        service.view = view(msgspec.structs.replace(busy_pull(), name="other:1b"), rev=2)
        service.polled.clear()
        assert await asyncio.to_thread(service.polled.wait, 10)
        assert "other:1b" in shown(app, "pulls")


async def test_moving_the_cursor() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        blob = busy_blob().digest[:12]
        steps = [
            ("down", f"qwen3:32b {blob}"),
            ("j", "qwen3:32b small"),
            ("k", f"qwen3:32b {blob}"),
            ("up", "qwen3:32b"),
            ("up", "qwen3:32b"),
            ("end", "nomic-embed-text"),
            ("j", "nomic-embed-text"),
            ("home", "qwen3:32b"),
            ("G", "nomic-embed-text"),
            ("g", "qwen3:32b"),
        ]
        for key, expected in steps:
            await pilot.press(key)
            assert selected(app) == expected, key
        await pilot.press("pagedown", "pagedown")
        assert selected(app) == "nomic-embed-text"
        await pilot.press("pageup", "pageup")
        assert selected(app) == "qwen3:32b"


async def test_a_click_and_the_wheel_move_the_cursor() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.click("#pulls", offset=(10, 3))
        assert selected(app).startswith("hf.co/bartowski")
        await pilot.click("#pulls", offset=(10, 0))
        assert selected(app) == "qwen3:32b"
        await pilot._post_mouse_events([events.MouseScrollDown], "#pulls", button=0)
        assert selected(app) == f"qwen3:32b {busy_blob().digest[:12]}"
        await pilot._post_mouse_events([events.MouseScrollUp], "#pulls", button=0)
        assert selected(app) == "qwen3:32b"


async def test_the_cursor_stays_with_its_row_when_others_come_and_go() -> None:
    service = FakeService(view(failed_pull(), busy_pull()))
    app = make_app(service)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("end", "up")
        here = selected(app)
        assert here == f"qwen3:32b {busy_blob().digest[:12]}"
        service.view = view(pull(9, "new", PullState.QUEUED, 10, 0), busy_pull(), rev=2)
        app.poll()
        assert selected(app) == here
        service.view = view(pull(9, "new", PullState.QUEUED, 10, 0), rev=3)
        app.poll()
        assert selected(app) == "new"
        service.view = view(rev=4)
        app.poll()
        assert app.screen.query_one(PullList).row is None


async def test_a_long_list_scrolls_with_the_cursor() -> None:
    pulls = [pull(n, f"model{n}", PullState.QUEUED, 10, 0) for n in range(1000)]
    app = make_app(FakeService(view(*pulls)))
    async with app.run_test(size=(80, 24)) as pilot:
        assert "model0 " in shown(app, "pulls") and "model999" not in shown(app, "pulls")
        await pilot.press("end")
        assert "model999" in shown(app, "pulls") and len(app.screen.query_one(PullList).lines) == 11
        await pilot.press("home", "down")
        assert "model0 " in shown(app, "pulls")


async def test_the_engine_is_told_which_blob_is_looked_at() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(120, 36)) as pilot:
        assert service.watched == [busy_blob().digest]
        await pilot.press("j", "j")
        assert service.watched == [service.view.pulls[0].blobs[1].digest]
        await pilot.press("j")
        assert service.watched == [service.view.pulls[1].blobs[0].digest]
        await pilot.resize_terminal(40, 8)
        await pilot.pause()
        assert service.watched == []


async def test_an_empty_list_says_what_to_do() -> None:
    app = make_app(FakeService(EngineView(rev=1, models_dir="/srv/models")))
    async with app.run_test(size=(80, 24)):
        text = shown(app, "panel")
        assert "Press a" in text and "/srv/models" in text


async def test_names_given_at_the_start_are_added() -> None:
    service = FakeService()
    app = make_app(service, names=["llama3.2:3b", "gemma3"])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert service.calls == [("add", "llama3.2:3b"), ("add", "gemma3")]


async def test_ends_of_pulls_pop_up_once() -> None:
    service = FakeService(view(busy_pull()))
    service.log = [Event(seq=5, at=0.0, kind=EventKind.DONE, name="[b]m", size=10)]
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        app.poll()
        await pilot.pause()
        (toast,) = toasts(app)
        assert toast.message.startswith("[b]m is done: 10 B") and not toast.markup


async def test_help_lists_every_key_and_glyph_and_closes() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.press("question_mark")
        text = "\n".join(line.text for line in app.screen.query_one(LineView).lines)
        for words in (
            "p ",
            "P ",
            "a ",
            "r ",
            "q ",
            "? ",
            "Pause all",
            "stalled",
            "repairing",
            "cached",
            "todo",
        ):
            assert words in text, words
        await pilot.press("j", "k", "pagedown", "escape")
        assert isinstance(app.screen, MainScreen)
        await pilot.press("question_mark", "q")
        assert isinstance(app.screen, MainScreen)
        assert app.is_running


async def test_help_scrolls_where_it_does_not_fit() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(50, 15)) as pilot:
        await pilot.press("question_mark", "pagedown", "pagedown", "j")
        await pilot.pause()
        assert app.screen.query_one("#frame").scroll_y > 0


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_quitting_saves_with_a_word_on_the_screen(key: str) -> None:
    service = FakeService(view(busy_pull()))
    service.may_stop.clear()
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await asyncio.to_thread(service.stop_requested.wait, 10)
        assert isinstance(app.screen, SavingDialog)
        assert "saving" in app.screen.query_one(LineView).lines[0].text
        app.poll()
        await pilot.press("escape", "q", "ctrl+q", "p")
        assert isinstance(app.screen, SavingDialog)
        assert ("stop", True) not in service.calls
        service.may_stop.set()
        await app.workers.wait_for_complete()
    assert service.calls[-1] == ("stop", True)
    assert app.return_code == 0


async def test_saving_is_waited_for_with_the_seconds_until_ctrl_c() -> None:
    service = FakeService(view(busy_pull()))
    service.may_stop.clear()
    now = [0.0]
    app = make_app(service, clock=lambda: now[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        assert isinstance(app.screen, SavingDialog)
        now[0] = 64.0
        app.screen.update_seconds()
        await pilot.pause()
        text = app.screen.query_one(LineView)
        assert "1m04s so far" in text.lines[1].text and text.size.height == 2
        assert app.screen.query_one("#frame").border_subtitle == "ctrl+c again ends at once"
        await pilot.press("ctrl+c")
    assert app.return_code == END_NOW


@pytest.mark.parametrize("leaving", [False, True])
async def test_a_broken_engine_ends_the_app(leaving: bool) -> None:
    service = FakeService(view(busy_pull()))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        service.may_stop.clear()
        if leaving:
            await pilot.press("q")
        service.failure = AssertionError("defect")
        app.poll()
        await app.workers.wait_for_complete()
    assert app.return_code == 1


async def test_everything_is_drawn_again_after_a_shell_was_on_the_screen() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(100, 24)) as pilot:
        drawn: set[str | None] = set()
        areas = [*app.screen.query(LineView)]
        for area in areas:
            draw = area.render_line
            area.render_line = lambda y, area=area, draw=draw: drawn.add(area.id) or draw(y)  # type: ignore
        app.app_resume_signal.publish(app)
        await pilot.pause()
        await pilot.pause()
        assert drawn == {area.id for area in areas if area.size.height}


async def test_notices_are_shown_until_a_key() -> None:
    notices = ["error: config.toml:3: ui.fps: 99 is not allowed; allowed: 1 to 10", "Ollama looks elsewhere"]
    app = make_app(FakeService(queue()), notices=notices, names=["tiny"])
    async with app.run_test(size=(50, 15)) as pilot:
        assert isinstance(app.screen, NoticesDialog)
        text = " ".join(line.text for line in app.screen.query_one(LineView).lines)
        assert all(notice in text for notice in notices)
        assert ("add", "tiny") in app._service.calls  # type: ignore[attr-defined]
        await pilot.press("enter")
        assert isinstance(app.screen, MainScreen)


@pytest.mark.parametrize(
    ("size", "seconds"), [((80, 24), 8.0), ((50, 15), SHORT_TOAST), ((30, 8), TINY_TOAST)]
)
async def test_messages_leave_room_in_small_terminals(size: tuple[int, int], seconds: float) -> None:
    app = make_app(FakeService(view(busy_pull())))
    async with app.run_test(size=size, notifications=True) as pilot:
        app.notify("word " * 30, title="phi4 is done", timeout=8)
        await pilot.pause()
        await pilot.pause()
        shown_toasts = list(app.screen.query(Toast))
        assert sum(toast.region.height for toast in shown_toasts) == 1
        assert [message.timeout for message in toasts(app)] == [seconds]
        assert toasts(app)[0].message.startswith("phi4 is done: word") and "…" in toasts(app)[0].message


@pytest.mark.parametrize("key", ["a", "question_mark"])
async def test_ctrl_c_quits_from_dialogs_too(key: str) -> None:
    service = FakeService(view(busy_pull()))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key, "ctrl+c")
        await app.workers.wait_for_complete()
    assert ("stop", True) in service.calls


async def test_leaving_does_not_cancel_what_the_engine_has_begun() -> None:
    service = FakeService(view(busy_pull()))
    service.hold = True
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("p")
        app.exit()
    assert [future.cancelled() for future in service.held] == [False]


@pytest.mark.parametrize("width", [45, 50, 60, 79, 80, 100, 119, 120, 200])
async def test_help_and_quit_are_always_in_the_footer(width: int) -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(width, 15)):
        text = app.screen.query_one(KeyLine).lines[0].text
        assert "? help" in text and "q quit" in text
        assert len(text.rstrip()) <= width
        assert "p pause  a add  d remove" in text or width < 60
        assert len(text.split("  ")) <= 9


async def test_every_binding_has_an_id_and_says_what_it_does() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)):
        bindings = {
            active.binding.id: active.binding.tooltip
            for active in app.screen.active_bindings.values()
            if active.binding.action.startswith("do(")
        }
        assert bindings == {name: ACTIONS[name].tooltip for name in MAIN}


@pytest.mark.parametrize("keys", [(), ("a", *"qwen3"), ("a", *"-x"), ("question_mark",), ("q",)], ids=str)
async def test_with_ascii_glyphs_nothing_else_is_drawn(keys: tuple[str, ...]) -> None:
    service = FakeService(queue())
    service.log = [Event(seq=1, at=0.0, kind=EventKind.FAILED, name="m", why="refused", hint="Log in")]
    service.may_stop.clear()
    app = make_app(service, glyphs=ASCII)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await pilot.press(*keys)
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        drawn = "".join(strip.text for strip in strips)
        assert "m failed" in drawn or keys
        assert drawn.isascii(), {letter for letter in drawn if not letter.isascii()}
        service.may_stop.set()


async def test_sizes_change_while_it_runs() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        for size in ((40, 8), (50, 15), (20, 3), (80, 24), (45, 12), (200, 60), (1, 1), (120, 36)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            app.poll()
        assert "model 9e3779b9" in shown(app, "panel")


async def test_before_the_engine_is_up_it_says_nothing_of_the_queue() -> None:
    service = FakeService(EngineView(models_dir="/srv/models", starting=True))
    frames: list[str] = []
    app: PulltuiApp = make_app(service, on_shown=lambda: frames.append(shown(app, "panel")))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        [first] = frames
        assert "Looking what is queued." in first
        assert "Nothing queued" not in first
        assert "All" in shown(app, "tabs")
        assert "All 0" not in shown(app, "tabs")
        await pilot.press("p")
        assert said(app) == ["still starting: what is queued shows in a moment"]
        await pilot.resize_terminal(40, 8)
        assert shown(app, "header") == "looking what is queued"
        await pilot.resize_terminal(120, 36)
        service.view = EngineView(rev=1, models_dir="/srv/models")
        app.poll()
        await pilot.pause()
        assert "Nothing queued." in shown(app, "panel")
        assert "All 0" in shown(app, "tabs")
        assert len(frames) == 1
