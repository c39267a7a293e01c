"""The settings: an editor of config.toml that judges as one types, and says what each key means."""

from __future__ import annotations

from collections.abc import Callable

from pulltui_config import Loaded, Problem
from pulltui_config.kinds import description_of, every_setting, value_of
from pulltui_config.saving import ChangedMeanwhileError, NotSavedError
from pulltui_config.watching import difference
from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.screen import Screen
from textual.widgets import TextArea

from pulltui.engine.clean import safe
from pulltui.ui.draw.about import about_lines, mark, problem_lines, short_text, shown_value
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.keymap import IN_SETTINGS, Keymap
from pulltui.ui.lines import Line, Span, fit, join_fitting, wrap
from pulltui.ui.screens.choice import Choice, ChoiceDialog
from pulltui.ui.screens.palette import Entry, PaletteDialog
from pulltui.ui.setting_keys import SettingKeys
from pulltui.ui.settings_file import Judged, SettingsFile
from pulltui.ui.widgets.key_line import KeyLine
from pulltui.ui.widgets.line_view import LineView
from pulltui.ui.widgets.settings_editor import Remark, SettingsEditor
from pulltui.ui.words import counted

COLUMNS_FROM = 76
"""Cells from which on the explanations stand beside the text, not below it."""
LOW = 7
"""Lines of explanations that are too few for empty ones."""
LOOK = 0.5
"""Seconds between two looks at what is in force by now."""


_FIXED = [
    *Screen.BINDINGS,
    Binding("ctrl+c", "do('settings_leave')", "leave", show=False, tooltip="Back to the pulls"),
]
"""The keys that stay as they are."""


