"""The dialog that asks for names."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from pulltui.engine.errors import BusyError, NotFoundError, PullError
from pulltui.engine.views import ModelInfo, PullState
from pulltui.ui.glyphs import ASCII, UNICODE, Glyphs
from pulltui.ui.screens import add
from pulltui.ui.screens.add import AddDialog, names_in
from support.dialogs import DialogApp, text_of
from support.fake_service import FakeService
from support.scenes import GB, pull, view
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

INTO = "into /home/ada/.ollama/models"


def info(name: str, size: int = 20 * GB, **more: object) -> ModelInfo:
    given = {"blobs": 5, "here": 0, "needed": size, "free": 212 * GB} | more
    return ModelInfo(name=name, size=size, **given)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to wait until the registry is asked."""
    monkeypatch.setattr(add, "PAUSE", 0.0)


@pytest.fixture
def service() -> FakeService:
    return FakeService(view())


def app_of(service: FakeService, text: str = "", glyphs: Glyphs = UNICODE) -> DialogApp:
    return DialogApp(lambda: AddDialog(glyphs, service, text))


async def type_in(pilot: Pilot[None], text: str) -> None:
    """Put text into the input in one go: each key of `press` waits for an idle screen."""
    pilot.app.screen.query_one(Input).insert_text_at_cursor(text)
    await settled(pilot)


