from __future__ import annotations

import msgspec
import pytest
from pulltui.engine.views import Event, EventKind
from pulltui.ui.guard import ControlGuard
from rich.segment import ControlType, Segment
from support.apps import make_app, settle
from support.fake_service import FakeService
from support.scenes import busy_blob, busy_pull, failed_pull, view
from textual.color import Color

EVIL = "\x1b]2;owned\x07[red]bold[/]\x9b31m"


def test_control_characters_are_replaced_and_nothing_else() -> None:
    guard, black = ControlGuard(), Color(0, 0, 0)
    clean = [Segment("é中▶ [b]"), Segment("\x1b[0m", None, [(ControlType.HOME,)])]
    assert guard.apply(clean, black) == clean
    shown = guard.apply([Segment("a\x1bb\x9bc\x7f\n"), clean[1]], black)
    assert [segment.text for segment in shown] == ["a\ufffdb\ufffdc\ufffd\ufffd", "\x1b[0m"]


@pytest.mark.parametrize(
    "keys",
    [
        (),
        ("D",),
        ("t",),
        ("ctrl+p", *"bold"),
        ("l",),
        ("d",),
        ("a", "down"),
        ("enter",),
        ("tab",),
        ("tab", "tab"),
    ],
    ids=" ".join,
)
async def test_text_that_nobody_cleaned_reaches_the_screen_harmless(keys: tuple[str, ...]) -> None:
    failed = msgspec.structs.replace(failed_pull(), name=EVIL, error=EVIL, hint=EVIL, host=EVIL)
    busy = msgspec.structs.replace(busy_blob(), kind=EVIL, media_type=EVIL, source=EVIL, note=EVIL)
    service = FakeService(view(msgspec.structs.replace(busy_pull(), name=EVIL, blobs=(busy,)), failed))
    service.log = [Event(seq=1, at=0.0, kind=EventKind.FAILED, pull="pull1", name=EVIL, why=EVIL, hint=EVIL)]
    app = make_app(service)
    async with app.run_test(size=(100, 36), notifications=True) as pilot:
        await pilot.press(*keys)
        await settle(pilot)
        lines = app.screen._compositor.render_strips()
        drawn = "".join(
            segment.text for strip in lines for segment in ControlGuard().apply(list(strip), Color(0, 0, 0))
        )
        assert "[red]bold[/]" in drawn
        assert drawn.isprintable()
