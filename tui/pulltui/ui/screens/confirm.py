"""Dialogs that ask before something is done that cannot be had back for nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from pulltui_config.units import format_size
from textual.widgets import Button

from pulltui.engine.views import BlobState, EngineView, PullState, PullView
from pulltui.ui.draw.detail import Sentence
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, wrap
from pulltui.ui.screens.choice import QuestionDialog
from pulltui.ui.words import counted

LOOK = 0.25
"""Seconds between two looks at how far the pulls are."""
NAMES = 6
"""Pulls that are named; of more, only the number is told."""
_MOST = 6
"""Lines for one sentence."""


class RemoveDialog(QuestionDialog[bool]):
    """Asks whether these pulls may go; `delete` says that what was fetched and is not done goes with them.

    The pulls go on meanwhile, so it looks at `view` again and again: what it says stays true.
    """

    def __init__(
        self, glyphs: Glyphs, view: Callable[[], EngineView], ids: Collection[str], *, delete: bool
    ) -> None:
        def said(width: int) -> list[Line]:
            now = view()
            return [
                Line((Span(text, sentence.role),))
                for sentence in removal_words(now, self._chosen(now), delete=delete)
                for text in wrap(sentence.text, width, _MOST, glyphs.more)
            ]

        self._view, self._ids, self._delete = view, ids, delete
        title, yes = _question(self._chosen(view()), delete=delete)
        super().__init__(glyphs, title, said, yes=yes, no="Cancel", answer=True)

    def on_mount(self) -> None:
        """Keep what is said true."""
        super().on_mount()
        self.set_interval(LOOK, self.fill)

    def fill(self) -> None:
        """Ask for what would happen by now: what is done meanwhile is not deleted."""
        super().fill()
        if chosen := self._chosen(self._view()):
            title, yes = _question(chosen, delete=self._delete)
            if title != self._title:
                self._title = title
                self.head()
                button = self.query_one("#yes", Button)
                button.label = f"y {yes}"
                button.refresh(layout=True)

    def _chosen(self, view: EngineView) -> list[PullView]:
        return [pull for pull in view.pulls if pull.id in self._ids]


def _question(chosen: Sequence[PullView], *, delete: bool) -> tuple[str, str]:
    """Return what is asked about these pulls, and the answer yes."""
    what = chosen[0].name if len(chosen) == 1 else counted(len(chosen), "pull")
    if delete and any(pull.state is not PullState.DONE for pull in chosen):
        return f"Delete {what}?", "Delete"
    return f"Remove {what} from the list?", "Remove from the list"


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
    if not chosen:
        yield Sentence("No such pull is in the queue any more.")
        return
    if delete and found.own:
        yield Sentence(f"{format_size(found.own)} that were fetched are deleted.", "bad")
    elif found.own:
        yield Sentence(
            f"{format_size(found.own)} that were fetched stay on disk: adding it again goes on there."
        )
    elif not found.shared and any(pull.state is not PullState.DONE for pull in chosen):
        yield Sentence("Nothing was fetched yet.")
    if found.shared:
        blobs = counted(found.blobs, "blob") + (" is" if found.blobs == 1 else " are")
        others = ", ".join(found.needed_by[:NAMES])
        verb, them = "needs" if len(found.needed_by) == 1 else "need", "it" if found.blobs == 1 else "them"
        yield Sentence(f"{blobs} kept ({format_size(found.shared)}): {others} {verb} {them}, too.")
    if done := sum(pull.state is PullState.DONE for pull in chosen):
        stay = "model that is done stays" if done == 1 else "models that are done stay"
        yield Sentence(f"{done} {stay} installed.", "dim" if done < len(chosen) else "text")
