from __future__ import annotations

from pulltui.engine.views import Event, EventKind
from pulltui.ui.toasts import PAUSE, Toaster


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
    assert toasts == [
        ("m1", "the tag has moved.", "information"),
        ("m3", "hooks.on_done: exit status 1.", "error"),
    ]


def test_hooks_that_fail_for_many_pulls_become_one_toast() -> None:
    events = [event(n, EventKind.NOTE, why="no", error_kind="hook") for n in range(9)] + [event(9)]
    (toast,) = Toaster().take(events, 0.0)
    assert (toast.title, toast.severity) == ("1 done, 9 to know", "error")


def test_what_a_toast_says() -> None:
    done = event(1, size=2_000_000_000, seconds=61.0)
    failed = event(2, EventKind.FAILED, why="403 Forbidden", hint="log in")
    toasts = Toaster().take([done, failed], 0.0)
    assert [toast.title for toast in toasts] == ["m1 is done", "m2 failed"]
    assert [toast.text for toast in toasts] == ["2.00 GB, verified in 1m01s.", "403 Forbidden. log in."]
    assert [toast.severity for toast in toasts] == ["information", "error"]


def test_a_name_that_the_reason_says_is_not_said_twice() -> None:
    (toast,) = Toaster().take([event(1, EventKind.FAILED, why="the host has no m1")], 0.0)
    assert (toast.title, toast.text) == ("failed", "the host has no m1.")


def test_more_than_three_become_one() -> None:
    events = [event(n) for n in range(4)] + [event(9, EventKind.FAILED)]
    (toast,) = Toaster().take(events, 0.0)
    assert toast.title == "4 done, 1 failed"
    assert toast.text == "m0, m1, m2 and others"
    assert toast.severity == "error"


def test_quick_succession_counts_as_at_once() -> None:
    toaster = Toaster()
    assert len(toaster.take([event(0)], 0.0)) == 1
    for n in range(1, 6):
        assert toaster.take([event(n)], 0.1 * n) == []
    (toast,) = toaster.take([], PAUSE)
    assert toast.title == "5 done"
    assert toaster.take([], 10 * PAUSE) == []
