"""The app: polls the engine's view, shows it, and leaves nothing unsaved behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from pulltui_config.saving import prepare
from pulltui_config.settings import Ui
from textual.app import SuspendNotSupported
from textual.binding import Binding
from textual.filter import LineFilter
from textual.screen import ModalScreen
from textual.timer import Timer

from pulltui.bell import Bell
from pulltui.editor import NoEditorError, editor_command
from pulltui.engine.api import EngineApi
from pulltui.engine.clean import safe
from pulltui.reload import Reload
from pulltui.ui import themes
from pulltui.ui.diary import local_time
from pulltui.ui.glyphs import ASCII, Glyphs, choose
from pulltui.ui.guard import ControlGuard
from pulltui.ui.keymap import ELSEWHERE, GROUPS, IN_DIALOGS, resolve
from pulltui.ui.screens.help import HelpDialog
from pulltui.ui.screens.main import MainScreen
from pulltui.ui.screens.notices import NoticesDialog
from pulltui.ui.screens.saving import SavingDialog
from pulltui.ui.settings_file import SettingsFile
from pulltui.ui.telling import TellingApp
from pulltui.ui.terminal import GRACE, TerminalGuard
from pulltui.ui.toasts import STAY, Toaster, Told

if TYPE_CHECKING:
    from pulltui.ui.screens.settings import SettingsScreen

STOP_TIMEOUT = 10.0
"""Seconds to wait for the engine to save when the app has ended in another way than by its keys."""
SAVE_LOOK = 0.2
"""Seconds of one wait for the engine while the app says that it saves."""
END_NOW = 130
"""Exit code when the user did not wait for the saving: as after a signal."""
READING = 15.0
"""Seconds that something stays which may have to be copied by hand."""


class Ended(NamedTuple):
    """How the app ended: its exit code, and whether the engine has saved everything."""

    code: int
    saved: bool


class PulltuiApp(TellingApp):
    """The app around one engine.

    `names` are added once it is up, `notices` are shown until a key. `ui.fps` is how often a second the view
    is polled; 0 leaves polling to the caller (`poll`). `reload` brings changes of the settings, `file` is
    where they can be edited, `clock` is a monotonic clock in seconds, `now` the local time, `on_shown` is
    called when the first frame has been drawn.
    """

    TITLE = "pulltui"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Toast { padding: 0 1; margin: 0; width: auto; max-width: 100%; }
    PulltuiApp.-ascii Toast { border-left: ascii $foreground; }
    ModalScreen Toast { display: none; }
    """

    def __init__(
        self,
        service: EngineApi,
        *,
        ui: Ui,
        glyphs: Glyphs,
        names: Sequence[str] = (),
        notices: Sequence[str] = (),
        reload: Reload | None = None,
        file: SettingsFile | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = local_time,
        on_shown: Callable[[], object] = lambda: None,
    ) -> None:
        # Under NO_COLOR an app with ANSI colours leaves all colours to the terminal; others draw in grey.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        themes.register(self)
        self._use_looks(ui)
        self._service, self._ui, self._glyphs, self._names, self._clock = service, ui, glyphs, names, clock
        self._notices, self._reload, self._file, self._on_shown = notices, reload, file, on_shown
        self._keys_in_force = resolve(ui.keys)
        self._main = MainScreen(service, glyphs, self._keys_in_force, lambda: self._ui, now)
        self.set_class(glyphs is ASCII, "-ascii")
        self._toaster = Toaster()
        self._bell = Bell(os.environ)
        self._timer: Timer | None = None
        self._guard = ControlGuard()
        self._seq = 0
        self._rev: int | None = None
        self._leaving = False
        self._settings: SettingsScreen | None = None
        """The settings as they were opened last."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._code: int | None = None

    def get_line_filters(self) -> Sequence[LineFilter]:
        """As Textual's, with ours as the last."""
        return [*super().get_line_filters(), self._guard]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the colours of states, for every theme."""
        return themes.state_colors(self.current_theme)

    def _use_looks(self, ui: Ui) -> None:
        """Look as the settings say."""
        self.animation_level = "full" if ui.animations else "none"
        self.theme, problem = themes.choose(ui.theme)
        if problem and self.is_running:
            self.notify(problem, severity="warning", timeout=8)

    def get_default_screen(self) -> MainScreen:
        """Begin with the main screen."""
        return self._main

    def on_mount(self) -> None:
        """Show the first view and begin to poll."""
        self._loop = asyncio.get_running_loop()
        self.app_resume_signal.subscribe(self, self._repaint)
        if self._code is not None:
            self.exit(return_code=self._code)
            return
        self.poll()
        if self._ui.fps > 0:
            self._timer = self.set_interval(1 / self._ui.fps, self.poll)
        self._main.commands.add(self._names)
        notices = [*self._notices, *map(str, self._keys_in_force.problems), themes.choose(self._ui.theme)[1]]
        if notices := [*filter(None, notices)]:
            keys = self._keys_in_force.keys["settings"] if self._file is not None else ()
            self.push_screen(NoticesDialog(self._glyphs, notices, keys), self._noticed)

    def _noticed(self, settings: bool | None) -> None:
        if settings:
            self.action_settings()

    def on_ready(self) -> None:
        """Let the engine begin: loading it would hold up the first frame."""
        self._on_shown()

    def _repaint(self, _: object) -> None:
        """Draw everything again: a shell was on the screen meanwhile."""
        for screen in self.screen_stack:
            screen.refresh(layout=True)
            for widget in screen.walk_children():
                widget.refresh()

    def poll(self) -> None:
        """Look at the engine once: show its view if it is new, and what happened since the last time.

        An engine that has broken ends the app: a screen that stands still would be a lie.
        """
        if self._service.failure is not None and not self._leaving:
            self.exit(return_code=1)
            return
        view = self._service.view
        events = self._service.events(self._seq)
        if events:
            self._seq = events[-1].seq
        if view.rev != self._rev or events:
            self._rev = view.rev
            self._main.show_view(view, events)
        rung = self._bell.take(events, self._clock(), wanted=self._ui.bell)
        if rung and self._driver is not None:
            self._driver.write(rung)  # whole, and between two frames, as App.bell does
        busy = isinstance(self.screen, ModalScreen)
        for toast in self._toaster.take(events, self._clock(), hold=busy):
            self.tell(safe(toast.text), safe(toast.title, 100), toast.severity, STAY, toast.topic)
        if self._reload is not None:
            self._look_at_settings(self._reload)

    def _look_at_settings(self, reload: Reload) -> None:
        """Take up a change of the settings, and show what it is."""
        for text, bad in reload.poll(self._clock()):
            self.notify(text, severity="warning" if bad else "information", timeout=8)
        ui, before = reload.settings.ui, self._ui
        if ui is not before:
            self._ui = ui
            self._use_looks(ui)
            if ui.keys != before.keys:
                self._use_keys(ui)
            if self._timer is not None and ui.fps != before.fps:
                self._timer.stop()
                self._timer = self.set_interval(1 / ui.fps, self.poll)

    def _use_keys(self, ui: Ui) -> None:
        """Work with other keys; say why not if they cannot be used."""
        self._keys_in_force = resolve(ui.keys)
        self._main.use_keys(self._keys_in_force)
        if self._settings is not None:
            self._settings.use_keys(self._keys_in_force)
        for problem in self._keys_in_force.problems:
            self.notify(safe(str(problem)), severity="warning", timeout=8)

    def on_main_screen_said(self, event: MainScreen.Said) -> None:
        """Put it up."""
        self.tell(
            event.text, "", "error" if event.failed else "information", 8 if event.failed else 4, event.topic
        )

    def on_main_screen_copied(self, event: MainScreen.Copied) -> None:
        """Give it to the terminal's clipboard (OSC 52), and show it whole: many terminals refuse."""
        self.copy_to_clipboard(event.text)
        self.put_up(Told(event.text, "copied", timeout=READING, topic="copied"))

    def get_key_display(self, binding: Binding) -> str:
        """As Textual's, without arrows where there are none."""
        display = super().get_key_display(binding)
        return binding.key if self._glyphs is ASCII and not display.isascii() else display

    def action_help(self) -> None:
        """Show the help: all actions, with the keys as they are configured."""
        keys = self._keys_in_force.keys
        groups = [
            (title, [(" ".join(map(self._called, keys[one.id])), one.tooltip) for one in actions])
            for title, actions in (*GROUPS.items(), *ELSEWHERE.items())
        ]
        fixed = [(" ".join(map(self._called, each.keys)), each.what) for each in IN_DIALOGS]
        groups.append(("In dialogs (these keys stay as they are)", fixed))
        self.push_screen(HelpDialog(self._glyphs, groups, self._keys_in_force))

    def _called(self, key: str) -> str:
        return self.get_key_display(Binding(key, ""))

    def action_suspend(self) -> None:
        """Go to the shell; its `fg` comes back."""
        self.action_suspend_process()

    def action_settings(self) -> None:
        """Edit the settings here."""
        if self._file is None or self._reload is None:
            self.notify("there is no settings file here", severity="warning")
            return
        from pulltui.ui.screens.settings import SettingsScreen

        reload = self._reload
        self._settings = SettingsScreen(self._glyphs, self._file, lambda: reload.loaded, self._keys_in_force)
        self.push_screen(self._settings)

    def action_edit(self) -> None:
        """Edit the settings in the user's own editor, which has the terminal meanwhile."""
        if self._file is None:
            self.notify("there is no settings file here", severity="warning")
            return
        problem = prepare(self._file.start.locations)
        if problem is not None and not self._file.path.exists():
            self.notify(safe(str(problem)), severity="error", timeout=8)
            return
        try:
            command = [*editor_command(os.environ, shutil.which), str(self._file.path)]
            with self.suspend():
                complaint = _run(command)
        except SuspendNotSupported:
            complaint = "an editor needs a terminal of its own"
        except NoEditorError as error:
            complaint = str(error)
        self._repaint(None)
        if complaint:
            self.notify(safe(complaint), severity="warning", timeout=8)

    def action_leave(self) -> None:
        """Save and quit, with a word on the screen meanwhile; unsaved settings are asked about first."""
        settings = self._settings
        if settings is not None and settings in self.screen_stack and settings.unsaved:
            while self.screen is not settings:  # a question, or what finds settings, is over it
                self.pop_screen()
            settings.action_leave()
        elif not self._leaving:
            self._leaving = True
            self.push_screen(SavingDialog(self._glyphs, self._clock))
            self.run_worker(self._save_and_exit(), group="leave")

    async def _save_and_exit(self) -> None:
        """Exit when the engine has saved everything, however long that takes: ctrl+c is the way out."""
        while not await asyncio.to_thread(self._service.stop, SAVE_LOOK):
            if self._service.failure is not None:
                self.exit(return_code=1)
                return
        self.exit()

    def action_end_now(self) -> None:
        """End without waiting for the engine any longer."""
        self.exit(return_code=END_NOW)

    async def action_quit(self) -> None:
        """Textual's own way to quit (ctrl+q) is ours."""
        self.action_leave()

    def action_help_quit(self) -> None:
        """Textual's answer to ctrl+c when nothing is selected: quit as well."""
        self.action_leave()

    def leave_with(self, code: int) -> None:
        """End with this exit code as soon as the loop gets to it; callable from signal handlers."""
        self._code = code
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: self.exit(return_code=code))


