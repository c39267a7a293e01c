"""The keys that work here, in one line that always fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from textual.binding import Binding

from pulltui.ui.footer import ALWAYS, Entry
from pulltui.ui.keymap import ACTIONS, Keymap
from pulltui.ui.lines import Line, Span
from pulltui.ui.widgets.line_view import LineView


class KeyLine(LineView):
    """Keys and what they do, which a click does as well; the last ones go first when it gets narrow."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._entries: tuple[Entry, ...] = ()
        self._keys: Mapping[str, str] = {}

    def on_resize(self) -> None:
        """Choose what fits."""
        self._choose()

    def show_keys(self, entries: Sequence[Entry], keys: Mapping[str, str]) -> None:
        """Show these actions, as far as they have a key in `keys` and fit."""
        self._entries, self._keys = tuple(entries), keys
        self._choose()

    def show_actions(self, ids: Sequence[str], keymap: Keymap) -> None:
        """Show these actions by their own words, with the keys that they are on."""
        keys = {name: keymap.keys[name] for name in ids if keymap.keys[name]}
        named = {name: self.app.get_key_display(Binding(first, "")) for name, (first, *_) in keys.items()}
        self.show_keys([Entry(name, ACTIONS[name].label) for name in keys], named)

    def _choose(self) -> None:
        with_key = [entry for entry in self._entries if self._keys.get(entry.action)]
        shown = [entry for entry in with_key if entry.action in ALWAYS]
        for entry in with_key:
            if entry not in shown and self._length([*shown, entry]) <= self.size.width - 2:
                shown.append(entry)
        spans = [Span(" ")]
        for entry in with_key:
            if entry in shown:
                spans += [
                    Span(self._keys[entry.action], "key", entry.action),
                    Span(f" {entry.word}", "dim", entry.action),
                    Span("  "),
                ]
        self.show([Line(tuple(spans))])

    def _length(self, entries: Sequence[Entry]) -> int:
        """Return the cells that these entries take, with two spaces between them."""
        return sum(cell_len(self._keys[entry.action]) + len(entry.word) + 3 for entry in entries) - 2
