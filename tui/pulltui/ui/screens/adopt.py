"""The dialog that offers to take over what Ollama has begun."""

from __future__ import annotations

from collections.abc import Sequence

from pulltui_config.units import format_duration, format_size

from pulltui.engine.views import PartialView
from pulltui.ui.draw.pulls import short
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, join_fitting, percent, wrap
from pulltui.ui.screens.choice import QuestionDialog
from pulltui.ui.words import counted

MOST = 8
"""Partials that are listed; of more, only the number is told."""
_MEANS = (
    "A pull that needs one of them goes on where Ollama stopped. Ollama itself no longer sees them then; "
    "pulltui handback NAME gives them back."
)


class AdoptDialog(QuestionDialog[tuple[str, ...]]):
    """Lists Ollama's partials and answers with the digests to take over."""

    def __init__(self, glyphs: Glyphs, partials: Sequence[PartialView]) -> None:
        free = tuple(partial.digest for partial in partials if not partial.why)
        super().__init__(
            glyphs,
            "Ollama's unfinished downloads",
            lambda width: adopt_lines(partials, width, glyphs),
            yes="Take over",
            no="Leave them",
            answer=free or None,
        )


def adopt_lines(partials: Sequence[PartialView], width: int, glyphs: Glyphs) -> list[Line]:
    """Return the partials, how far they are, why one cannot be had, and what taking over means."""
    if not partials:
        text = "There are none that could be taken over."
        return [Line((Span(line),)) for line in wrap(text, width, 4, glyphs.more)]
    lines = []
    for partial in partials[:MOST]:
        share = percent(partial.done, partial.size)
        said = [
            (0, Span(short(partial.digest), "strong")),
            (1, Span(f"{format_size(partial.done)} of {format_size(partial.size)}")),
            (2, Span(share)),
            (3, Span(f"{format_duration(partial.age)} old", "dim")),
        ]
        lines.append(Line(tuple(join_fitting(said, width, "  "))))
        if partial.why:
            lines += [
                Line((Span(f"  {text}", "wait"),)) for text in wrap(partial.why, width - 2, 3, glyphs.more)
            ]
    if len(partials) > MOST:
        lines.append(Line((Span(f"and {counted(len(partials) - MOST, 'other')}", "dim"),)))
    return [*lines, Line(), *(Line((Span(text, "dim"),)) for text in wrap(_MEANS, width, 5, glyphs.more))]
