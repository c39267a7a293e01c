"""A registry that is out for mischief: whatever it says, nothing on the screen does anything or breaks."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from unicodedata import category

import pytest
from pulltui.engine.errors import PullError
from pulltui.engine.views import PullState
from pulltui.ui.app import PulltuiApp
from pulltui.ui.screens.add import AddDialog
from pulltui.ui.screens.log import LogScreen
from pulltui.ui.screens.main import MainScreen
from pulltui.ui.screens.notices import NoticesDialog
from pulltui.ui.widgets.pull_list import PullList
from rich.cells import cell_len
from support.apps import make_app, settle, until
from support.drawn import drawn
from support.engine import PATIENCE, Engine
from support.fake_service import FakeService
from support.rawserver import RawServer, read_head
from textual import events
from textual.widgets._toast import Toast

ESCAPES = (
    "\x1b[2J\x1b[31mred\x1b]52;c;cHduZWQ=\x07\x1b]8;;http://evil.example\x07link\x1b]8;;\x07\x9b31m\x90q\x9c"
)
INVISIBLE = "\u202egnp\u202c\u2066\u200b\u200d\ufeff\u00ad\U000e0041"
MARKUP = "[bold red]x[/] [@click=app.quit]quit[/] [link=http://evil.example]l[/] [/] {x} $y %s"
MANY_LINES = "one\r\ntwo\n\n\u2028three\x0bfour\x85"
EVILS = {
    "escapes": f"E1 {ESCAPES} E2",
    "invisible": f"E1 {INVISIBLE} E2",
    "markup": f"E1 {MARKUP} E2",
    "lines": f"E1 {MANY_LINES} E2" * 40,
    "long": "E1 " + "W" * 20_000 + " E2",
    "wide": "E1 " + "漢字" * 2_000 + "👩‍👩‍👧" * 300,
}
PLACES = ("manifest", "blob", "header", "redirect", "layers", "broken manifest", "busy")
"""Where the registry says it."""

Start = Callable[..., Engine]


def reply(status: str, body: bytes = b"", *headers: tuple[str, str]) -> bytes:
    """An answer as bytes; header values as a server could send them."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    head += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(head).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def in_header(evil: str) -> str:
    """What of it can stand in a header: no server gets a line break or NUL through a client's parser."""
    return re.sub(r"[\r\n\x00\u2028\x85\x0b]", " ", evil)[:4000]


def refused(evil: str) -> bytes:
    return json.dumps({"errors": [{"code": evil[:200], "message": evil, "detail": evil}]}).encode()


