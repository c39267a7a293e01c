"""Pictures of the app from fixed views: `python tests/support/screenshots.py` writes them to screenshots/."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulltui.engine.views import EngineView, ModelInfo
from pulltui.ui import themes
from pulltui.ui.app import PulltuiApp
from pulltui_config.settings import Settings, Ui
from pulltui_config.template import template
from support import scenes
from support.apps import make_app, settle
from support.fake_service import FakeService
from support.settings import FixedFile, FixedReload
from textual.widgets import TextArea

FOLDER = Path(__file__).resolve().parents[2] / "screenshots"
ADDED = "hf.co/unsloth/gemma-3-4b-it-GGUF:Q8_0"
WRONG = "connections = 65"


class Picture(NamedTuple):
    """What is on a picture: a view, the terminal's size, and keys that were pressed before."""

    view: Callable[[], EngineView]
    width: int
    height: int
    keys: tuple[str, ...] = ()
    theme: str = themes.DEFAULT


PICTURES = {
    "queue": Picture(scenes.queue, 120, 36),
    "blob": Picture(lambda: scenes.view(scenes.busy_pull()), 120, 30),
    "settings": Picture(scenes.queue, 120, 30, ("comma",)),
    "add": Picture(scenes.queue, 100, 30, ("a", *ADDED)),
    "narrow": Picture(scenes.queue, 60, 20),
    "light": Picture(scenes.queue, 120, 36, theme=themes.LIGHT.name),
    "failed": Picture(lambda: scenes.view(scenes.failed_pull(), scenes.busy_pull()), 100, 24),
}


def make_service(view: EngineView) -> FakeService:
    """An engine that shows this view, with a log and a registry that knows a model."""
    service = FakeService(view)
    service.log = scenes.log()
    service.names = ("llama3.2:3b", "nomic-embed-text")
    service.models = {
        ADDED: ModelInfo(
            name=ADDED,
            size=4_130_000_000,
            blobs=4,
            here=0,
            needed=4_130_000_000,
            free=212_000_000_000,
        )
    }
    return service


def make_picture(view: EngineView, theme: str = themes.DEFAULT) -> PulltuiApp:
    """The app over such an engine, with a settings file that is always the same."""
    file = FixedFile(template().replace('#connections = "auto"', WRONG))
    reload = FixedReload(file)
    reload.settings = Settings(ui=Ui(fps=0, animations=False, theme=theme))
    return make_app(make_service(view), ui=reload.settings.ui, file=file, reload=reload)


async def draw(picture: Picture) -> str:
    """Return the picture as SVG."""
    app = make_picture(picture.view(), picture.theme)
    async with app.run_test(size=(picture.width, picture.height)) as pilot:
        await pilot.press(*picture.keys)
        await settle(pilot)
        for editor in app.screen.query(TextArea):
            editor.move_cursor((editor.document.lines.index(WRONG), len(WRONG)), center=True)
        await pilot.pause()
        await pilot.pause()
        return app.export_screenshot(title="pulltui")


def main() -> None:
    """Write all pictures."""
    for name, picture in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(asyncio.run(draw(picture)), encoding="utf-8")


if __name__ == "__main__":
    main()
