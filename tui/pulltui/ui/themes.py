"""Colours: two themes of our own beside Textual's, and the colours of states in every one of them.

A state keeps its meaning in all themes: what is done is the theme's `success`, what waits its `warning`, what
is bad its `error`, what moves its `accent`, what is hashed its `secondary`. Where a theme's own colour can
hardly be read on its background, it is made darker or lighter until it can.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final

from textual.app import App
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

DARK: Final = Theme(
    name="pulltui-dark",
    dark=True,
    primary="#6d9bc8",
    secondary="#a98fd8",
    accent="#5fb8c4",
    success="#7fb87f",
    warning="#dba94f",
    error="#e5696f",
    foreground="#d3d7da",
    background="#14171a",
    surface="#1b1f24",
    panel="#21272d",
    variables={"border": "#5fb8c4", "border-blurred": "#343c44"},
)
LIGHT: Final = Theme(
    name="pulltui-light",
    dark=False,
    primary="#2f6299",
    secondary="#6a4bb0",
    accent="#0b7285",
    success="#2c7a39",
    warning="#8f6000",
    error="#b3261e",
    foreground="#2a2e32",
    background="#f8f8f6",
    surface="#f0f0ed",
    panel="#e6e8e5",
    variables={"border": "#0b7285", "border-blurred": "#c3c7c4"},
)
OURS: Final = (DARK, LIGHT)
DEFAULT: Final = DARK.name

LEGIBLE: Final = 4.5
"""Least contrast of text that has to be read: WCAG 2.2, success criterion 1.4.3."""
VISIBLE: Final = 2.0
"""Least contrast of what only has to be seen."""
_STEPS: Final = 20


def names() -> list[str]:
    """Every theme there is, ours first."""
    return [theme.name for theme in OURS] + [name for name in BUILTIN_THEMES if name != "textual-ansi"]


def choose(wanted: str) -> tuple[str, str]:
    """Return the name of the theme to use for `ui.theme`, and a sentence if that is not the one wanted."""
    if wanted in names():
        return wanted, ""
    close = get_close_matches(wanted, names(), n=1)
    hint = (
        f"did you mean {close[0]}?"
        if close
        else f"ours are {' and '.join(theme.name for theme in OURS)}, the others Textual's"
    )
    return DEFAULT, f"ui.theme: there is no theme called {wanted!r}, {DEFAULT} is used ({hint})"


def register(app: App[Any]) -> None:
    """Make our themes known to an app."""
    for theme in OURS:
        app.register_theme(theme)


def state_colors(theme: Theme) -> dict[str, str]:
    """Return the CSS variables `state-<role>` for a theme, for `App.get_theme_variable_defaults`.

    Roles are done, partial, held, todo, active, key, wait, quiet, bad, hash, dim. Colours of the terminal's
    own (`Theme.ansi`) stay as they are: what they look like is not known here.
    """
    if theme.ansi:
        return _ansi_colors(theme)
    generated = theme.to_color_system().generate()
    background, foreground = Color.parse(generated["background"]), Color.parse(generated["foreground"])
    panel = Color.parse(generated["panel"])

    def text(name: str, ratio: float = LEGIBLE) -> Color:
        return legible(Color.parse(generated[name]), (background, panel), ratio)

    colors = {
        "done": text("success"),
        "partial": text("success", VISIBLE).blend(background, 0.35, 1.0),
        "held": text("primary", VISIBLE),
        "todo": foreground.blend(background, 0.65, 1.0),
        "active": text("accent"),
        "key": text("accent"),
        "wait": text("warning"),
        "quiet": text("warning"),
        "bad": text("error"),
        "hash": text("secondary"),
        "dim": legible(foreground.blend(background, 0.4, 1.0), (background, panel), LEGIBLE),
    }
    return {f"state-{role}": color.hex for role, color in colors.items()}


def _ansi_colors(theme: Theme) -> dict[str, str]:
    """`state_colors` for a theme that leaves colours to the terminal."""
    colors = {
        "done": theme.success or "ansi_green",
        "partial": theme.success or "ansi_green",
        "held": theme.primary,
        "todo": "ansi_bright_black",
        "active": theme.accent or "ansi_cyan",
        "key": theme.accent or "ansi_cyan",
        "wait": theme.warning or "ansi_yellow",
        "quiet": theme.warning or "ansi_yellow",
        "bad": theme.error or "ansi_red",
        "hash": theme.secondary or "ansi_magenta",
        "dim": "ansi_default",
    }
    return {f"state-{role}": color for role, color in colors.items()}


def legible(color: Color, backgrounds: tuple[Color, ...], ratio: float) -> Color:
    """Return `color`, mixed with black or white as little as gives it this contrast on all backgrounds."""
    dark = backgrounds[0].brightness < 0.5
    end = Color(255, 255, 255) if dark else Color(0, 0, 0)
    for step in range(_STEPS + 1):
        mixed = color.blend(end, step / _STEPS, 1.0)
        if all(contrast(mixed, background) >= ratio for background in backgrounds):
            return mixed
    return end


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(color: Color) -> float:
    """Return the relative luminance, 0 to 1 (WCAG 2.2, "relative luminance")."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
