"""Pictures of the app from fixed views: `python tests/support/screenshots.py` writes them to screenshots/."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulltui.engine.views import EngineView
from support import scenes
from support.apps import make_app
from support.fake_service import FakeService

FOLDER = Path(__file__).resolve().parents[2] / "screenshots"


class Picture(NamedTuple):
    """What is on a picture: a view, the terminal's size, and keys that were pressed before."""

    view: Callable[[], EngineView]
    width: int
    height: int
    keys: tuple[str, ...] = ()


PICTURES = {
    "queue": Picture(scenes.queue, 120, 36),
    "compact": Picture(scenes.queue, 80, 24),
    "failed": Picture(scenes.queue, 100, 30, ("end", "up", "up", "up")),
    "add": Picture(scenes.queue, 100, 30, ("a", *"hf.co/unsloth/gemma-3-4b-it-GGUF:Q8_0")),
    "help": Picture(scenes.queue, 100, 34, ("question_mark",)),
}


async def draw(picture: Picture) -> str:
    """Return the picture as SVG."""
    app = make_app(FakeService(picture.view()))
    async with app.run_test(size=(picture.width, picture.height)) as pilot:
        await pilot.press(*picture.keys)
        await pilot.pause()
        return app.export_screenshot(title="pulltui")


def main() -> None:
    """Write all pictures."""
    for name, picture in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(asyncio.run(draw(picture)), encoding="utf-8")


if __name__ == "__main__":
    main()
