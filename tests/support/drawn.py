"""What is on a screen, as text."""

from __future__ import annotations

from typing import Any

from textual.app import App


def drawn(app: App[Any]) -> str:
    """All lines of the screen, every widget drawn by the compositor."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)