async def settled(pilot: Pilot[None]) -> None:
    """Let the answers come."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a b", ["a", "b"]),
        (" a,b\n\nc\tb ", ["a", "b", "c"]),
        ("ollama run llama3.2:3b", ["llama3.2:3b"]),
        ("ollama pull a\nollama pull b", ["a", "b"]),
        ("", []),
    ],
)
def test_names_are_found_in_what_people_paste(text: str, names: list[str]) -> None:
    assert names_in(text) == names


async def test_a_name_is_checked_as_it_is_typed_and_answered_by_enter(service: FakeService) -> None:
    service.models["qwen3"] = info("qwen3:latest")
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        assert text_of(app, "verdict") == f"{INTO}, 212 GB free"
        await pilot.press("-", "q")
        bad, nothing, *_ = text_of(app, "verdict").splitlines()
        assert bad == "✗ '-q' is not a name. names look like llama3.2:3b"
        assert nothing == "Nothing is added while a name is wrong."
        await pilot.press("enter")
        assert app.answers == []
        await pilot.press("backspace", "backspace", *"qwen3")
        assert text_of(app, "verdict").splitlines()[0].startswith("✓ qwen3:latest  20.0 GB")
        await pilot.press("enter")
        assert app.answers == [("qwen3",)]


async def test_size_and_space_are_shown_before_anything_is_added(service: FakeService) -> None:
    service.models["qwen3:32b"] = info("qwen3:32b", here=3 * GB, needed=17 * GB)
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "qwen3:32b")
        assert text_of(app, "verdict").splitlines() == [
            "✓ qwen3:32b  20.0 GB, 3.00 GB here already",
            "needs 17.0 GB of 212 GB free",
            INTO,
        ]
        assert service.calls == [("inspect", "qwen3:32b")]


async def test_what_does_not_fit_says_why(service: FakeService) -> None:
    service.models["big"] = info("big:latest", why="20.0 GB are needed and 5 GB free: make room first")
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "big")
        assert "make room first" in text_of(app, "verdict")
        await pilot.press("enter")
        assert app.answers == [("big",)], "it waits for space, and says so"


async def test_a_name_the_registry_does_not_know_says_so(service: FakeService) -> None:
    service.models["nope"] = NotFoundError("registry.ollama.ai has no nope:latest (404)", "Check the name.")
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "nope")
        assert "✗ registry.ollama.ai has no nope:latest (404). Check the name." in text_of(app, "verdict")
        assert "Nothing is added while a name is wrong; enter asks again." in text_of(app, "verdict")
        await pilot.press("enter")
        await settled(pilot)
        assert app.answers == [] and service.calls == [("inspect", "nope")] * 2
        service.models["nope"] = info("nope:latest")
        await pilot.press("enter")
        await settled(pilot)
        assert text_of(app, "verdict").startswith("✓ nope:latest  20.0 GB")
        await pilot.press("enter")
        assert app.answers == [("nope",)]


async def test_nothing_is_ticked_before_anything_is_known(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(add, "PAUSE", 1000.0)
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("t", "a", "g")
        assert text_of(app, "verdict").splitlines()[0] == "◌ tag:latest  asking how large it is"
        await pilot.press("enter")
        assert app.answers == [("tag",)], "nobody has to wait for the answer"


async def test_a_server_that_is_busy_is_nothing_against_a_name(service: FakeService) -> None:
    service.models["m"] = BusyError("h asks to wait 20 minutes (429)", "Come back then.")
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "m")
        assert "~ m:latest: h asks to wait 20 minutes (429)." in text_of(app, "verdict")
        await pilot.press("enter")
        assert app.answers == [("m",)]


async def test_no_answer_is_nothing_against_a_name(service: FakeService) -> None:
    service.models["m"] = PullError("no answer yet: unknown host h", "Add it all the same.")
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "m")
        assert "~ m:latest: no answer yet: unknown host h. Add it all the same." in text_of(app, "verdict")
        await pilot.press("enter")
        assert app.answers == [("m",)]


async def test_a_look_up_that_breaks_is_no_endless_wait(service: FakeService) -> None:
    service.models["m"] = OSError("disk on fire")
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "m")
        assert "~ m:latest: it could not be looked up: disk on fire." in text_of(app, "verdict")


async def test_an_answer_of_the_registry_is_kept_for_the_next_letter(service: FakeService) -> None:
    service.models["a:1"] = info("a:1")
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "a:1")
        service.models["b:1"] = info("b:1")
        await type_in(pilot, " b:1")
        assert service.calls == [("inspect", "a:1"), ("inspect", "b:1")]


async def test_several_names_at_once_with_one_sum(service: FakeService) -> None:
    service.models |= {"a": info("a:latest", 2 * GB), "b": info("b:latest", 3 * GB)}
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "a b")
        assert "needs at most 5.00 GB of 212 GB free" in text_of(app, "verdict"), "blobs may be the same"
        await pilot.press("enter")
        assert app.answers == [("a", "b")]


async def test_two_ways_to_write_a_name_are_one_model(service: FakeService) -> None:
    service.models["pebble"] = info("pebble:latest", 3 * GB, needed=3 * GB)
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "pebble pebble:latest -bad -bad")
        text = text_of(app, "verdict")
        assert text.count("pebble:latest") == 1 and text.count("'-bad'") == 1
        assert "needs 3.00 GB of 212 GB free" in text
        assert service.calls == [("inspect", "pebble")]


async def test_one_bad_name_among_many_is_seen_first_and_keeps_the_others(service: FakeService) -> None:
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        service.models |= {f"m{n}": info(f"m{n}:latest") for n in range(9)}
        await type_in(pilot, " ".join(f"m{n}" for n in range(9)) + " -bad")
        assert text_of(app, "verdict").startswith("✗ '-bad'")
        assert "and 4 more" in text_of(app, "verdict")
        await pilot.press("enter")
        assert app.answers == []


async def test_what_is_queued_already_is_said_and_not_asked_for(service: FakeService) -> None:
    service.view = view(pull(1, "m:latest", PullState.PAUSED, GB, 0))
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "m")
        assert "✓ m:latest  is in the queue already" in text_of(app, "verdict")
        assert service.calls == []


async def test_all_lines_of_what_is_pasted_count(service: FakeService) -> None:
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        app.screen.query_one(Input).post_message(events.Paste("ollama run a\r\nollama run b\n"))
        await pilot.pause()
        assert app.screen.query_one(Input).value == "a b"


@pytest.mark.parametrize(
    "evil", ["\x1b]2;owned\x07m", "m\u202egnp", "[red]m[/]", "[@click=app.quit]m", "m\x9b31m"]
)
async def test_nothing_that_is_pasted_does_anything(evil: str, service: FakeService) -> None:
    app = app_of(service, evil)
    async with app.run_test(size=(80, 24)) as pilot:
        app.screen.query_one(Input).post_message(events.Paste(evil))
        await pilot.pause()
        text = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert text.replace("\n", "").isprintable() and "\u202e" not in text
        assert "[" not in evil or evil in text, "markup is text like any other"
        assert app.answers == []


async def test_it_opens_with_what_was_pasted_elsewhere(service: FakeService) -> None:
    service.models |= {name: info(f"{name}:latest") for name in "abc"}
    app = app_of(service, "a\nb")
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.screen.query_one(Input).value == "a b"
        await pilot.press(*" c", "enter")
        assert app.answers == [("a", "b", "c")]


async def test_names_of_before_come_by_key_and_by_mouse(service: FakeService) -> None:
    service.names = ("gemma3:4b", "phi4:14b")
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        box = app.screen.query_one(Input)
        assert text_of(app, "recents") == "recent (up, down) gemma3:4b  phi4:14b"
        await pilot.press("m", "down")
        assert box.value == "m gemma3:4b"
        await pilot.press("down")
        assert box.value == "m phi4:14b"
        await pilot.press("up", "up")
        assert box.value == "m"
        await pilot.click("#recents", offset=(30, 0))
        assert box.value == "m phi4:14b"


async def test_what_is_typed_after_a_name_of_before_stays(service: FakeService) -> None:
    service.names = ("gemma3:4b", "phi4:14b")
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        box = app.screen.query_one(Input)
        await pilot.press("a", "down", *" zzz", "down")
        assert box.value == "a gemma3:4b zzz gemma3:4b"
        await pilot.press("down")
        assert box.value == "a gemma3:4b zzz phi4:14b"
        await pilot.press("up", "up")
        assert box.value == "a gemma3:4b zzz"


async def test_without_names_of_before_up_and_down_do_nothing(service: FakeService) -> None:
    app = app_of(service, "m")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("up", "down")
        assert app.screen.query_one(Input).value == "m"
        assert text_of(app, "recents") == ""


@pytest.mark.parametrize("keys", [("escape",), ("q", "w", "escape")])
async def test_escape_adds_nothing(keys: tuple[str, ...], service: FakeService) -> None:
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys)
        assert app.answers == [None]


async def test_enter_without_a_name_stays(service: FakeService) -> None:
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter", "space", "enter")
        assert app.answers == []


async def test_letters_that_are_keys_elsewhere_are_letters_here(service: FakeService) -> None:
    app = app_of(service)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"pPraqj?")
        assert app.screen.query_one(Input).value == "pPraqj?"


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("size", [(40, 8), (50, 15), (120, 36)])
async def test_it_fits(size: tuple[int, int], glyphs: Glyphs, service: FakeService) -> None:
    service.models["x" * 80] = info("x" * 80, why="there is not enough space for it " * 3)
    service.names = ("gemma3:4b", "phi4:14b")
    app = app_of(service, glyphs=glyphs)
    async with app.run_test(size=size) as pilot:
        await type_in(pilot, "x" * 80)
        frame, verdict = app.screen.query_one("#frame"), app.screen.query_one("#verdict")
        assert frame.region.width <= size[0] and frame.region.height <= size[1]
        assert all(len(line) <= verdict.size.width for line in text_of(app, "verdict").splitlines())
        assert app.screen.query_one(Input).region.y == frame.region.y + 1


async def test_a_queue_that_changes_meanwhile_is_seen(service: FakeService) -> None:
    app = app_of(service, "m")
    async with app.run_test(size=(80, 24)) as pilot:
        service.view = replace(service.view, free=GB)
        app.screen.query_one(Input).value = ""
        await pilot.pause()
        assert "1.00 GB free" in text_of(app, "verdict")
