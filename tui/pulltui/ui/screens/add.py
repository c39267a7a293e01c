"""The dialog that asks for names of models, and says what adding them would mean before it is done."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from typing import ClassVar, NamedTuple

from pulltui_config.units import format_size
from textual import events, on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from pulltui.engine.api import EngineApi
from pulltui.engine.clean import safe, safe_name
from pulltui.engine.errors import (
    InsecureError,
    ManifestError,
    NotFoundError,
    PullError,
    RefusedError,
    ResponseError,
    TrustError,
)
from pulltui.engine.views import ModelInfo, PullState
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, fit, join_fitting, wrap
from pulltui.ui.screens.dialog import Dialog
from pulltui.ui.widgets.line_view import LineView

PAUSE = 0.4
"""Seconds without a key before the registry is asked: nobody wants a request for every letter."""
MOST = 6
"""Names that are told about one by one."""
_LONGEST = 4_000
"""Characters, for a pasted list of names."""
_COMMAND = re.compile(r"\bollama\s+(?:run|pull)\s+")
"""Model pages have the command to copy; what follows it is the name."""
_AGAINST = (InsecureError, ManifestError, NotFoundError, RefusedError, TrustError, ResponseError)
"""What says that a pull of this name would fail; other troubles pass, and pulls wait for that."""
_WRONG = "Nothing is added while a name is wrong"


class NameInput(Input):
    """An input that takes all lines of what is pasted."""

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.insert_text_at_cursor(" ".join(names_in(event.text)))


def names_in(text: str) -> list[str]:
    """Return the names in what was typed or pasted, once each; between them are spaces, commas, new lines."""
    words = _COMMAND.sub(" ", safe(text, _LONGEST)).replace(",", " ").split()
    return list(dict.fromkeys(words))


class Verdict(NamedTuple):
    """What is known about one name."""

    name: str
    """As it would be pulled; as typed if it is none."""
    problem: PullError | None = None
    good: bool = True
    """Whether it can be added."""
    queued: bool = False
    info: ModelInfo | None = None


class AddDialog(Dialog[tuple[str, ...]]):
    """Answers with the names as they were typed; None if it was cancelled.

    Each is checked as it is typed; after a pause the registry is asked for its size and the space it needs.
    `text` is what the input holds at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "recent(1)", "Older name", id="add.older", show=False, tooltip="An older name"),
        Binding("up", "recent(-1)", "Newer name", id="add.newer", show=False, tooltip="A newer name"),
    ]
    DEFAULT_CSS = """
    AddDialog {
        Input, Input:focus { border: none; height: 1; padding: 0; background: $surface-lighten-1; }
        Input:nocolor > .input--cursor { text-style: reverse; }
        #verdict { min-height: 4; }
        &.-whole #verdict { min-height: 1; }
    }
    """

    def __init__(self, glyphs: Glyphs, service: EngineApi, text: str = "") -> None:
        super().__init__(glyphs, "Add models", "enter adds, esc cancels")
        self._service = service
        self._start = " ".join(names_in(text))
        self._recent: tuple[str, ...] = ()
        self._chosen = -1
        """Which of the recent names was chosen by key."""
        self._typed = ""
        """What stood there before that."""
        self._written = ""
        """What stands there since."""
        self._found: dict[str, ModelInfo | PullError] = {}
        self._names: list[str] = []
        self._verdict = LineView(id="verdict")
        self._recents = LineView(id="recents")

    def contents(self) -> list[Widget]:
        """Return the input, what there is to say about its text, and names of before."""
        name = NameInput(self._start, max_length=_LONGEST, select_on_focus=False, id="name")
        return [name, self._verdict, self._recents]

    def on_mount(self) -> None:
        """Keys go to the input."""
        self.query_one(Input).focus()
        self.run_worker(self._look_back(), group="recent", exit_on_error=False)

    def fill(self) -> None:
        """Write what is known."""
        examples = "llama3.2:3b or hf.co/owner/model:Q4_K_M, or several"
        few = "llama3.2:3b, or several names"
        self.query_one(Input).placeholder = examples if len(examples) < self.room else few
        self._judge()
        shown = [
            (n, Span(name, "key" if n == self._chosen else "text", name))
            for n, name in enumerate(self._recent)
        ]
        found = join_fitting(shown, self.room - 18, "  ")
        lines = [Line((Span("recent (up, down) ", "dim"), *found))] if found else []
        self.put(self._recents, lines)

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        if self._typed_on():
            self.fill()
        names = self._once(names_in(event.value))
        if names != self._names:
            self._names = names
            self._judge()
            self._start_look_up()

    @on(Input.Submitted)
    def _on_submitted(self) -> None:
        verdicts = self._judge()
        if verdicts and all(verdict.good for verdict in verdicts):
            self.dismiss(tuple(self._names))
            return
        wrong = {typed for typed, verdict in zip(self._names, verdicts, strict=True) if not verdict.good}
        if again := wrong & self._found.keys():
            self._start_look_up(again)

    @on(LineView.Pressed)
    def _on_pressed(self, event: LineView.Pressed) -> None:
        event.stop()
        self._typed_on()
        self._choose(self._recent.index(event.action))

    def action_recent(self, by: int) -> None:
        """Put the next of the names of before into the input; before the first stands what was typed."""
        if self._recent:
            self._typed_on()
            self._choose((self._chosen + 1 + by) % (len(self._recent) + 1) - 1)

    def _typed_on(self) -> bool:
        """Forget which name was chosen if the text was changed since: it is what was typed, then."""
        changed = self._chosen >= 0 and self.query_one(Input).value != self._written
        if changed:
            self._chosen = -1
        return changed

    def _choose(self, number: int) -> None:
        box = self.query_one(Input)
        if self._chosen < 0:
            self._typed = box.value
        self._chosen = number
        self._written = f"{self._typed} {self._recent[number]}".strip() if number >= 0 else self._typed
        box.value = self._written
        box.cursor_position = len(box.value)
        self.fill()

    def _once(self, typed: Sequence[str]) -> list[str]:
        """Return the names without those that mean the same model as one before them."""
        found: dict[str, str] = {}
        for each in typed:
            try:
                found.setdefault(self._service.check_name(each), each)
            except PullError:
                found.setdefault(each, each)
        return list(found.values())

    async def _look_back(self) -> None:
        """Show the names of before."""
        self._recent = await asyncio.wrap_future(self._service.recent())
        self.fill()

    def _start_look_up(self, again: Collection[str] = ()) -> None:
        look_up = self._look_up(self._names, again)
        self.run_worker(look_up, group="look-up", exclusive=True, exit_on_error=False)

    async def _look_up(self, names: Sequence[str], again: Collection[str]) -> None:
        """Ask what these names mean, after a pause; the next key ends it. `again`: whatever was found."""
        await asyncio.sleep(PAUSE)
        for verdict, typed in zip(self._verdicts(names), names, strict=True):
            new = verdict.good and not verdict.queued and typed not in self._found
            if new or typed in again:
                self._found[typed] = await self._ask(typed)
                self._judge()

    async def _ask(self, name: str) -> ModelInfo | PullError:
        try:
            return await asyncio.wrap_future(self._service.inspect(name))
        except PullError as error:
            return error
        # Whatever it is, an answer must not seem to be on its way for ever; the name can still be added.
        except Exception as error:
            return PullError(f"it could not be looked up: {safe(str(error)) or type(error).__name__}")

    def _verdicts(self, names: Sequence[str]) -> list[Verdict]:
        queued = {pull.name for pull in self._service.view.pulls if pull.state is not PullState.DONE}
        verdicts = []
        for typed in names:
            try:
                name = self._service.check_name(typed)
            except PullError as error:
                verdicts.append(Verdict(safe_name(typed), error, good=False))
                continue
            found = self._found.get(typed)
            problem = found if isinstance(found, PullError) else None
            info = found if isinstance(found, ModelInfo) else None
            good = not isinstance(problem, _AGAINST)
            verdicts.append(Verdict(name, problem, good, queued=name in queued, info=info))
        return verdicts

    def _judge(self) -> list[Verdict]:
        """Show what the names would do and return what is known about them."""
        verdicts = self._verdicts(self._names)
        view = self._service.view
        lines = verdict_lines(verdicts, self.room, self._glyphs)
        if wrong := [typed for typed, each in zip(self._names, verdicts, strict=True) if not each.good]:
            asked = any(typed in self._found for typed in wrong)
            text = f"{_WRONG}; enter asks again." if asked else f"{_WRONG}."
            lines += [Line((Span(part, "dim"),)) for part in wrap(text, self.room, 2, self._glyphs.more)]
        free = f", {format_size(view.free)} free" if view.free is not None else ""
        if needs := space_words(verdicts, view.free):
            lines.append(Line((Span(needs, "text"),)))
        goes = fit(
            f"into {view.models_dir}{free if not needs else ''}", self.room, self._glyphs.more, middle=True
        )
        self.put(self._verdict, [*lines, Line((Span(goes.rstrip(), "dim"),))])
        return verdicts