class SettingsScreen(Screen[None]):
    """Edits `file`; `now` says what is in force at this moment, `keymap` has the keys."""

    DEFAULT_CSS = """
    SettingsScreen {
        overflow: hidden;
        #top, #foot { background: $panel; }
        #body { layout: horizontal; height: 1fr; }
        #text { width: 1fr; height: 1fr; }
        #side {
            width: 36%;
            min-width: 24;
            height: 1fr;
            padding: 0 0 0 2;
            scrollbar-size: 0 0;
            background: $surface;
        }
        #about { height: auto; }
        &.-column #body { layout: vertical; }
        &.-column #side { width: 1fr; height: 35%; padding: 0; }
    }
    """

    def __init__(self, glyphs: Glyphs, file: SettingsFile, now: Callable[[], Loaded], keymap: Keymap) -> None:
        super().__init__()
        self._bindings = keymap.bound(_FIXED, IN_SETTINGS, first=True)
        self._keymap = keymap
        self._glyphs, self._file, self._now = glyphs, file, now
        self._top, self._foot = LineView(id="top"), KeyLine(id="foot")
        self._text = SettingsEditor(glyphs.more, id="text")
        self._keys = SettingKeys(self._text, self._called)
        self._about = LineView(id="about")
        self._side = VerticalScroll(self._about, id="side", can_focus=False)
        self._judged: Judged | None = None
        self._saved = ""
        self._warned = False
        self._said = Span("")
        self._said_in = 0
        """The row of the cursor then."""
        self._judged_text = ""
        self._shown: Loaded | None = None

    def compose(self) -> ComposeResult:
        """The file and its state, the text and what it means, the keys."""
        yield self._top
        yield Container(self._text, self._side, id="body")
        yield self._foot

    def on_mount(self) -> None:
        """Read the file."""
        self._show_keys()
        if self._begin():
            self._text.focus()
            self.set_interval(LOOK, self._look)

    @property
    def unsaved(self) -> bool:
        """Whether there is something that only this screen knows."""
        return self._text.text != self._saved

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the text as it is."""
        return self._judged.problems if self._judged else ()

    @property
    def _errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == "error"]

    def _begin(self) -> bool:
        """Show the file as it is on disk; leave, and return False, if it cannot be edited here."""
        try:
            self._saved = self._file.read()
        except NotSavedError as error:
            self.app.notify(safe(str(error)), severity="error", timeout=10)
            self.dismiss(None)
            return False
        self._text.load_text(self._saved)
        self._judge()
        if self._errors:
            self._text.move_cursor(((self._errors[0].line or 1) - 1, 0), center=True)
        return True

    def _read_again(self) -> None:
        """Show the file as it is by now, as an edit that can be undone."""
        try:
            self._saved = self._file.read()
        except NotSavedError as error:
            self._say(str(error), "bad")
            return
        row = self._text.cursor_location[0]
        self._text.replace(self._saved, self._text.document.start, self._text.document.end)
        if self.unsaved:  # its lines end in another way than before: that is no edit
            self._text.load_text(self._saved)
        self._text.move_cursor((min(row, self._text.document.line_count - 1), 0))
        self._judge()

    @on(TextArea.Changed)
    def _on_changed(self) -> None:
        if self._text.text == self._judged_text:
            return  # a key did it, and has said so
        self._keys.sought = ()
        self._did(self._keys.typed())

    @on(TextArea.SelectionChanged)
    def _on_moved(self) -> None:
        if self._text.cursor_location[0] != self._said_in:
            self._keys.sought = ()
            self._say("")

    def _say(self, text: str, role: str = "text") -> None:
        """Show a sentence above the explanations until the cursor leaves the line: toasts lack the room."""
        self._hold(Span(text, role))
        self._draw()

    def _hold(self, said: Span) -> None:
        self._said, self._said_in = said._replace(text=safe(said.text)), self._text.cursor_location[0]

    def on_resize(self) -> None:
        """Arrange for the new size."""
        self.set_class(self.app.size.width < COLUMNS_FROM, "-column")
        self.call_after_refresh(self._arranged)

    def _arranged(self) -> None:
        self._text.scroll_cursor_visible(center=True)
        self._draw()

    def _look(self) -> None:
        if self._now() is not self._shown:
            self._draw()

    def _judge(self) -> None:
        """Find out what is wrong with the text, and show it."""
        self._judged_text = self._text.text
        self._judged = self._file.judge(self._judged_text)
        remarks: dict[int, Remark] = {}
        for problem in self.problems:
            if problem.line:
                remark = Remark(mark(problem, self._glyphs), short_text(problem), problem.severity == "error")
                remarks.setdefault(problem.line - 1, remark)
        self._text.remark(remarks)
        self._draw()

    def _draw(self) -> None:
        """Show everything around the text."""
        width, glyphs = self.app.size.width, self._glyphs
        self._shown = self._now()
        row = self._text.cursor_location[0]
        room = self._side.scrollable_content_region.width or width
        place = self._keys.place
        here = [problem for problem in self.problems if problem.line == row + 1]
        others = [problem for problem in self.problems if problem not in here]
        gap = (Line(),) if self._side.size.height > LOW else ()
        blocks = (
            [Line((Span(text, self._said.role),)) for text in wrap(self._said.text, room, 8, glyphs.more)],
            problem_lines(here, room, glyphs),
            about_lines(place, self._shown, self._file.start.loaded, room, glyphs, brief=not gap),
            problem_lines(others, room, glyphs),
        )
        lines = [line for block in blocks if block for line in (*gap, *block)][len(gap) :]
        if len(lines) != len(self._about.lines):
            self._about.refresh(layout=True)
        self._about.show(lines)
        self._side.scroll_home(animate=False)
        self._top.show([self._top_line(width)])

    def _top_line(self, width: int) -> Line:
        errors = len(self._errors)
        warnings = len(self.problems) - errors
        facts = [Span("unsaved" if self.unsaved else "saved", "wait" if self.unsaved else "done")]
        if errors:
            facts.append(Span(counted(errors, "problem"), "bad"))
        if warnings:
            facts.append(Span(counted(warnings, "warning"), "wait"))
        right = join_fitting(list(enumerate(facts)), width - 12, f" {self._glyphs.dot} ")
        title = Span(" settings  ", "strong")
        room = max(0, width - 1 - sum(cell_len(span.text) for span in (title, *right)))
        path = fit(safe(str(self._file.path)), room - 1, self._glyphs.more, middle=True) if room > 8 else ""
        return Line((title, Span(fit(path, room, ""), "dim"), *right))

    def use_keys(self, keymap: Keymap) -> None:
        """Work with these keys from now on."""
        self._bindings = keymap.bound(_FIXED, IN_SETTINGS, first=True)
        self._keymap = keymap
        if self.is_attached:
            self.refresh_bindings()
            self._show_keys()

    def _called(self, action: str) -> str:
        """Return the key of an action as people call it; the action's name if it has none."""
        key = next(iter(self._keymap.keys[action]), "")
        return self.app.get_key_display(Binding(key, "")) if key else action

    def _show_keys(self) -> None:
        """The keys, as far as they fit; saving and the way out come first."""
        self._foot.show_actions(IN_SETTINGS, self._keymap)

    @on(LineView.Pressed)
    def _on_pressed(self, event: LineView.Pressed) -> None:
        self.action_do(event.action)

    def action_do(self, action: str) -> None:
        """Do what a key or a click asks for."""
        {
            "settings_save": self.action_save,
            "settings_leave": self.action_leave,
            "settings_find": self.action_find,
            "settings_comment": lambda: self._did(self._keys.comment()),
            "settings_change": lambda: self._did(self._keys.change()),
            "settings_problem": self.action_problem,
            "settings_reload": self.action_reload,
        }[action]()

    def action_save(self) -> None:
        """Save; a file with errors only when asked twice."""
        if not self.unsaved:
            self._say("Nothing has changed since it was saved.")
            return
        if self._errors and not self._warned:
            self._warned = True
            self._say(
                f"Not saved: {self._first_error}. The same key again saves it all the same; until that is "
                "put right, the settings stay as they are.",
                "wait",
            )
            return
        self._save()

    def _save(self) -> bool:
        """Write the file and say what hinders it; return whether it is written."""
        try:
            self._file.save(self._text.text)
        except ChangedMeanwhileError:
            self._ask_about_change()
            return False
        except NotSavedError as error:
            self._say(str(error), "bad")
            return False
        self._saved = self._text.text
        self._warned = False
        self._say(*self._saved_words())
        return True

    @property
    def _first_error(self) -> str:
        problem = self._errors[0]
        return f"line {problem.line}: {problem.message}" if problem.line else problem.message

    def _saved_words(self) -> tuple[str, str]:
        """Return what comes of what was saved, and the role to say it in."""
        if self._errors:
            return f"Saved. The settings stay as they are until this is right: {self._first_error}.", "wait"
        saved = self._judged.loaded.settings if self._judged else self._now().settings
        changes = "; ".join(map(str, difference(self._now().settings, saved)))
        return (f"Saved: {changes}." if changes else "Saved. It changes no setting."), "done"

    def _ask_about_change(self) -> None:
        def answered(answer: str | None) -> None:
            if answer == "read":
                self._read_again()

        question = (
            "Somebody else has changed the file since it was read here, so it was not overwritten. "
            "Read it again? Your text stays in the history: ctrl+z brings it back."
        )
        choices = (Choice("stay", "e", "keep editing"), Choice("read", "r", "read it again"))
        self.app.push_screen(ChoiceDialog(self._glyphs, "Not saved", question, choices), answered)

    def action_reload(self) -> None:
        """Read the file again; ctrl+z brings back what was here."""
        self._read_again()

    def action_find(self) -> None:
        """Ask for a setting and go to it."""

        def answered(entry: Entry | None) -> None:
            if entry is not None:
                self._did(self._keys.go_to(tuple(entry.title.split("."))))

        settings = self._now().settings
        entries = [
            Entry(
                ".".join(place),
                shown_value(place, value_of(settings, place)),
                about=description_of(info.type),
            )
            for place, info in every_setting().items()
        ]
        self.app.push_screen(PaletteDialog(self._glyphs, entries, "a setting, or what it does"), answered)

    def _did(self, said: Span) -> None:
        """Show what a key has done."""
        self._warned = False
        self._hold(said)
        self._judge()

    def action_problem(self) -> None:
        """Go to the next line that has a problem."""
        rows = sorted({problem.line - 1 for problem in self.problems if problem.line})
        if not rows:
            self._say("There is no problem.")
            return
        here = self._text.cursor_location[0]
        self._text.move_cursor((next((row for row in rows if row > here), rows[0]), 0), center=True)

    def action_leave(self) -> None:
        """Leave; ask if something is not saved."""
        if not self.unsaved:
            self.dismiss(None)
            return

        def answered(answer: str | None) -> None:
            if answer == "drop" or (answer == "save" and self._save()):
                self.dismiss(None)

        choices = (
            Choice("stay", "e", "keep editing"),
            Choice("save", "s", "save"),
            Choice("drop", "d", "drop the changes"),
        )
        question = "The changes are not saved."
        if self._errors:
            question += (
                f" Saved as they are, none of them counts until this is put right: {self._first_error}."
            )
        self.app.push_screen(ChoiceDialog(self._glyphs, "Leave the settings", question, choices), answered)
