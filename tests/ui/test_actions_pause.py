"""Pausing, retrying, and what else the app tells the engine."""

from __future__ import annotations

import msgspec
import pytest
from pulltui.engine.errors import BadNameError
from pulltui.engine.views import PullState
from support.apps import make_app, settle, shown, toasts
from support.fake_service import FakeService
from support.scenes import busy_pull, pull, view


@pytest.mark.parametrize(
    ("state", "call"),
    [
        (PullState.QUEUED, "pause"),
        (PullState.RESOLVING, "pause"),
        (PullState.DOWNLOADING, "pause"),
        (PullState.VERIFYING, "pause"),
        (PullState.WAITING, "pause"),
        (PullState.PAUSED, "resume"),
        (PullState.FAILED, "resume"),
    ],
)
async def test_p_pauses_and_resumes(state: PullState, call: str) -> None:
    service = FakeService(view(pull(3, "m", state, 10_000_000, 5)))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("p")
        await settle(pilot)
        assert service.calls == [(call, "pull3")]
        assert toasts(app) == []


@pytest.mark.parametrize("key", ["p", "r"])
async def test_a_finished_pull_has_nothing_to_pause_or_retry(key: str) -> None:
    service = FakeService(view(pull(3, "m", PullState.DONE, 10, 10)))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        assert service.calls == []
        assert "m is done" in toasts(app)[0].message


async def test_pausing_is_said_until_it_is_done() -> None:
    service = FakeService(view(busy_pull()))
    service.hold = True
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("p")
        assert "pausing" in shown(app, "pulls")
        service.release()
        await settle(pilot)
        assert "pausing" not in shown(app, "pulls")


async def test_a_pause_that_has_not_ended_is_resumed_all_the_same() -> None:
    service = FakeService(view(pull(1, "m", PullState.PAUSED, 10_000_000, 5)))
    service.hold = True
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        service.view = view(busy_pull(), rev=2)
        app.poll()
        await pilot.press("P")
        service.view = view(msgspec.structs.replace(busy_pull(), state=PullState.PAUSED), rev=3)
        app.poll()
        assert "pausing" in shown(app, "pulls"), "its connections are still there"
        await pilot.press("P")
        assert [call[0] for call in service.calls] == ["pause", "resume"]
        assert "pausing" not in shown(app, "pulls")


async def test_capital_p_resumes_only_what_it_paused() -> None:
    going, own = pull(1, "a", PullState.DOWNLOADING, 10, 5), pull(2, "b", PullState.PAUSED, 10, 5)
    queued, done = pull(3, "c", PullState.QUEUED, 10, 0), pull(4, "d", PullState.DONE, 10, 10)
    service = FakeService(view(going, own, queued, done))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("P")
        await settle(pilot)
        assert service.calls == [("pause", "pull1", "pull3")]
        paused = [msgspec.structs.replace(one, state=PullState.PAUSED) for one in (going, own, queued)]
        service.view = view(*paused, done, rev=2)
        app.poll()
        await pilot.press("P")
        await settle(pilot)
        assert service.calls[1:] == [("resume", "pull1", "pull3")]


async def test_capital_p_leaves_alone_what_was_resumed_by_hand_since() -> None:
    one, two = pull(1, "a", PullState.DOWNLOADING, 10, 5), pull(2, "b", PullState.DOWNLOADING, 10, 5)
    service = FakeService(view(one, two))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("P")
        await settle(pilot)
        service.view = view(one, msgspec.structs.replace(two, state=PullState.PAUSED), rev=2)
        app.poll()
        await pilot.press("P")
        await settle(pilot)
        assert service.calls[1:] == [("resume", "pull2")]
        await pilot.press("P")
        await settle(pilot)
        assert service.calls[2:] == [("pause", "pull1")]


async def test_capital_p_with_nothing_going() -> None:
    service = FakeService(view(pull(2, "b", PullState.PAUSED, 10, 5)))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("P")
        assert service.calls == []
        assert toasts(app)[0].message == "nothing to pause"


@pytest.mark.parametrize("state", [PullState.DOWNLOADING, PullState.WAITING, PullState.FAILED])
async def test_r_retries_now(state: PullState) -> None:
    service = FakeService(view(pull(3, "m", state, 10_000_000, 5)))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("r")
        await settle(pilot)
        assert service.calls == [("retry", "pull3")]


async def test_r_on_a_paused_pull_says_what_would_help() -> None:
    service = FakeService(view(pull(3, "m", PullState.PAUSED, 10_000_000, 5)))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("r")
        assert service.calls == []
        assert "p goes on" in toasts(app)[0].message


@pytest.mark.parametrize("key", ["p", "r"])
async def test_keys_on_an_empty_list_say_what_to_do(key: str) -> None:
    app = make_app(FakeService())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        assert "a adds a model" in toasts(app)[0].message


async def test_a_key_on_a_blobs_row_is_for_its_pull() -> None:
    service = FakeService(view(busy_pull()))
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "p")
        await settle(pilot)
        assert service.calls == [("pause", "pull1")]


@pytest.mark.parametrize("error", [BadNameError("no such thing", "try another"), RuntimeError("broken [b]")])
async def test_a_command_that_fails_is_told_and_the_app_stays(error: Exception) -> None:
    service = FakeService(view(busy_pull()))
    service.error = error
    app = make_app(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("p")
        await settle(pilot)
        (toast,) = toasts(app)
        assert str(error) in toast.message and toast.severity == "error" and not toast.markup
        assert "pausing" not in shown(app, "pulls")
