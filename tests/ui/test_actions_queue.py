"""Moving in the queue, marking, and the caps."""

from __future__ import annotations

import msgspec
import pytest
from pulltui.engine.views import PullState
from pulltui.ui.caps import NO_CAP
from pulltui.ui.screens.cap import CapDialog
from pulltui.ui.screens.main import MainScreen
from support.apps import make_app, said, selected, settle, shown
from support.fake_service import FakeService
from support.scenes import MB, pull, queue, view
from textual.widgets import Input


def waiting(count: int = 4) -> FakeService:
    return FakeService(view(*(pull(n, f"m{n}", PullState.QUEUED, 10 * MB, 0) for n in range(1, count + 1))))


async def test_moving_down_and_up_and_the_cursor_goes_along() -> None:
    service = waiting()
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("J")
        await settle(pilot)
        service.change(lambda old: msgspec.structs.replace(old, rev=2))
        app.poll()
        assert selected(app) == "m1" and shown(app, "pulls").splitlines()[1].startswith("▌ ○ m1")
        await pilot.press("K")
        await settle(pilot)
        assert service.calls == [("move", 1, "pull1"), ("move", -1, "pull1")]


async def test_marked_pulls_move_together() -> None:
    service = waiting()
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space", "j", "space", "J")
        await settle(pilot)
        assert service.calls == [("move", 1, "pull1", "pull3")]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (("s",), "the queue is sorted by name; s leads back to its order"),
        (("S",), "the queue is sorted by queue; S leads back to its order"),
        (("3",), "the queue is cut to what is queued; 1 shows all"),
        (("slash", "m", "enter"), "the queue is filtered; esc shows all"),
    ],
)
async def test_pulls_move_only_where_the_queue_is_seen_as_it_is(keys: tuple[str, ...], why: str) -> None:
    service = waiting()
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys, "J", "K")
        await settle(pilot)
        assert service.calls == []
        (text,) = said(app)
        assert text == f"{why} (2 times)" and len(text) <= 72, "whole at 80 columns"


async def test_starting_next() -> None:
    service = waiting()
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("end", "exclamation_mark")
        await settle(pilot)
        assert service.calls == [("start_next", "pull4")]
        assert said(app) == ["m4: next"]


async def test_what_is_under_way_cannot_start_next() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("exclamation_mark")
        assert service.calls == [] and "not waiting for a turn" in said(app)[0]


async def test_marks_are_seen_counted_and_taken_away() -> None:
    app = make_app(waiting())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        assert selected(app) == "m2", "on to the next"
        assert shown(app, "pulls").splitlines()[0].startswith(" ●○ m1")
        assert "● 1 marked" in shown(app, "tabs")
        await pilot.press("asterisk")
        assert "● 4 marked" in shown(app, "tabs")
        await pilot.press("asterisk")
        assert "marked" not in shown(app, "tabs")
        await pilot.press("space", "escape")
        assert "marked" not in shown(app, "tabs") and "●" not in shown(app, "pulls")


async def test_a_mark_on_a_blobs_row_is_for_its_pull_and_goes_on_to_the_next_pull() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "space")
        assert shown(app, "pulls").splitlines()[0].startswith(" ●▶ qwen3")
        assert selected(app).startswith("hf.co/")


async def test_hidden_marks_are_for_nothing() -> None:
    service = waiting()
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space", "slash", "m", "3", "enter", "d")
        await settle(pilot)
        assert service.calls == [("remove", "pull3")]


async def test_brackets_lower_and_raise_the_cap_step_by_step() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press(*["left_square_bracket"] * 2, *["right_square_bracket"] * 6)
        await settle(pilot)
        rates = [rate for _, rate in service.calls]
        assert rates == [100 * MB, 50 * MB, 100 * MB, 200 * MB, 500 * MB, 1000 * MB, None]
        assert said(app) == ["there is no cap"], "one toast about caps, and not nine"


async def test_the_cap_is_in_the_header_with_where_it_comes_from() -> None:
    scheduled = msgspec.structs.replace(queue(), limit=20.0 * MB, limit_why="schedule: 22:00 to 06:00")
    app = make_app(FakeService(scheduled))
    async with app.run_test(size=(120, 36)):
        assert "cap 20.0 MB/s (schedule)" in shown(app, "header")


async def test_capital_t_lifts_the_cap_and_puts_it_back() -> None:
    service = FakeService(msgspec.structs.replace(queue(), limit=20.0 * MB, limit_why="set by hand"))
    app = make_app(service)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("T")
        await settle(pilot)
        assert service.calls == [("set_limit", None)]
        service.change(lambda old: msgspec.structs.replace(old, rev=2, now=old.now + 1))
        app.poll()
        await pilot.press("T")
        await settle(pilot)
        assert service.calls[1:] == [("set_limit", 20 * MB)]


