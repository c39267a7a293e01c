"""Trouble on real connections, as the screen tells it: while it lasts, and not a moment longer."""

from __future__ import annotations

from collections.abc import Callable

from pulltui.demo import Registry
from pulltui.engine.views import PartState, PullState
from support.apps import make_app, shown, until
from support.engine import KB, Engine
from support.registry import layer, make_model

MODEL = make_model("library/tiny", 3_000 * KB)
DIGEST = layer(MODEL).digest

Start = Callable[..., Engine]


async def test_a_silent_part_is_quiet_after_3_s_then_stalled_and_then_well_again(
    registry: Callable[..., Registry], engine: Start
) -> None:
    server = registry(MODEL, faults="stall@50KB*1,rate@1MB/s")
    # As they are for people, but for the time of a stall: quiet after 3 s, looked at four times a second.
    it = engine(connections=1, stall_timeout=4.5, tuning={"quiet_after": 3.0, "tick": 0.25, "publish": 0.1})
    app = make_app(it.service, names=[server.names()[0]])

    def pull_row() -> str:
        return shown(app, "pulls").partition("\n")[0]

    async with app.run_test(size=(110, 30)):
        await until(app, lambda: "quiet" in pull_row())
        # As the screen has it: the engine is further by now.
        blobs = app.screen_stack[0].view.pulls[0].blobs  # type: ignore[attr-defined]
        (part,) = (part for blob in blobs for part in blob.active if part.silent)
        assert part.state is PartState.QUIET and 3.0 <= part.silent < 4.5
        silent = f"quiet {round(part.silent)} s"
        assert silent in shown(app, "panel") and "reconnect at 5 s" in shown(app, "panel")
        assert "1 quiet" in pull_row()
        await until(app, lambda: it.blob(it.look().pulls[0].id, DIGEST).stalls)
        await until(app, lambda: not it.blob(it.look().pulls[0].id, DIGEST).stalled)
        assert it.look().pulls[0].state is PullState.DOWNLOADING
        assert not any(word in pull_row() for word in ("quiet", "stalled", "retrying"))
        assert not any(word in shown(app, "panel") for word in (silent, "r now"))
        assert "stalled" in "".join(str(entry) for entry in app.screen_stack[0].diary.entries)  # type: ignore[attr-defined]
        server.faults = ""
        await until(app, lambda: it.look().pulls[0].state is PullState.DONE)


async def test_the_keys_for_caps_hold_back_and_let_go(
    registry: Callable[..., Registry], engine: Start
) -> None:
    server = registry(MODEL)
    it = engine()
    app = make_app(it.service)
    async with app.run_test(size=(110, 30)) as pilot:
        await pilot.press(*["left_square_bracket"] * 6)
        await until(app, lambda: it.look().limit == 1000 * KB)
        it.service.add(server.names()[0]).result(10)
        await until(app, lambda: it.look().pulls and it.look().pulls[0].capped)
        assert "cap 1.00 MB/s" in shown(app, "header")
        assert "held by the cap" in shown(app, "panel")
        await pilot.press("T")
        await until(app, lambda: it.look().pulls[0].state is PullState.DONE)


async def test_r_does_not_wait_as_long_as_the_server_asks(
    registry: Callable[..., Registry], engine: Start
) -> None:
    server = registry(MODEL, faults="429,retry-after@30s")
    it = engine()
    app = make_app(it.service, names=[server.names()[0]])
    async with app.run_test(size=(110, 30)) as pilot:
        await until(app, lambda: it.look().pulls and it.look().pulls[0].waiting)
        await pilot.pause()
        assert "server busy" in shown(app, "pulls").partition("\n")[0]
        assert "429" in shown(app, "panel")
        assert "no retry" in shown(app, "panel") and "r tries now" in shown(app, "panel")
        server.faults = ""
        await pilot.press("r")
        await until(app, lambda: it.look().pulls[0].state is PullState.DONE)
