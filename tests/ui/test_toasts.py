from __future__ import annotations

from pulltui.engine.views import Event, EventKind
from pulltui.ui.toasts import MOST, PAUSE, STAY, Toaster
from support.apps import make_app, said, settle, toasts
from support.fake_service import FakeService
from support.scenes import queue, view


def event(seq: int, kind: EventKind = EventKind.DONE, **more: object) -> Event:
    return Event(seq=seq, at=0.0, kind=kind, name=f"m{seq}", **more)  # type: ignore[arg-type]


def test_only_ends_pop_up() -> None:
    kinds = [kind for kind in EventKind if kind not in (EventKind.DONE, EventKind.FAILED, EventKind.NOTE)]
    assert Toaster().take([event(n, kind) for n, kind in enumerate(kinds)], 0.0) == []


def test_notes_pop_up_unless_they_are_about_a_blob() -> None:
    moved = event(1, EventKind.NOTE, why="the tag has moved")
    blob = event(2, EventKind.NOTE, why="the server knows no ranges", digest="sha256:" + "ab" * 32)
    hook = event(3, EventKind.NOTE, why="hooks.on_done: exit status 1", error_kind="hook")
    toasts = Toaster().take([moved, blob, hook], 0.0)
    assert [toast[:3] for toast in toasts] == [
        ("m3", "hooks.on_done: exit status 1.", "error"),
        ("m1", "the tag has moved.", "information"),
    ]


def test_what_a_toast_says() -> None:
    done = event(1, size=2_000_000_000, seconds=61.0)
    failed = event(2, EventKind.FAILED, why="403 Forbidden", hint="log in")
    toasts = Toaster().take([done, failed], 0.0)
    assert [toast.title for toast in toasts] == ["m2 failed", "m1 is done"]
    assert [toast.text for toast in toasts] == ["403 Forbidden. log in.", "2.00 GB, verified in 1m01s."]
    assert [toast.severity for toast in toasts] == ["error", "information"]


def test_a_name_that_the_reason_says_is_not_said_twice() -> None:
    (toast,) = Toaster().take([event(1, EventKind.FAILED, why="the host has no m1")], 0.0)
    assert (toast.title, toast.text) == ("failed", "the host has no m1.")


def test_the_same_failure_of_ten_pulls_is_one_toast_that_counts() -> None:
    events = [event(n, EventKind.FAILED, why="403 Forbidden", hint="log in") for n in range(10)]
    (toast,) = Toaster().take(events, 0.0)
    assert toast[:3] == ("10 pulls failed", "m0, m1, m2 and 7 more: 403 Forbidden. log in.", "error")


def test_failures_that_differ_in_the_name_only_are_alike() -> None:
    events = [event(n, EventKind.FAILED, why=f"the host has no m{n}") for n in range(3)]
    (toast,) = Toaster().take(events, 0.0)
    assert toast[:2] == ("3 pulls failed", "the host has no m0. The same of m1 and m2.")


def test_several_that_are_done_are_one() -> None:
    (toast,) = Toaster().take([event(n, size=2_000_000_000) for n in range(2)], 0.0)
    assert toast[:3] == ("2 pulls are done", "m0 and m1: 4.00 GB, verified.", "information")


def test_a_note_that_comes_again_counts() -> None:
    note = Event(seq=1, at=0.0, kind=EventKind.NOTE, why="the file cannot be written", error_kind="hook")
    (toast,) = Toaster().take([note, note], 0.0)
    assert toast[:3] == ("", "the file cannot be written. (2 times)", "error")


def test_none_that_differs_is_lost_and_never_more_than_two_are_up() -> None:
    toaster = Toaster()
    events = [event(n, EventKind.FAILED, why=f"reason {n}") for n in range(7)] + [event(9)]
    first = toaster.take(events, 0.0)
    assert [toast.text for toast in first] == ["reason 0.", "reason 1."] and MOST == 2
    assert toaster.take([], STAY - 0.1) == [], "there is no room yet"
    second = toaster.take([], STAY)
    third = toaster.take([], 2 * STAY)
    last = toaster.take([], 3 * STAY)
    assert [toast.text for toast in (*second, *third)] == [f"reason {n}." for n in range(2, 6)]
    assert [toast.title for toast in last] == ["m6 failed", "m9 is done"]
    assert toaster.take([], 9 * STAY) == []


def test_one_that_is_up_grows_in_its_place() -> None:
    toaster = Toaster()
    (first,) = toaster.take([event(0, EventKind.FAILED, why="no")], 0.0)
    assert toaster.take([event(1, EventKind.FAILED, why="no")], 0.1) == [], "in quick succession"
    (second,) = toaster.take([], PAUSE)
    assert second.topic == first.topic and second.title == "2 pulls failed"
    (later,) = toaster.take([event(2, EventKind.FAILED, why="no")], PAUSE + STAY)
    assert later.title == "m2 failed", "the first ones are down by then"


async def test_what_is_said_again_counts_instead_of_piling_up() -> None:
    app = make_app(FakeService(view()))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("c", "c", "r", "c")
        await pilot.pause()
        assert said(app) == ["nothing is queued: a adds a model", "nothing is done yet (3 times)"]
        assert len(app.screen.query("Toast")) == 2


async def test_nothing_pops_up_over_a_dialog_and_nothing_is_lost() -> None:
    service = FakeService(view())
    app = make_app(service)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("question_mark")
        service.log.append(event(1, EventKind.FAILED, why="403 Forbidden"))
        app.poll()
        await pilot.pause()
        assert said(app) == []
        app.notify("something else", severity="warning")
        await pilot.pause()
        assert not any(toast.display for toast in app.screen.query("Toast"))
        await pilot.press("escape")
        app.poll()
        await pilot.pause()
        assert any("403 Forbidden" in text for text in said(app))
        assert all(toast.region.height == 1 for toast in app.screen.query("Toast"))


async def test_a_third_message_takes_the_place_of_the_oldest() -> None:
    app = make_app(FakeService(view()))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.notify("no", severity="error")
        for text in ("one", "two", "three"):
            app.notify(text)
        await pilot.pause()
        assert said(app) == ["no", "three"], "an error stays longer"


async def test_an_undo_takes_the_place_of_the_removal_it_undoes() -> None:
    app = make_app(FakeService(queue()))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("d")
        await settle(pilot)
        assert said(app) == ["removed qwen3:32b; what was fetched is kept. u brings it back"]
        await pilot.press("u")
        await settle(pilot)
        assert len(said(app)) == 1 and "brings it back" not in said(app)[0]


async def test_a_toast_takes_the_place_of_the_one_about_the_same() -> None:
    now = [0.0]
    service = FakeService(view())
    app = make_app(service, clock=lambda: now[0])
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for n in range(3):
            service.log.append(event(n + 1, EventKind.FAILED, why="403 Forbidden"))
            now[0] += PAUSE
            app.poll()
        await pilot.pause()
        assert [toast.message.partition(":")[0] for toast in toasts(app)] == ["3 pulls failed"]
        assert len(app.screen.query("Toast")) == 1
