"""Dialogs that ask before something is done that cannot be had back for nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import ClassVar, NamedTuple

from pulltui_config.units import format_size
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button

from pulltui.engine.views import BlobState, EngineView, PullState, PullView
from pulltui.ui.draw.detail import Sentence
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, wrap
from pulltui.ui.screens.dialog import Answer, Dialog
from pulltui.ui.widgets.line_view import LineView
from pulltui.ui.words import counted

NAMES = 6
"""Pulls that are named; of more, only the number is told."""
_MOST = 6
"""Lines for one sentence."""


class QuestionDialog(Dialog[Answer]):
    """Says what would happen and answers with `answer` for yes, None for no; the focus is on no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Yes", id="question.yes", show=False, tooltip="Do it"),
        Binding("n", "close", "No", id="question.no", show=False, tooltip="Leave it"),
        Binding(
            "left,h",
            "app.focus_previous",
            "Previous",
            id="question.previous",
            show=False,
            tooltip="The button before",
        ),
        Binding(
            "right,l",
            "app.focus_next",
            "Next",
            id="question.next",
            show=False,
            tooltip="The next button",
        ),
        Binding("up,k", "scroll(-1)", "Up", id="question.up", show=False, tooltip="A line up"),
        Binding("down,j", "scroll(1)", "Down", id="question.down", show=False, tooltip="A line down"),
    ]
    DEFAULT_CSS = """
    QuestionDialog {
        #buttons { dock: bottom; height: 1; }
        #said { margin: 0 0 1 0; }
        Button { margin: 0 2 0 0; min-width: 0; }
        Button:focus { text-style: reverse bold; }
    }
    """

    def __init__(
        self,
        glyphs: Glyphs,
        title: str,
        said: Callable[[int], list[Line]],
        *,
        yes: str,
        no: str,
        answer: Answer | None,
    ) -> None:
        """`said` returns what is said, for a width in cells; with None for `answer` there is no yes."""
        super().__init__(glyphs, title, "y yes, n no, esc cancels" if answer is not None else "esc closes")
        self._said, self._yes, self._no, self._answer = said, yes, no, answer
        self._text = LineView(id="said")

    def contents(self) -> list[Widget]:
        """Return what is said and the buttons."""
        buttons = [Button(self._no, id="no", compact=True)]
        if self._answer is not None:
            buttons.append(Button(self._yes, id="yes", compact=True, variant="error"))
        return [self._text, Horizontal(*buttons, id="buttons")]

    def fill(self) -> None:
        """Write what is said."""
        self.put(self._text, self._said(self.room))

    def on_mount(self) -> None:
        """Let enter do no harm."""
        self.query_one("#no", Button).focus()

    @on(Button.Pressed)
    def _on_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(self._answer if event.button.id == "yes" else None)

    def action_scroll(self, by: int) -> None:
        """Scroll by lines."""
        self.query_one("#frame").scroll_relative(y=by, animate=False)

    def action_yes(self) -> None:
        """Answer."""
        self.dismiss(self._answer)


class ConfirmDialog(QuestionDialog[bool]):
    """Says some sentences and answers with True for yes."""

    def __init__(self, glyphs: Glyphs, title: str, sentences: Sequence[Sentence], *, yes: str) -> None:
        def said(width: int) -> list[Line]:
            return [
                Line((Span(text, sentence.role),))
                for sentence in sentences
                for text in wrap(sentence.text, width, _MOST, glyphs.more)
            ]

        super().__init__(glyphs, title, said, yes=yes, no="Cancel", answer=True)


class RemoveDialog(ConfirmDialog):
    """Asks whether these pulls may go; `delete` says that what was fetched goes with them."""

    def __init__(self, glyphs: Glyphs, view: EngineView, ids: Collection[str], *, delete: bool) -> None:
        chosen = [pull for pull in view.pulls if pull.id in ids]
        what = chosen[0].name if len(chosen) == 1 else counted(len(chosen), "pull")
        verb = "Delete" if delete else "Remove"
        said = list(removal_words(view, chosen, delete=delete))
        super().__init__(glyphs, f"{verb} {what}?", said, yes=verb)


class Leftovers(NamedTuple):
    """Bytes on disk of pulls that are to go."""

    own: int
    """Those that nothing else needs."""
    shared: int
    """Those of blobs that pulls need which stay."""
    blobs: int
    """How many such blobs there are."""
    needed_by: tuple[str, ...]
    """The names of these pulls."""


def leftovers(view: EngineView, chosen: Sequence[PullView]) -> Leftovers:
    """Return what there is on disk of these pulls that is not an installed model's; blobs count once."""
    ids = {pull.id for pull in chosen}
    stay = [pull for pull in view.pulls if pull.id not in ids]
    needed = {blob.digest for pull in stay for blob in pull.blobs}
    begun = {
        blob.digest: blob.done
        for pull in chosen
        if pull.state is not PullState.DONE
        for blob in pull.blobs
        if blob.state is not BlobState.CACHED and blob.done
    }
    shared = {digest for digest in begun if digest in needed}
    names = tuple(pull.name for pull in stay if any(blob.digest in shared for blob in pull.blobs))
    own = sum(done for digest, done in begun.items() if digest not in shared)
    return Leftovers(own, sum(begun[digest] for digest in shared), len(shared), names)


def removal_words(view: EngineView, chosen: Sequence[PullView], *, delete: bool) -> Iterator[Sentence]:
    """Return what a removal means: names, bytes, what is kept and why."""
    if len(chosen) > 1:
        names = ", ".join(pull.name for pull in chosen[:NAMES])
        more = f" and {len(chosen) - NAMES} more" if len(chosen) > NAMES else ""
        yield Sentence(f"{names}{more}", "strong")
    found = leftovers(view, chosen)
    if delete and found.own:
        yield Sentence(f"{format_size(found.own)} that were fetched are deleted.", "bad")
    elif found.own:
        yield Sentence(
            f"{format_size(found.own)} that were fetched stay on disk: adding it again goes on there."
        )
    elif not found.shared:
        yield Sentence("Nothing that was fetched is lost.")
    if found.shared:
        blobs = counted(found.blobs, "blob") + (" is" if found.blobs == 1 else " are")
        others = ", ".join(found.needed_by[:NAMES])
        verb, them = "needs" if len(found.needed_by) == 1 else "need", "it" if found.blobs == 1 else "them"
        yield Sentence(f"{blobs} kept ({format_size(found.shared)}): {others} {verb} {them}, too.")
    if done := sum(pull.state is PullState.DONE for pull in chosen):
        stay = "model that is done stays" if done == 1 else "models that are done stay"
        yield Sentence(f"{done} {stay} installed.", "dim")
