from __future__ import annotations

import pytest
from support.screenshots import FOLDER, PICTURES, draw


@pytest.mark.parametrize("name", PICTURES)
async def test_the_picture_shows_the_app_as_it_is(name: str) -> None:
    drawn = await draw(PICTURES[name])
    assert drawn == (FOLDER / f"{name}.svg").read_text(encoding="utf-8"), "run tests/support/screenshots.py"


def test_every_picture_belongs_to_a_scene() -> None:
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(PICTURES)