def digest_of(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def manifest(place: str, evil: str) -> bytes:
    """A model's manifest, with `evil` in it if that is the place for it."""
    kind = f"application/vnd.ollama.image.{evil if place == 'layers' else 'model'}"
    layer = {"mediaType": kind, "digest": digest_of(place), "size": 3_000_000, "annotations": {evil: evil}}
    if place == "broken manifest":
        layer = {"mediaType": evil, "digest": evil, "size": evil}
    config = {"mediaType": "application/json", "digest": digest_of(f"{place} config"), "size": 200}
    return json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode()


def mischief(place: str, evil: str) -> Callable[[socket.socket], None]:
    """A registry that says `evil` in one place."""
    said = in_header(evil)

    def blob() -> bytes:
        if place == "header":
            challenge = f'Bearer realm="{said}",service="{said}",error="{said}"'
            return reply(f"401 {said[:100]}", b"", ("WWW-Authenticate", challenge), ("Server", said))
        if place == "redirect":
            return reply("307 Go", b"", ("Location", f"http://{said[:300]}.example/{said}"))
        if place == "blob":
            return reply("403 No", refused(evil), ("Content-Type", "application/json"))
        return reply("503 Busy", evil.encode(), ("Content-Type", "text/plain"), ("Retry-After", "300"))

    def handler(connection: socket.socket) -> None:
        if b"/blobs/" in read_head(connection):
            connection.sendall(blob())
        elif place == "manifest":
            connection.sendall(reply("403 No", refused(evil), ("Content-Type", "application/json")))
        else:
            connection.sendall(reply("200 OK", manifest(place, evil)))

    return handler


def met(it: Engine, evil: str) -> FakeService:
    """What the engine shows and tells after it has met such a registry for each place, to be looked at."""
    with ExitStack() as stack:
        servers = {place: stack.enter_context(RawServer(mischief(place, evil))) for place in PLACES}
        names = {place: f"http://127.0.0.1:{server.port}/library/m" for place, server in servers.items()}
        refusal = it.service.inspect(names["manifest"]).exception(PATIENCE)
        assert isinstance(refusal, PullError)
        it.service.watch([digest_of(place) for place in PLACES])
        for name in names.values():
            it.add(name)
        told: set[str] = set()

        def all_told() -> bool:
            """Each has failed or waited once: they do not all wait at one moment."""
            told.update(pull.id for pull in it.look().pulls if pull.state is PullState.FAILED or pull.waiting)
            return len(told) == len(names)

        it.until(all_told)
        service = FakeService(it.look())
        service.log = it.service.events(0)
        service.models[names["manifest"]] = refusal
        it.stop()
    return service


def assert_harmless(app: PulltuiApp) -> str:
    """Nothing of it acts: no letter that a terminal obeys or hides, no markup, no line that is too long.

    Returns what is on the screen.
    """
    text = drawn(app)
    lines = text.split("\n")
    width, height = app.size
    assert len(lines) == height and all(cell_len(line) == width for line in lines)
    for line in lines:
        assert all(category(letter) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for letter in line), line
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            assert segment.style is None or (
                segment.style.link is None and "@click" not in segment.style.meta
            )
    for toast in app.screen.query(Toast):
        assert toast.region.width <= width
    return text


@pytest.mark.parametrize("size", [(120, 36), (40, 8)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("evil", EVILS)
async def test_nothing_a_registry_says_does_anything(evil: str, size: tuple[int, int], engine: Start) -> None:
    service = met(engine(active_pulls=len(PLACES), max_retries=1), EVILS[evil])
    app = make_app(service)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        if size[0] >= 100:
            await until(app, lambda: app.screen.query(Toast))
        assert_harmless(app)
        seen = ""
        for _ in service.view.pulls:
            for key in ("enter", "tab", "enter", "D", "escape")[: None if size[0] > 100 else 1]:
                await pilot.press(key)
                seen += assert_harmless(app)
            app.screen.query_one(PullList).next_pull()
        for key in ("y", "Y", "t", "escape"):
            await pilot.press(key)
            assert_harmless(app)
        await pilot.press("l")
        assert isinstance(app.screen, LogScreen)
        for key in ("home", "end"):
            await pilot.press(key)
            assert_harmless(app)
        await pilot.press("escape", "ctrl+p", *"lib")
        assert_harmless(app)
        await pilot.press("escape")
        app.screen.post_message(events.Paste(next(iter(service.models))))
        await pilot.pause()
        await settle(pilot)
        assert isinstance(app.screen, AddDialog) and ("inspect", next(iter(service.models))) in service.calls
        assert_harmless(app)
        app.screen.post_message(events.Paste(f" {EVILS[evil]} "))
        await pilot.pause()
        await settle(pilot)
        assert_harmless(app)
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen) and app.return_code is None
        assert "pwned" not in app.clipboard
        assert size[0] < 100 or "E1" in seen, "it was there to be seen"


@pytest.mark.parametrize("evil", EVILS)
async def test_notices_of_it_are_as_harmless(evil: str) -> None:
    app = make_app(FakeService(), notices=[EVILS[evil], f"error: {EVILS[evil]}"])
    async with app.run_test(size=(60, 20), notifications=True):
        assert isinstance(app.screen, NoticesDialog)
        assert_harmless(app)
