"""Tabs, filter, order, the large panel, the way back, copying, the log: what changes what is seen."""

from __future__ import annotations

import msgspec
import pytest
from pulltui.engine.views import Event, EventKind, PullState
from pulltui.ui.app import PulltuiApp
from pulltui.ui.looking import blob_url
from pulltui.ui.screens.log import LogScreen
from pulltui.ui.screens.main import MainScreen
from pulltui.ui.widgets.key_line import KeyLine
from pulltui.ui.widgets.pull_list import PullList
from support.apps import make_app, said, selected, shown, toasts
from support.fake_service import FakeService
from support.scenes import busy_blob, busy_pull, pull, queue, view
from textual.widgets import Input


def listed(app: PulltuiApp) -> list[str]:
    main = app.screen_stack[0]
    assert isinstance(main, MainScreen)
    return [each.name for each in main.shown]


@pytest.mark.parametrize(
    ("key", "tab", "first", "count"),
    [
        ("1", "[1:All 8]", "qwen3:32b", 8),
        ("2", "[2:Active 4]", "qwen3:32b", 4),
        ("3", "[3:Queued 2]", "gemma3:27b", 2),
        ("4", "[4:Done 1]", "nomic-embed-text", 1),
        ("5", "[5:Failed 1]", "phi4:14b", 1),
    ],
)
async def test_each_tab_lists_its_pulls(key: str, tab: str, first: str, count: int) -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 60)) as pilot:
        await pilot.press("end", key, "home")
        assert tab in shown(app, "tabs")
        assert selected(app) == first
        assert len(listed(app)) == count


async def test_an_empty_tab_says_that_others_are_not() -> None:
    app = make_app(FakeService(view(busy_pull())))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "p", "y")
        assert "under other tabs" in shown(app, "panel")
        assert said(app) == ["no pull is shown here (2 times)"]
        await pilot.press("escape")
        assert "[1:All 1]" in shown(app, "tabs")


async def test_filtering_while_one_types() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"gem")
        assert selected(app) == "gemma3:27b" and "/ gem" in shown(app, "tabs")
        assert not app.screen.query_one(KeyLine).display, "its line is for typing now"
        await pilot.press("enter", "p")
        assert app.screen.query_one(KeyLine).display
        assert ("resume", "pull5") in app._service.calls  # type: ignore[attr-defined]
        await pilot.press("escape")
        assert "/ gem" not in shown(app, "tabs") and len(listed(app)) == 8


async def test_the_whole_line_is_for_an_example_before_the_first_filter() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash")
        assert app.screen.query_one(Input).size.width == 80 - len(" / ")


async def test_escape_while_typing_takes_the_filter_away() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"gem", "escape")
        assert "/ gem" not in shown(app, "tabs") and app.screen.query_one(KeyLine).display
        await pilot.press("slash")
        assert app.screen.query_one(Input).value == ""


async def test_what_is_wrong_with_a_filter_is_said_beside_it() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"state:stalked")
        assert "no state stalked, try stalled" in shown(app, "wrong")
        await pilot.press("backspace", "backspace", "backspace", *"led")
        assert shown(app, "wrong") == "" and selected(app) == "qwen3:32b"


async def test_sorting_by_key_and_the_other_way_round() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("s")
        assert "by name ▲" in shown(app, "tabs") and "model▲" in shown(app, "head")
        await pilot.press("home")
        assert selected(app) == "deepseek-r1:14b"
        await pilot.press("S", "home")
        assert "by name ▼" in shown(app, "tabs") and selected(app) == "qwen3:32b"


async def test_the_cursor_stays_with_its_pull_when_the_order_changes() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("end", "s", "s", "s", "S")
        assert selected(app) == "nomic-embed-text"


async def test_enter_gives_the_panel_the_room_and_escape_gives_it_back() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        before = app.screen.query_one("#panel").size.height
        await pilot.press("j", "enter")
        assert app.screen.query_one("#panel").size.height == 20
        assert shown(app, "pulls").splitlines()[0].startswith("▌ ├ ▶ model")
        await pilot.press("k")
        assert shown(app, "pulls").startswith("▌ ▶ qwen3")
        await pilot.press("escape")
        assert app.screen.query_one("#panel").size.height == before
        await pilot.press("enter", "enter")
        assert app.screen.query_one("#panel").size.height == before


async def test_tab_goes_through_the_panes() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        for label in ("[details]", "[log]", "[parts]"):
            await pilot.press("tab")
            assert label in shown(app, "panel")
        assert app.focused is app.screen.query_one("#pulls"), "the keys stay with the list"


async def test_escape_takes_back_one_thing_after_another() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("2", "space", "slash", *"qwen", "enter", "enter")
        seen = []
        for _ in range(5):
            tabs, height = shown(app, "tabs"), app.screen.query_one("#pulls").size.height
            seen.append((height == 1, "/ qwen" in tabs, "marked" in tabs, "[2:" in tabs))
            await pilot.press("escape")
        assert seen == [
            (True, True, True, True),
            (False, True, True, True),
            (False, False, True, True),
            (False, False, False, True),
            (False, False, False, False),
        ]


