"""The last gate before the terminal: no text may carry a control character to it.

Text is cleaned where it enters; this is for whatever was forgotten. Textual hands ESC and C1 bytes in text
straight to the terminal.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from pulltui.engine.clean import REPLACEMENT

_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), REPLACEMENT)


class ControlGuard(LineFilter):
    """Replaces control characters in everything that is drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without control characters; Textual's own control segments stay."""
        if all(segment.control or segment.text.isprintable() for segment in segments):
            return segments
        return [
            segment if segment.control else Segment(segment.text.translate(_CONTROLS), segment.style)
            for segment in segments
        ]
