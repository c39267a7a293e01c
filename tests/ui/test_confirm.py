"""What is asked before a removal, and that no is the answer unless somebody says yes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from pulltui.engine.views import BlobState, EngineView, PullState
from pulltui.ui.glyphs import ASCII, UNICODE, Glyphs
from pulltui.ui.screens.confirm import LOOK, RemoveDialog, leftovers, removal_words
from pulltui_config.units import format_size
from support.dialogs import DialogApp, text_of
from support.drawn import drawn
from support.scenes import GB, busy_pull, layers, pull, queue, view
from textual.widgets import Button


def shared_scene() -> EngineView:
    """Two unfinished pulls that have their large blob in common."""
    first = pull(1, "qwen3:32b", PullState.PAUSED, 20 * GB, 13 * GB)
    second = replace(pull(2, "qwen3:14b", PullState.QUEUED, 20 * GB, 13 * GB), blobs=first.blobs[:1])
    return view(first, second)


def words(scene: EngineView, *ids: str, delete: bool) -> str:
    chosen = [one for one in scene.pulls if one.id in ids]
    return "\n".join(sentence.text for sentence in removal_words(scene, chosen, delete=delete))


def test_deleting_names_the_bytes() -> None:
    scene = view(pull(1, "m", PullState.PAUSED, 20 * GB, 13 * GB))
    assert words(scene, "pull1", delete=True) == "13.0 GB that were fetched are deleted."
    assert "13.0 GB that were fetched stay on disk" in words(scene, "pull1", delete=False)


def test_shared_blobs_are_kept_and_it_is_said_for_whom() -> None:
    scene = shared_scene()
    text = words(scene, "pull1", delete=True)
    assert "1 blob is kept (13.0 GB): qwen3:14b needs it, too." in text
    assert leftovers(scene, [scene.pulls[0]]).own == sum(blob.done for blob in layers(1))
    assert leftovers(scene, scene.pulls).shared == 0, "both go, so nobody needs it"
    assert leftovers(scene, scene.pulls).own == 13 * GB + sum(blob.done for blob in layers(1)), "counted once"


def test_installed_models_are_not_touched() -> None:
    scene = view(pull(1, "m", PullState.DONE, GB, GB))
    text = words(scene, "pull1", delete=True)
    assert text == "1 model that is done stays installed."
    text = words(view(replace(pull(1, "m", PullState.QUEUED, GB, 0), blobs=())), "pull1", delete=True)
    assert text == "Nothing was fetched yet."


def test_what_was_there_before_is_not_ours_to_delete() -> None:
    blob = replace(busy_pull().blobs[0], state=BlobState.CACHED)
    scene = view(replace(busy_pull(), blobs=(blob,)))
    assert leftovers(scene, scene.pulls).own == 0


def test_several_are_named() -> None:
    scene = queue()
    text = words(scene, *(one.id for one in scene.pulls), delete=True)
    assert "qwen3:32b, hf.co/bartowski" in text and " and 2 more" in text


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (("y",), True),
        (("n",), None),
        (("escape",), None),
        (("enter",), None),
        (("right", "enter"), True),
        (("tab", "enter"), True),
        (("right", "left", "enter"), None),
    ],
)
async def test_only_a_clear_yes_is_one(keys: tuple[str, ...], answer: bool | None) -> None:
    app = DialogApp(lambda: RemoveDialog(UNICODE, queue, ["pull1"], delete=True))
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.focused is not None and app.focused.id == "no"
        await pilot.press(*keys)
        assert app.answers == [answer]


async def test_what_is_done_is_not_called_deleting() -> None:
    done = pull(1, "m", PullState.DONE, GB, GB)
    app = DialogApp(lambda: RemoveDialog(UNICODE, lambda: view(done), ["pull1"], delete=True))
    async with app.run_test(size=(80, 24)):
        text = drawn(app)
        assert "Remove m from the list?" in text and "y Remove from the list" in text
        assert "elete" not in text and "1 model that is done stays installed." in text
    both = view(done, pull(2, "n", PullState.PAUSED, GB, 5))
    app = DialogApp(lambda: RemoveDialog(UNICODE, lambda: both, ["pull1", "pull2"], delete=True))
    async with app.run_test(size=(80, 24)):
        assert "Delete 2 pulls?" in drawn(app) and "y Delete" in drawn(app)


async def test_the_mouse_answers_too() -> None:
    app = DialogApp(lambda: RemoveDialog(UNICODE, queue, ["pull1"], delete=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click("#yes")
        assert app.answers == [True]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("size", [(40, 8), (59, 20), (80, 15), (80, 24), (200, 60)])
async def test_it_fits_and_the_buttons_are_seen(size: tuple[int, int], glyphs: Glyphs) -> None:
    app = DialogApp(lambda: RemoveDialog(glyphs, shared_scene, ["pull1"], delete=True))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        frame, buttons = app.screen.query_one("#frame"), app.screen.query_one("#buttons")
        assert frame.region.width <= size[0] and frame.region.height <= size[1]
        whole = size[0] < 60 or size[1] < 16
        assert (frame.region.size == size) is whole
        assert buttons.region.bottom <= frame.region.bottom - 1
        assert all(button.region.height == 1 for button in app.screen.query(Button))
        assert "deleted" in text_of(app, "said")


async def test_the_bytes_go_on_with_the_pull() -> None:
    now = [view(replace(busy_pull(), id="pull1"))]
    app = DialogApp(lambda: RemoveDialog(UNICODE, lambda: now[0], ["pull1"], delete=True))
    async with app.run_test(size=(80, 24)) as pilot:
        before = leftovers(now[0], now[0].pulls).own
        assert f"{format_size(before)} that were fetched are deleted." in text_of(app, "said")
        blobs = tuple(replace(blob, done=blob.size) for blob in now[0].pulls[0].blobs)
        now[0] = view(replace(now[0].pulls[0], blobs=blobs))
        after = leftovers(now[0], now[0].pulls).own
        assert after > before
        await pilot.pause(2 * LOOK)
        assert f"{format_size(after)} that were fetched are deleted." in text_of(app, "said")
        now[0] = view(pull(1, "m", PullState.DONE, GB, GB))
        await pilot.pause(2 * LOOK)
        assert "1 model that is done stays installed." in text_of(app, "said")
        await pilot.pause()
        assert "Remove m from the list?" in drawn(app) and "y Remove from the list" in drawn(app)
        now[0] = view()
        await pilot.pause(2 * LOOK)
        assert text_of(app, "said") == "No such pull is in the queue any more."