async def test_y_copies_the_digest_and_shows_it() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(50, 15)) as pilot:
        await pilot.press("y")
        assert app.clipboard == busy_blob().digest
        (toast,) = toasts(app)
        assert busy_blob().digest in toast.message.replace(" ", ""), "whole, even where there is little room"
        assert toast.timeout >= 10


async def test_o_copies_the_path() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("o")
        assert app.clipboard == f"/home/ada/.ollama/models/blobs/{busy_blob().digest.replace(':', '-')}"


async def test_capital_y_copies_the_address() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("Y")
        expected = f"https://registry.ollama.ai/v2/library/qwen3/blobs/{busy_blob().digest}"
        assert app.clipboard == expected and said(app) == [expected]


@pytest.mark.parametrize(
    ("name", "host", "insecure", "expected"),
    [
        ("qwen3:32b", "registry.ollama.ai", False, "https://registry.ollama.ai/v2/library/qwen3"),
        ("ada/qwen3:32b", "registry.ollama.ai", False, "https://registry.ollama.ai/v2/ada/qwen3"),
        ("hf.co/a/B-GGUF:Q4", "hf.co", False, "https://hf.co/v2/a/B-GGUF"),
        ("localhost:5000/library/m:latest", "localhost:5000", True, "http://localhost:5000/v2/library/m"),
    ],
)
def test_the_address_of_a_blob(name: str, host: str, insecure: bool, expected: str) -> None:
    one = msgspec.structs.replace(busy_pull(), name=name, host=host, insecure=insecure)
    assert blob_url(one, "sha256:ab") == f"{expected}/blobs/sha256:ab"


async def test_there_is_nothing_to_copy_before_the_blobs_are_known() -> None:
    app = make_app(FakeService(view(pull(1, "m", PullState.RESOLVING, 0, 0))))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("y", "Y")
        assert app.clipboard == "" and said(app) == ["m: its blobs are not known yet (2 times)"]


async def test_l_shows_the_log_and_the_panel_that_of_its_pull() -> None:
    service = FakeService(queue())
    service.log = [
        Event(seq=1, at=1.0, kind=EventKind.STALLED, pull="pull1", name="qwen3:32b", part=7, why="no byte"),
        Event(seq=2, at=2.0, kind=EventKind.FAILED, pull="pull7", name="phi4:14b", why="403 Forbidden"),
    ]
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("tab", "tab")
        assert "no byte" in shown(app, "panel") and "403" not in shown(app, "panel")
        await pilot.press("l")
        assert isinstance(app.screen, LogScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (PullState.DOWNLOADING, "p pause  a add  d remove  / filter  [ cap  ⏎ larger  ? help  q quit"),
        (PullState.QUEUED, "p pause  a add  d remove  / filter  space mark  ? help  q quit"),
        (PullState.WAITING, "r retry  p pause  a add  d remove  / filter  l log  ? help  q quit"),
        (PullState.PAUSED, "p resume  a add  d remove  D delete  / filter  space mark  ? help  q quit"),
        (PullState.FAILED, "r retry  a add  d remove  D delete  l log  / filter  ? help  q quit"),
        (PullState.DONE, "c clear done  a add  y copy digest  d remove  / filter  ? help  q quit"),
    ],
)
async def test_the_footer_fits_what_is_selected_and_80_columns(state: PullState, words: str) -> None:
    app = make_app(FakeService(view(pull(1, "m", state, 10_000_000, 5))))
    async with app.run_test(size=(80, 24)):
        assert shown(app, "keys").strip() == words


async def test_the_footer_of_an_empty_list_and_of_marks() -> None:
    service = FakeService(view())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        expected = "a add  , settings  ^p palette  ? help  q quit"
        assert shown(app, "keys").strip() == expected
        service.view = queue()
        service.change(lambda old: msgspec.structs.replace(old, rev=2))
        app.poll()
        await pilot.press("space")
        expected = "p pause  d remove  D delete  r retry  J down  esc unmark  ? help  q quit"
        assert shown(app, "keys").strip() == expected


async def test_ctrl_c_copies_a_selection_and_quits_without_one() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"gem", "shift+home", "ctrl+c")
        assert app.clipboard == "gem" and service.calls == []
        await pilot.press("end", "ctrl+c")
        await app.workers.wait_for_complete()
    assert ("stop", True) in service.calls


async def test_the_cursor_comes_back_to_where_it_was() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("end", "up", "up")
        before = selected(app)
        await pilot.press("slash", *"nothing-like-it")
        assert app.screen_stack[0].query_one(PullList).row is None
        await pilot.press("escape")
        assert selected(app) == before
        await pilot.press("slash", *"qwen3", "enter")
        assert selected(app).startswith("qwen3")
        await pilot.press("escape")
        assert selected(app) == before


async def test_what_is_put_back_is_selected_again() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("end", "up", "up")
        before, whole = selected(app), service.view
        gone = before.split()[0]
        left = tuple(each for each in whole.pulls if each.name != gone)
        service.view = msgspec.structs.replace(whole, rev=2, pulls=left)
        app.poll()
        assert selected(app) != before
        service.view = msgspec.structs.replace(whole, rev=3)
        app.poll()
        assert selected(app) == before
