"""The keys that work here, in one line that always fits."""

from __future__ import annotations

from pulltui.ui.lines import Line, Span
from pulltui.ui.widgets.line_view import LineView

ALWAYS = ("help", "quit")
"""Ids of the bindings that stay in the narrowest footer."""


class KeyLine(LineView):
    """Keys and what they do, from the bindings in force; the last ones go first when it gets narrow."""

    def on_resize(self) -> None:
        """Choose what fits."""
        self.update_keys()

    def update_keys(self) -> None:
        """Read the bindings of the screen and show those that fit."""
        found: dict[str, tuple[str, str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.id and binding.id not in found:
                found[binding.id] = (self.app.get_key_display(binding), binding.description.lower())
        fixed = [found[name] for name in ALWAYS if name in found]
        shown: list[tuple[str, str]] = []
        for name, entry in found.items():
            if name not in ALWAYS and _length([*shown, entry, *fixed]) <= self.size.width - 2:
                shown.append(entry)
        spans = [Span(" ")]
        for key, word in (*shown, *fixed):
            spans += [Span(key, "key"), Span(f" {word}  ", "dim")]
        self.show([Line(tuple(spans))])


def _length(entries: list[tuple[str, str]]) -> int:
    """Return the cells that these entries take, with two spaces between them."""
    return sum(len(key) + len(word) + 3 for key, word in entries) - 2
