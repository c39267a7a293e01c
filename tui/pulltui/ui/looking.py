"""The actions that change what is seen, and those that open something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulltui.engine.api import EngineApi
from pulltui.engine.views import PartialView, PullView
from pulltui.ui import themes
from pulltui.ui.keymap import GROUPS
from pulltui.ui.ordering import SortBy
from pulltui.ui.screens.add import AddDialog
from pulltui.ui.screens.adopt import AdoptDialog
from pulltui.ui.screens.log import LogScreen
from pulltui.ui.screens.palette import Entry, PaletteDialog
from pulltui.ui.tab import Tab

if TYPE_CHECKING:
    from pulltui.ui.screens.main import MainScreen


class Looking:
    """What the main screen can show."""

    def __init__(self, service: EngineApi, screen: MainScreen) -> None:
        self._service, self._screen = service, screen

    def add(self, text: str = "") -> None:
        """Ask for names to add; `text` is there already."""
        dialog = AddDialog(self._screen.glyphs, self._service, text)
        self._screen.ask(dialog, lambda names: self._screen.commands.add(names or ()))

    def choose_tab(self, tab: Tab) -> None:
        """List other pulls."""
        self._screen.lens.tab = tab
        self._screen.show_pulls()

    def sort(self) -> None:
        """Sort by the next column."""
        self._screen.lens.order = self._screen.lens.order.next()
        self._screen.show_pulls()

    def sort_by(self, by: SortBy) -> None:
        """Sort by a column."""
        self._screen.lens.sort_by(by)
        self._screen.show_pulls()

    def sort_reverse(self) -> None:
        """Turn the order round."""
        self._screen.lens.order = self._screen.lens.order.turned()
        self._screen.show_pulls()

    def mark(self) -> None:
        """Mark the pull under the cursor, or not any more, and go on to the next."""
        row = self._screen.pulls.row
        if row is None:
            self._screen.say_nothing_is_here()
            return
        self._screen.lens.marks.toggle(row.pull.id)
        self._screen.show_pulls()
        self._screen.pulls.next_pull()

    def mark_all(self) -> None:
        """Mark all pulls that are listed, or none of them."""
        self._screen.lens.marks.toggle_all(pull.id for pull in self._screen.shown)
        self._screen.show_pulls()

    def log(self) -> None:
        """Show what happened to all pulls."""
        self._screen.app.push_screen(LogScreen(self._screen.glyphs, self._screen.diary, self._screen.keymap))

    def adopt(self) -> None:
        """Look what Ollama has begun, and offer to take it over."""

        def chosen(digests: tuple[str, ...] | None) -> None:
            if digests:
                self._screen.send("adopt", lambda: self._service.adopt(digests), self._adopted)

        def looked(partials: Sequence[PartialView]) -> None:
            theirs = [partial for partial in partials if partial.owner == "ollama"]
            if theirs:
                self._screen.ask(AdoptDialog(self._screen.glyphs, theirs), chosen)
            else:
                self._screen.say("Ollama has left nothing unfinished here")

        self._screen.send("looking for downloads of Ollama", self._service.partials, looked)

    def _adopted(self, partials: Sequence[PartialView]) -> None:
        taken = sum(partial.owner == "pulltui" for partial in partials)
        refused = [partial.why for partial in partials if partial.why]
        said = [f"took over {taken} of {len(partials)}", *refused[:1]]
        self._screen.say(": ".join(said), failed=not taken)

    def copy(self) -> None:
        """Copy the digest of the blob beneath the list."""
        if (found := self._screen.blob()) is not None:
            self._copy(found[1].digest)

    def copy_url(self) -> None:
        """Copy the registry's address of the blob beneath the list."""
        if (found := self._screen.blob()) is not None:
            self._copy(blob_url(found[0], found[1].digest))

    def copy_path(self) -> None:
        """Copy where the blob beneath the list is once its pull is done."""
        if (found := self._screen.blob()) is not None:
            name = found[1].digest.replace(":", "-")
            self._copy(f"{self._screen.view.models_dir}/blobs/{name}")

    def _copy(self, text: str) -> None:
        self._screen.post_message(self._screen.Copied(text))

    def palette(self) -> None:
        """Offer every action, every pull and every theme by name."""
        keys = self._screen.key_names()
        entries = [
            Entry(action.tooltip, keys.get(action.id, ""), action=action.id)
            for actions in GROUPS.values()
            for action in actions
            if action.id != "palette"
        ]
        entries += [Entry(pull.name, pull.state.value, pull=pull.id) for pull in self._screen.view.pulls]
        entries += [Entry(f"theme {name}", "until you quit", theme=name) for name in themes.names()]
        self._screen.ask(PaletteDialog(self._screen.glyphs, entries), self._found)

    def _found(self, entry: Entry | None) -> None:
        if entry is None:
            return
        if entry.action:
            self._screen.call_later(self._screen.action_do, entry.action)
        elif entry.pull:
            self._screen.go_to(entry.pull)
        else:
            self._screen.app.theme = entry.theme
            self._screen.say(f'to keep it, write theme = "{entry.theme}" under [ui] in the settings')


def blob_url(pull: PullView, digest: str) -> str:
    """Return the registry's own address of a blob (OCI distribution spec 1.1, "pulling blobs")."""
    path, colon, tag = pull.name.rpartition(":")
    repository = (path if colon and "/" not in tag else pull.name).removeprefix(f"{pull.host}/")
    if "/" not in repository:
        repository = f"library/{repository}"  # what Ollama leaves out of names
    scheme = "http" if pull.insecure else "https"
    return f"{scheme}://{pull.host}/v2/{repository}/blobs/{digest}"
