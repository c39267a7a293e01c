"""Whole screens, letter by letter. `pytest tests/ui/test_snapshots.py --snapshot-update` draws them anew."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from pulltui.engine.views import EngineView, Event, EventKind, PullState
from pulltui.ui.glyphs import ASCII
from support.apps import make_app
from support.fake_service import FakeService
from support.scenes import busy_blob, busy_pull, failed_pull, pull, queue, view
from textual.app import App
from textual.pilot import Pilot

SnapCompare = Callable[..., bool]


def by_size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


SIZES = [(120, 36), (80, 24), (50, 15), (40, 8)]


def app(scene: EngineView, **changes: object) -> App[None]:
    return make_app(FakeService(scene), **changes)


@pytest.mark.parametrize("size", SIZES, ids=by_size)
def test_queue(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(app(queue()), terminal_size=size)


@pytest.mark.parametrize("size", [(120, 36), (50, 15)], ids=by_size)
def test_ascii(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(app(queue(), glyphs=ASCII), terminal_size=size)


def test_no_color(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app(queue()), terminal_size=(80, 24))


def test_no_color_ascii_dialog(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app(queue(), glyphs=ASCII), terminal_size=(80, 24), press=["a", *"qwen3"])


def test_empty(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(view()), terminal_size=(80, 24))


def test_failed(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(view(failed_pull(), busy_pull())), terminal_size=(80, 24))


def test_three_thousand_parts(snap_compare: SnapCompare) -> None:
    blob = busy_blob(3000, 16_000_000)
    scene = view(msgspec.structs.replace(busy_pull(), size=blob.size, done=blob.done, blobs=(blob,)))
    assert snap_compare(app(scene), terminal_size=(100, 30))


def test_verifying(snap_compare: SnapCompare) -> None:
    scene = view(pull(1, "llama3.2:3b", PullState.VERIFYING, 2_020_000_000, 2_020_000_000))
    assert snap_compare(app(scene), terminal_size=(80, 24))


def test_add_dialog(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(queue()), terminal_size=(80, 24), press=["a", *"hf.co/a/b:Q4"])


def test_add_dialog_refuses(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(queue()), terminal_size=(40, 8), press=["a", *"-x"])


def test_help(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(queue()), terminal_size=(80, 24), press=["question_mark"])


@pytest.mark.parametrize("glyphs", ["unicode", "ascii"])
def test_toasts(snap_compare: SnapCompare, glyphs: str) -> None:
    service = FakeService(view(busy_pull()))

    async def happen(pilot: Pilot[None]) -> None:
        service.log = [
            Event(seq=1, at=0.0, kind=EventKind.DONE, name="qwen3:4b", size=2_600_000_000, seconds=31.0),
            Event(seq=2, at=0.0, kind=EventKind.FAILED, name="phi4", why="refused (403)", hint="Log in"),
        ]
        pilot.app.poll()  # type: ignore[attr-defined]
        await pilot.pause()

    double = make_app(service, **({"glyphs": ASCII} if glyphs == "ascii" else {}))
    assert snap_compare(double, terminal_size=(80, 24), run_before=happen)
