"""The themes, and that states can be told in all of them."""

from __future__ import annotations

import pytest
from pulltui.ui import themes
from textual.app import App
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

ALL = {theme.name: theme for theme in (*themes.OURS, *BUILTIN_THEMES.values())}
TEXT = ("done", "active", "key", "wait", "quiet", "bad", "hash", "dim")


@pytest.mark.parametrize("name", [name for name in themes.names() if not ALL[name].ansi])
def test_what_has_to_be_read_can_be_read_in_every_theme(name: str) -> None:
    colors = themes.state_colors(ALL[name])
    generated = ALL[name].to_color_system().generate()
    for ground in ("background", "panel"):
        for role in TEXT:
            found = themes.contrast(Color.parse(colors[f"state-{role}"]), Color.parse(generated[ground]))
            assert found >= themes.LEGIBLE - 0.05, (role, ground)


@pytest.mark.parametrize("theme", themes.OURS, ids=lambda theme: theme.name)
def test_our_own_colors_need_no_mending_and_differ(theme: Theme) -> None:
    colors = themes.state_colors(theme)
    for role, given in (("active", theme.accent), ("bad", theme.error), ("hash", theme.secondary)):
        assert given is not None
        mended, ours = Color.parse(colors[f"state-{role}"]), Color.parse(given)
        assert all(abs(one - other) <= 1 for one, other in zip(mended.rgb, ours.rgb, strict=True)), role
    assert len({colors[f"state-{role}"] for role in ("done", "active", "wait", "bad", "hash")}) == 5


def test_the_terminals_own_colors_stay_the_terminals() -> None:
    colors = themes.state_colors(BUILTIN_THEMES["ansi-dark"])
    assert all(color.startswith("ansi_") for color in colors.values())
    assert set(colors) == set(themes.state_colors(themes.DARK))


def test_contrast_is_that_of_the_standard() -> None:
    white, black = Color(255, 255, 255), Color(0, 0, 0)
    assert themes.contrast(white, black) == pytest.approx(21.0)
    assert themes.contrast(white, white) == pytest.approx(1.0)
    # A grey from the standard's own examples of what just passes.
    assert themes.contrast(Color.parse("#767676"), white) == pytest.approx(4.54, abs=0.01)


def test_a_theme_that_does_not_exist_is_named_and_replaced() -> None:
    assert themes.choose("nord") == ("nord", "")
    assert themes.choose(themes.LIGHT.name) == (themes.LIGHT.name, "")
    name, why = themes.choose("nrod")
    assert name == themes.DEFAULT
    assert "'nrod'" in why and "did you mean nord?" in why
    assert "pulltui-dark and pulltui-light" in themes.choose("\x00")[1]


async def test_an_app_knows_them_after_registering() -> None:
    app: App[None] = App()
    themes.register(app)
    async with app.run_test():
        for name in themes.names():
            app.theme = name
            assert app.current_theme.name == name
