"""What keys do to the setting under the cursor of the settings' editor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pulltui_config.kinds import every_setting
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from pulltui.ui.key_at import is_key, key_at, row_of
from pulltui.ui.lines import Span
from pulltui.ui.setting_lines import CannotError, options_of, toggled, value_at, with_key, with_next

Place = tuple[str, ...]


class SettingKeys:
    """Edits `text`; each method returns what there is to say about it. `called` names an action's key."""

    def __init__(self, text: TextArea, called: Callable[[str], str]) -> None:
        self._text, self._called = text, called
        self.sought: Place = ()
        """A setting that was sought and is not in the file, until the cursor goes elsewhere."""

    @property
    def _lines(self) -> list[str]:
        return self._text.document.lines

    @property
    def _row(self) -> int:
        return self._text.cursor_location[0]

    @property
    def place(self) -> Place:
        """What the cursor is about; () for nothing."""
        return self.sought or key_at(self._lines, self._row)

    def go_to(self, place: Place) -> Span:
        """Put the cursor on a setting; one that is not in the file can be put there by the other keys."""
        row = _row_about(self._lines, place)
        if row is not None:
            self._text.move_cursor((row, 0), center=True)
            return Span("")
        self.sought = place
        keys = f"{self._called('settings_comment')} or {self._called('settings_change')}"
        return Span(f"It is not in this file: {keys} puts it there.")

    def comment(self) -> Span:
        """Take the setting that the line is about out of force, or into it, whichever of its lines it is."""
        if self.sought:
            return self._put(with_key, self.sought)
        lines, row, place = self._lines, self._row, self.place
        changed = toggled(lines, row)
        if not changed:
            what = f"[{place[0]}] is a table" if place else "There is no setting here"
            return Span(f"{what}: {self._called('settings_find')} finds settings.", "wait")
        self._apply([changed.get(at, line) for at, line in enumerate(lines)])
        return self._take_up(place, row if row in changed else min(changed))

    def change(self) -> Span:
        """Give the setting its next value if they can be listed; else let it be typed over."""
        place, lines = self.place, self._lines
        row = row_of(lines, place)
        if place not in every_setting() or (row is None and len(place) < 2):
            return Span(f"There is no setting here: {self._called('settings_find')} finds one.", "wait")
        if len(options_of(place)) > 1:
            said = self._put(with_next, place)
            if said.role == "text":
                return Span(f"{self._called('settings_change')} again takes the next value.")
            if row is None or self._row != row or lines[row].lstrip().startswith("#"):
                return said
            return self._take_up(place, row)  # it may be the very line that has to be put right
        if row is None:
            return self._put(with_key, place)
        if lines[row].lstrip().startswith("#"):
            changed = toggled(lines, row)
            self._apply([changed.get(at, line) for at, line in enumerate(lines)])
        return self._take_up(place, row)

    def typed(self) -> Span:
        """Say why nothing comes of what was typed into a comment."""
        lines, row = self._lines, self._row
        if not lines[row].lstrip().startswith("#"):
            return Span("")
        key = self._called("settings_comment")
        if is_key(lines[row]):
            return Span(f"Still a comment: it sets nothing until {key} takes the # away.", "wait")
        more = f" {key} switches {'.'.join(self.place)} on." if toggled(lines, row) else ""
        return Span(f"This line is a comment: what is written in it sets nothing.{more}", "wait")

    def _put(self, change: Callable[[str, Place], str], place: Place) -> Span:
        """Let `change` write the setting."""
        try:
            text = change(self._text.text, place)
        except CannotError as error:
            return Span(str(error), "wait")
        self._apply(text.split(self._text.document.newline))
        return self._take_up(place, row_of(self._lines, place) or 0)

    def _apply(self, lines: Sequence[str]) -> None:
        """Make the text these lines, as one edit of what differs."""
        old = self._lines
        if lines == old:
            return
        same = min(len(old), len(lines))
        head = next((at for at in range(same) if old[at] != lines[at]), same)
        tail = next((at for at in range(same - head) if old[-1 - at] != lines[-1 - at]), same - head)
        if head + tail in (len(old), len(lines)):  # lines only come or go: a neighbour holds their place
            head, tail = (head - 1, tail) if head else (head, tail - 1)
        end = len(old) - tail - 1
        self._text.replace("\n".join(lines[head : len(lines) - tail]), (head, 0), (end, len(old[end])))

    def _take_up(self, place: Place, row: int) -> Span:
        """Go to what became of a setting, its value selected: what is typed now takes its place."""
        self.sought = ()
        line = self._lines[row]
        if line.lstrip().startswith("#"):
            self._text.move_cursor((row, 0))
            return Span(f"{'.'.join(place)} is a comment now: it sets nothing.")
        start, end = value_at(line, place)
        self._text.selection = Selection((row, start), (row, end))
        return Span("What you type now takes the place of the value." if end else "")


def _row_about(lines: Sequence[str], place: Place) -> int | None:
    """Return the row of a setting's key, or the first that is about it; None if there is none."""
    row = row_of(lines, place)
    return (
        row if row is not None else next((at for at in range(len(lines)) if key_at(lines, at) == place), None)
    )
