"""Whole screens, letter by letter. `pytest tests/ui/test_snapshots.py --snapshot-update` draws them anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import pytest
from pulltui.engine.views import EngineView, Event, EventKind, PartialView, PullState
from pulltui.ui import themes
from pulltui.ui.app import PulltuiApp
from pulltui.ui.glyphs import ASCII
from pulltui_config.settings import Ui
from support.apps import make_app, settle
from support.fake_service import FakeService
from support.scenes import GB, MB, busy_blob, busy_pull, digest, failed_pull, long_names, pull, queue, view
from support.screenshots import ADDED, WRONG, make_picture, make_service
from textual.pilot import Pilot
from textual.widgets import TextArea

SnapCompare = Callable[..., bool]
Size = tuple[int, int]


def by_size(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


SIZES = [(200, 60), (120, 36), (80, 24), (60, 20), (40, 8)]
USUAL = (80, 24)


def app(scene: EngineView, **changes: object) -> PulltuiApp:
    return make_app(make_service(scene), **changes)


def typed(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press keys and let the answers of the engine come."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press(*keys)
        await settle(pilot)
        await pilot.pause()

    return press


@pytest.mark.parametrize("size", SIZES, ids=by_size)
def test_queue(snap_compare: SnapCompare, size: Size) -> None:
    assert snap_compare(app(queue()), terminal_size=size)


@pytest.mark.parametrize("size", [(120, 36), (60, 20)], ids=by_size)
def test_ascii(snap_compare: SnapCompare, size: Size) -> None:
    assert snap_compare(app(queue(), glyphs=ASCII), terminal_size=size)


def test_no_color(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app(queue()), terminal_size=USUAL)


def test_no_color_ascii_dialog(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = app(queue(), glyphs=ASCII)
    assert snap_compare(shown, terminal_size=USUAL, run_before=typed("a", *"qwen3"))


def test_light_theme(snap_compare: SnapCompare) -> None:
    light = Ui(fps=0, animations=False, theme=themes.LIGHT.name)
    assert snap_compare(app(queue(), ui=light), terminal_size=(120, 36))


def test_empty_with_what_ollama_has_left(snap_compare: SnapCompare) -> None:
    left = PartialView(digest=digest(5), size=18 * GB, done=7 * GB, age=86400.0, owner="ollama")
    scene = msgspec.structs.replace(view(), adoptable=(left,))
    assert snap_compare(app(scene), terminal_size=USUAL)


def test_failed(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(view(failed_pull(), busy_pull())), terminal_size=USUAL)


def test_offline_with_countdown(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(long_names()), terminal_size=USUAL, press=["end", "up", "up"])


@pytest.mark.parametrize(
    "state", [PullState.RESOLVING, PullState.VERIFYING, PullState.PAUSED, PullState.QUEUED, PullState.DONE]
)
def test_state(snap_compare: SnapCompare, state: PullState) -> None:
    size = 2_020 * MB
    done = {PullState.RESOLVING: 0, PullState.QUEUED: 0, PullState.PAUSED: 700 * MB}.get(state, size)
    whole = 0 if state is PullState.RESOLVING else size
    assert snap_compare(app(view(pull(1, "llama3.2:3b", state, whole, done))), terminal_size=USUAL)


def test_three_thousand_parts(snap_compare: SnapCompare) -> None:
    blob = busy_blob(3000, 16 * MB)
    scene = view(msgspec.structs.replace(busy_pull(), size=blob.size, done=blob.done, blobs=(blob,)))
    assert snap_compare(app(scene), terminal_size=(100, 30))


def test_blob_with_all_the_room(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(queue()), terminal_size=USUAL, press=["enter"])


def test_details(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(queue()), terminal_size=USUAL, press=["tab"])


def test_log(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(queue()), terminal_size=USUAL, press=["l"])


def test_failed_tab(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(queue()), terminal_size=USUAL, press=["5"])


def test_filter_and_marks(snap_compare: SnapCompare) -> None:
    keys = ["slash", *"size>10g", "enter", "asterisk"]
    assert snap_compare(app(queue()), terminal_size=USUAL, press=keys)


def test_add_dialog(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(queue()), terminal_size=USUAL, run_before=typed("a", *ADDED))


def test_add_dialog_refuses(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(queue()), terminal_size=(40, 8), press=["a", *"-x"])


def test_confirm_delete(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(queue()), terminal_size=USUAL, press=["D"])


@pytest.mark.parametrize("size", [(80, 24), (40, 12)], ids=by_size)
def test_help(snap_compare: SnapCompare, size: Size) -> None:
    assert snap_compare(app(queue()), terminal_size=size, press=["question_mark"])


def test_palette(snap_compare: SnapCompare) -> None:
    assert snap_compare(app(queue()), terminal_size=USUAL, press=["ctrl+p", *"cap"])


@pytest.mark.parametrize("size", [(120, 36), (50, 15)], ids=by_size)
def test_settings_with_a_problem(snap_compare: SnapCompare, size: Size) -> None:
    async def go_there(pilot: Pilot[None]) -> None:
        await typed("comma")(pilot)
        editor = pilot.app.screen.query_one(TextArea)
        editor.move_cursor((editor.document.lines.index(WRONG), 0), center=True)
        await pilot.pause()

    assert snap_compare(make_picture(queue()), terminal_size=size, run_before=go_there)


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
    assert snap_compare(double, terminal_size=USUAL, run_before=happen)
