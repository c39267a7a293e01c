"""The one door to the engine: what screens, the headless command and tests may call.

`pulltui.engine.service.Service` is the real one; tests of screens use a double that keeps to this protocol.
Every command returns at once with a `concurrent.futures.Future` that ends when the engine has acted on it.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future
from typing import Protocol

from pulltui.engine.views import EngineView, Event


class EngineApi(Protocol):
    """Commands go in, views and events come out; nothing else is shared."""

    @property
    def view(self) -> EngineView:
        """The newest view; reading it costs one attribute load."""

    @property
    def failure(self) -> BaseException | None:
        """What ended the engine unexpectedly, and made its last view untrue; None while all is well."""

    def events(self, after: int) -> list[Event]:
        """Return all events with `seq > after`, oldest first (the last 2,000 are kept)."""

    def check_name(self, text: str) -> str:
        """Return the name as it would be pulled (shortest form); raise BadNameError.

        Runs in the caller's thread.
        """

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

    def watch(self, digests: Collection[str]) -> None:
        """Say which blobs somebody looks at: these get `active` and `map` in the views."""

    def request_stop(self) -> None:
        """Ask the engine to save everything and end; returns at once, callable from a signal handler."""

    def stop(self, timeout: float = 10.0) -> bool:
        """Like `request_stop`, then wait; True when everything was saved and the thread has ended."""