def verdict_lines(verdicts: Sequence[Verdict], width: int, glyphs: Glyphs) -> list[Line]:
    """Return what is known about each name: that it is none and why, or what it would pull."""
    lines: list[Line] = []
    # One bad name among many has to be seen: it keeps the others from being added.
    for verdict in sorted(verdicts, key=lambda verdict: verdict.good)[:MOST]:
        if verdict.problem is not None:
            why = f"{verdict.problem}. {verdict.problem.hint}".strip()
            text = why if verdict.name in why else f"{verdict.name}: {why}"
            # That there was no answer says nothing against the name.
            role, state = ("wait", PullState.WAITING) if verdict.good else ("bad", PullState.FAILED)
            for number, part in enumerate(wrap(text, width - 2, 3, glyphs.more)):
                lines.append(Line((Span(f"{' ' if number else glyphs.pull[state]} {part}", role),)))
            continue
        told = _told(verdict)
        name = fit(verdict.name, max(8, width - len(told) - 4), glyphs.more, middle=True).rstrip()
        known = verdict.queued or verdict.info is not None
        state, role = (PullState.DONE, "done") if known else (PullState.RESOLVING, "active")
        mark = Span(f"{glyphs.pull[state]} ", role)
        lines.append(Line((mark, Span(name, "strong"), Span(f"  {told}", "dim"))))
        if verdict.info is not None and verdict.info.why:
            parts = wrap(verdict.info.why, width - 2, 2, glyphs.more)
            lines += [Line((Span(f"  {part}", "wait"),)) for part in parts]
    if len(verdicts) > MOST:
        lines.append(Line((Span(f"  and {len(verdicts) - MOST} more", "dim"),)))
    return lines


def _told(verdict: Verdict) -> str:
    if verdict.queued:
        return "is in the queue already"
    if verdict.info is None:
        return "asking how large it is"
    here = f", {format_size(verdict.info.here)} here already" if verdict.info.here else ""
    return format_size(verdict.info.size) + here


def space_words(verdicts: Sequence[Verdict], free: int | None) -> str:
    """Return how much space all of it needs; "" as long as nothing is known.

    What several models have in common is fetched once, but what that is is not known here: "at most".
    """
    infos = [verdict.info for verdict in verdicts if verdict.info is not None]
    if not infos:
        return ""
    of = f" of {format_size(free)} free" if free is not None else ""
    unknown = sum(verdict.info is None and verdict.good and not verdict.queued for verdict in verdicts)
    more = f", {unknown} of unknown size" if unknown else ""
    most = "at most " if sum(info.needed > 0 for info in infos) > 1 else ""
    return f"needs {most}{format_size(sum(info.needed for info in infos))}{of}{more}"
