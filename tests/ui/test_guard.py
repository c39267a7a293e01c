from __future__ import annotations

import msgspec
from pulltui.engine.views import Event, EventKind
from pulltui.ui.guard import ControlGuard
from rich.segment import ControlType, Segment
from support.apps import make_app
from support.fake_service import FakeService
from support.scenes import busy_pull, view
from textual.color import Color

EVIL = "\x1b]2;owned\x07[red]bold[/]\x9b31m"


def test_control_characters_are_replaced_and_nothing_else() -> None:
    guard, black = ControlGuard(), Color(0, 0, 0)
    clean = [Segment("é中▶ [b]"), Segment("\x1b[0m", None, [(ControlType.HOME,)])]
    assert guard.apply(clean, black) == clean
    shown = guard.apply([Segment("a\x1bb\x9bc\x7f\n"), clean[1]], black)
    assert [segment.text for segment in shown] == ["a\ufffdb\ufffdc\ufffd\ufffd", "\x1b[0m"]


async def test_text_that_nobody_cleaned_reaches_the_screen_harmless() -> None:
    service = FakeService(view(msgspec.structs.replace(busy_pull(), name=EVIL)))
    service.log = [Event(seq=1, at=0.0, kind=EventKind.FAILED, name=EVIL, why=EVIL)]
    app = make_app(service)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await pilot.pause()
        lines = app.screen._compositor.render_strips()
        drawn = "".join(
            segment.text for strip in lines for segment in ControlGuard().apply(list(strip), Color(0, 0, 0))
        )
        assert "owned" in drawn and "[red]bold[/]" in drawn
        assert drawn.isprintable()
