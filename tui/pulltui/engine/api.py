"""The one door to the engine: what screens, the headless command and tests may call.

`pulltui.engine.service.Service` is the real one; tests of screens use a double that keeps to this protocol.
Every command returns at once with a `concurrent.futures.Future` that ends when the engine has acted on it. It
may be given before the engine is up (`EngineView.starting`), and is carried out then.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future
from typing import Protocol

from pulltui_config import Settings

from pulltui.engine.views import EngineView, Event, ModelInfo, PartialView


class EngineApi(Protocol):
    """Commands go in, views and events come out; nothing else is shared."""

    @property
    def view(self) -> EngineView:
        """The newest view; reading it costs one attribute load."""

    @property
    def failure(self) -> BaseException | None:
        """What ended the engine unexpectedly, and made its last view untrue, or kept it from coming up.

        None while all is well.
        """

    def wait(self, rev: int, timeout: float) -> None:
        """Return when there is a view newer than `rev`, or after `timeout` seconds."""

    def events(self, after: int) -> list[Event]:
        """Return all events with `seq > after`, oldest first (the last 2,000 are kept)."""

    def check_name(self, text: str) -> str:
        """Return the name as it would be pulled (shortest form); raise BadNameError.

        Runs in the caller's thread.
        """

    def inspect(self, name: str, *, insecure: bool = False) -> Future[ModelInfo]:
        """Look a name up without queueing it: its size, what is here of it, and whether the rest fits.

        The future has a PullError if the name, the registry or the disk is to blame. Cancel it when nobody
        wants to know any more.
        """

    def recent(self) -> Future[tuple[str, ...]]:
        """Return the names that were pulled before, the newest first, each once."""

    def add(self, name: str, *, insecure: bool = False) -> Future[str]:
        """Queue a name and return the pull's id (the existing one if it is queued already).

        Raises BadNameError (through the future). A failed or paused pull of that name is resumed.
        """

    def pause(self, pulls: Collection[str]) -> Future[None]:
        """Pause these pulls; ends when what was received is written and recorded durably."""

    def resume(self, pulls: Collection[str]) -> Future[None]:
        """Go on with paused or failed pulls."""

    def retry(self, pulls: Collection[str]) -> Future[None]:
        """Skip every countdown of these pulls, refill their budgets, start failed ones again."""

    def remove(self, pulls: Collection[str], *, delete: bool = False) -> Future[None]:
        """Take pulls off the list; `delete` also deletes partials that no other pull wants."""

    def move(self, pulls: Collection[str], by: int) -> Future[None]:
        """Move pulls `by` places down in the queue (negative: up), as a block, in their order.

        They stop at either end; a huge number means that end.
        """

    def start_next(self, pulls: Collection[str]) -> Future[None]:
        """Put pulls at the head of those that wait for their turn."""

    def undo(self) -> Future[str]:
        """Take back the newest removal or move; the future has what was taken back, in words.

        A removed pull is in its old place again; what was deleted of its partials is fetched anew.
        Empty if there is nothing to take back (`EngineView.undo` says what there is).
        """

    def set_limit(self, rate: float | None, pulls: Collection[str] | None = None) -> Future[None]:
        """Cap the speed, in bytes a second, of these pulls each, or of everything together (`pulls` None).

        None lifts the cap; for everything that means: as `transfer.bandwidth` has it. A pull's own cap is
        kept with the queue, the cap of everything lasts until the engine ends or the setting changes.
        """

    def change_settings(self, settings: Settings) -> Future[None]:
        """Work with other settings from now on.

        What cannot change under way (`pulltui_config` says which keys) counts from the next start.
        """

    def partials(self) -> Future[tuple[PartialView, ...]]:
        """Look which unfinished blobs there are in the models directory, ours and Ollama's."""

    def adopt(self, digests: Collection[str]) -> Future[tuple[PartialView, ...]]:
        """Take over Ollama's partials of these blobs; returns them as they are then, `why` says why not."""

    def watch(self, digests: Collection[str]) -> None:
        """Say which blobs somebody looks at: these get `active` and `map` in the views."""

    def request_stop(self) -> None:
        """Ask the engine to save everything and end; returns at once, callable from a signal handler."""

    def stop(self, timeout: float = 10.0) -> bool:
        """Like `request_stop`, then wait; True when everything was saved and the thread has ended."""
