"""Retrying, removing, clearing, undoing, adopting: what the keys tell the engine."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import msgspec
from pulltui.engine.views import PartialView, PullState
from pulltui.ui.screens.adopt import AdoptDialog
from pulltui.ui.screens.confirm import RemoveDialog
from pulltui.ui.screens.main import MainScreen
from pulltui_config.settings import Ui
from support.apps import make_app, said, settle
from support.fake_service import FakeService
from support.scenes import busy_pull, pull, queue, view
from textual.widgets import Button


def three(*states: PullState) -> FakeService:
    pulls = [pull(n, f"m{n}", state, 10_000_000, 5) for n, state in enumerate(states, start=1)]
    return FakeService(view(*pulls))


async def test_marked_pulls_are_paused_together_and_resumed_together() -> None:
    service = three(PullState.QUEUED, PullState.QUEUED, PullState.PAUSED, PullState.QUEUED)
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space", "space", "space", "p")
        await settle(pilot)
        assert service.calls == [("pause", "pull1", "pull2")], "what is paused already is left alone"
        paused = [msgspec.structs.replace(each, state=PullState.PAUSED) for each in service.view.pulls]
        service.view = view(*paused, rev=2)
        app.poll()
        await pilot.press("p")
        await settle(pilot)
        assert service.calls[1:] == [("resume", "pull1", "pull2", "pull3")]


async def test_marked_pulls_are_retried_together() -> None:
    service = three(PullState.FAILED, PullState.DONE, PullState.WAITING)
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("asterisk", "r")
        await settle(pilot)
        assert service.calls == [("retry", "pull1", "pull3")]


async def test_capital_r_retries_all_that_failed() -> None:
    service = three(PullState.FAILED, PullState.WAITING, PullState.FAILED)
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("R")
        await settle(pilot)
        assert service.calls == [("retry", "pull1", "pull3")]
        assert said(app) == ["trying 2 failed pulls again"]
        service.view = view(busy_pull(), rev=2)
        app.poll()
        await pilot.press("R")
        assert said(app)[-1] == "nothing has failed" and len(service.calls) == 1


async def test_d_removes_keeps_what_was_fetched_and_says_how_to_undo_it() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("d")
        await settle(pilot)
        assert service.calls == [("remove", "pull1")]
        assert said(app) == ["removed qwen3:32b; what was fetched is kept. u brings it back"]


async def test_capital_d_asks_and_the_harmless_answer_is_the_easy_one() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        for keys in (("D", "enter"), ("D", "escape"), ("D", "n")):
            await pilot.press(keys[0])
            assert isinstance(app.screen, RemoveDialog)
            await pilot.press(*keys[1:])
            await settle(pilot)
            assert isinstance(app.screen, MainScreen) and service.calls == []
        await pilot.press("D", "y")
        await settle(pilot)
        assert service.calls == [("delete", "pull1")]
        again = "u lists it again"
        assert said(app) == [f"removed qwen3:32b; what was fetched is deleted. {again}"]


async def test_capital_d_asks_about_all_that_are_marked() -> None:
    service = FakeService(queue())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space", "space", "D", "y")
        await settle(pilot)
        assert service.calls == [("delete", "pull1", "pull2")]


async def test_capital_d_on_what_is_done_only_takes_it_off_the_list() -> None:
    service = three(PullState.DONE, PullState.FAILED, PullState.DONE)
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("D")
        assert [str(button.label) for button in app.screen.query(Button)][1] == "y Remove from the list"
        await pilot.press("y")
        await settle(pilot)
        assert service.calls == [("delete", "pull1")]
        assert said(app)[-1].endswith(". u brings it back") and "deleted" not in said(app)[-1]


async def test_nothing_is_asked_when_the_settings_say_so() -> None:
    service = FakeService(queue())
    app = make_app(service, ui=Ui(fps=0, animations=False, confirm_delete=False, keys={}))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("D")
        await settle(pilot)
        assert service.calls == [("delete", "pull1")]


async def test_c_clears_what_is_done() -> None:
    service = three(PullState.DONE, PullState.FAILED, PullState.DONE)
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("c")
        await settle(pilot)
        assert service.calls == [("remove", "pull1", "pull3")]
        assert said(app) == ["cleared 2 pulls; the models stay where they are. u brings it back"]
        service.view = view(busy_pull(), rev=2)
        app.poll()
        await pilot.press("c")
        assert said(app)[-1] == "nothing is done yet" and len(service.calls) == 1


async def test_u_takes_back_and_says_what() -> None:
    service = FakeService(msgspec.structs.replace(queue(), undo="removing gemma3:27b"))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("u")
        await settle(pilot)
        assert service.calls == [("undo",)]
        assert said(app) == ["undone: removing gemma3:27b"]
        service.view = msgspec.structs.replace(queue(), undo="")
        await pilot.press("u")
        await settle(pilot)
        assert said(app)[-1] == "nothing to undo"


async def test_u_waits_for_a_removal_that_has_not_ended() -> None:
    service = FakeService(msgspec.structs.replace(queue(), undo="removing qwen3:32b"))
    service.hold = True
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("d", "u")
        assert service.calls == [("remove", "pull1")] and "still removing" in said(app)[0]
        service.hold = False
        service.release()
        await settle(pilot)
        await settle(pilot)
        assert service.calls == [("remove", "pull1"), ("undo",)]
        assert said(app)[-1] == "undone: removing qwen3:32b"


def partial(number: int, why: str = "") -> PartialView:
    digest = f"sha256:{number:064x}"
    return PartialView(
        digest=digest, size=8_000_000_000, done=2_000_000_000, age=600, owner="ollama", why=why
    )


async def test_capital_i_takes_over_what_ollama_began() -> None:
    service = FakeService(msgspec.structs.replace(queue(), adoptable=(partial(1), partial(2))))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("I")
        await settle(pilot)
        assert isinstance(app.screen, AdoptDialog)
        await pilot.press("escape", "I")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        assert service.calls[2:] == [("adopt", partial(1).digest, partial(2).digest)]
        assert said(app) == ["took over 2 of 2"]


async def test_capital_i_with_nothing_to_take_over() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("I")
        await settle(pilot)
        assert said(app) == ["Ollama has left nothing unfinished here"]


class Unfinished(FakeService):
    """Looking for partials takes until it is released."""

    def partials(self) -> Future[Any]:
        future: Future[Any] = Future()
        self.held.append(future)
        return future


async def test_looking_at_a_slow_disk_does_not_hold_up_the_keys() -> None:
    service = Unfinished(queue())
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("I", "j", "p")
        assert ("pause", "pull1") in service.calls
        service.held[0].set_result(())
        await settle(pilot)