def _run(command: Sequence[str]) -> str:
    """Run a program on the terminal; return what went wrong, "" for nothing. Raises nothing."""
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        return f"{command[0]} cannot be started: {error.strerror}; set EDITOR to an editor that is there"
    return f"{command[0]} ended with exit code {code}" if code else ""


def run_app(
    service: EngineApi,
    *,
    ui: Ui,
    names: Sequence[str] = (),
    notices: Sequence[str] = (),
    reload: Reload | None = None,
    file: SettingsFile | None = None,
    grace: float = GRACE,
    on_shown: Callable[[], object] = lambda: None,
) -> Ended:
    """Run the app on this terminal until it is left, and stop the engine.

    The exit code is 0 when the user quits, 130 when they did not wait for the saving, 130, 143, 129 after
    SIGINT, SIGTERM, SIGHUP, 1 if the app or the engine broke. That the engine could not save everything is
    said on stderr; its thread may hang then, and keep the interpreter from ending. `names`, `notices`,
    `reload`, `file` and `on_shown` are as in PulltuiApp, `grace` as in TerminalGuard.
    """
    encoding = getattr(sys.__stdout__, "encoding", None) or "ascii"
    glyphs = choose(ui.glyphs, os.environ, encoding)
    app = PulltuiApp(
        service,
        ui=ui,
        glyphs=glyphs,
        names=names,
        notices=notices,
        reload=reload,
        file=file,
        on_shown=on_shown,
    )
    guard = TerminalGuard(
        save=service.request_stop,
        leave=app.leave_with,
        wait=lambda: service.stop(STOP_TIMEOUT),
        grace=grace,
    )
    saved = False
    with guard:
        try:
            app.run()
        finally:
            saved = service.stop(0.0 if app.return_code == END_NOW and guard.code is None else STOP_TIMEOUT)
    if not saved and service.failure is None:
        sys.stderr.write(
            "pulltui: ended before the engine had recorded everything. What it had not recorded may be "
            "fetched again; the next start goes on from what is on disk.\n"
        )
    return Ended(guard.code or app.return_code or int(not saved), saved)