async def test_a_cap_of_the_settings_is_lifted_by_none_at_all_and_put_back_by_letting_go() -> None:
    service = FakeService(msgspec.structs.replace(queue(), limit=20.0 * MB, limit_why="settings"))
    app = make_app(service)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("T")
        await settle(pilot)
        assert service.calls == [("set_limit", NO_CAP)]
        assert said(app) == ["no cap: that of the settings, 20.0 MB/s, is off; T goes back to it"]
        service.change(lambda old: msgspec.structs.replace(old, rev=2, now=old.now + 1))
        app.poll()
        assert "no cap (by hand)" in shown(app, "header")
        await pilot.press("T")
        await settle(pilot)
        assert service.calls[1:] == [("set_limit", None)]


async def test_the_cap_of_the_settings_is_a_step_between_those_by_hand() -> None:
    service = FakeService(msgspec.structs.replace(queue(), limit=30.0 * MB, limit_why="settings"))
    app = make_app(service)
    seen = []
    async with app.run_test(size=(120, 36)) as pilot:
        for key in ("[", "[", "]", "]", "]", "]", "[", "["):
            await pilot.press("left_square_bracket" if key == "[" else "right_square_bracket")
            await settle(pilot)
            seen.append((service.calls[-1][1], *said(app)))
    by_hand = [(rate * MB, f"cap {rate}.0 MB/s, set by hand") for rate in (20, 10, 20)]
    back = (None, "cap as the settings have it: 30.0 MB/s")
    above = [(50 * MB, "cap 50.0 MB/s, set by hand"), (100 * MB, "cap 100 MB/s, set by hand")]
    assert seen == [*by_hand, back, *above, above[0], back]


async def test_above_the_last_step_the_cap_of_the_settings_is_off_and_it_is_said_how_to_go_back() -> None:
    service = FakeService(msgspec.structs.replace(queue(), limit=1000.0 * MB, limit_why="settings"))
    app = make_app(service)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert service.calls == [("set_limit", NO_CAP)]
        told = "that of the settings, 1.00 GB/s, is off; T goes back to it"
        assert said(app) == [f"no cap: {told}"]
        service.change(lambda old: msgspec.structs.replace(old, rev=2, now=old.now + 1))
        app.poll()
        assert "no cap (by hand)" in shown(app, "header") and "TB/s" not in shown(app, "panel")
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert said(app) == [f"there is no cap: {told}"] and len(service.calls) == 1
        await pilot.press("T")
        await settle(pilot)
        assert service.calls[1:] == [("set_limit", None)]
        assert said(app) == ["cap as the settings have it: 1.00 GB/s"]


async def test_without_a_cap_capital_t_says_how_to_get_one() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("T")
        assert service.calls == [] and said(app) == ["there is no cap; [ sets one"]


async def test_while_everything_is_paused_no_cap_is_lower_but_one_is_higher() -> None:
    service = FakeService(msgspec.structs.replace(queue(), limit=0.0, limit_why="schedule: 08:00 to 18:00"))
    app = make_app(service)
    async with app.run_test(size=(120, 36)) as pilot:
        assert "all paused (schedule)" in shown(app, "header")
        await pilot.press("left_square_bracket", "right_square_bracket")
        await settle(pilot)
        assert "everything is paused" in said(app)[0]
        assert service.calls == [("set_limit", 100_000)]


async def test_t_asks_for_the_cap_of_one_pull() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("t", *"5")
        assert isinstance(app.screen, CapDialog)
        await pilot.press("enter")
        assert isinstance(app.screen, CapDialog), "5 what?"
        await pilot.press(*"MB", "enter")
        await settle(pilot)
        assert service.calls == [("set_limit", 5 * MB, "pull1")]
        assert said(app) == ["qwen3:32b: at most 5.00 MB/s"]


async def test_t_refuses_what_is_done() -> None:
    service = FakeService(view(pull(1, "m", PullState.DONE, MB, MB)))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("t")
        assert isinstance(app.screen, MainScreen) and service.calls == []
        assert said(app) == ["m is done: nothing to cap"]


async def test_t_caps_only_those_of_the_marked_that_are_not_done() -> None:
    service = FakeService(
        view(pull(1, "m", PullState.DONE, MB, MB), pull(2, "n", PullState.PAUSED, MB, 0)),
    )
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("asterisk", "t", *"5MB", "enter")
        await settle(pilot)
        assert service.calls == [("set_limit", 5 * MB, "pull2")]


async def test_t_shows_the_cap_there_is_and_nothing_lifts_it() -> None:
    capped = msgspec.structs.replace(queue().pulls[0], limit=5.0 * MB)
    service = FakeService(view(capped))
    app = make_app(service)
    async with app.run_test(size=(50, 15)) as pilot:
        await pilot.press("t")
        field = app.screen.query_one(Input)
        assert field.value == "5 MB/s"
        field.value = ""
        await pilot.press("enter")
        await settle(pilot)
        assert service.calls == [("set_limit", None, "pull1")]
        await pilot.press("t", "escape")
        assert isinstance(app.screen, MainScreen) and len(service.calls) == 1
