"""A double of the engine for tests of screens: views are set by hand, commands are written down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any

from msgspec.structs import replace
from pulltui.engine.errors import BadNameError, NotFoundError
from pulltui.engine.order import moved, put_before
from pulltui.engine.views import EngineView, Event, ModelInfo, PartialView, PullState
from pulltui_config import Settings


class FakeService:
    """Keeps to `EngineApi`. Commands end at once, unless `hold` is set: then `release` ends them."""

    def __init__(self, view: EngineView | None = None) -> None:
        self.view = view or EngineView()
        self.log: list[Event] = []
        self.calls: list[tuple[Any, ...]] = []
        self.watched: list[str] = []
        self.before: list[EngineView] = []
        """Views that `undo` brings back, the newest last."""
        self.models: dict[str, ModelInfo | Exception] = {}
        """What the registry says of names, as they are typed; others it does not know."""
        self.names: tuple[str, ...] = ()
        """Names that were pulled before."""
        self.failure: BaseException | None = None
        """What the engine's thread has ended by."""
        self.error: Exception | None = None
        """What commands fail with from now on."""
        self.hold = False
        self.held: list[Future[Any]] = []
        self.polled = threading.Event()
        """Set when somebody has looked for events."""
        self.stop_requested = threading.Event()
        self.may_stop = threading.Event()
        """`stop` waits for this."""
        self.may_stop.set()

    def wait(self, rev: int, timeout: float) -> None:
        if self.view.rev <= rev:
            time.sleep(timeout)

    def events(self, after: int) -> list[Event]:
        self.polled.set()
        return [event for event in self.log if event.seq > after]

    def check_name(self, text: str) -> str:
        if " " in text or text.startswith("-"):
            raise BadNameError(f"{text!r} is not a name", "names look like llama3.2:3b")
        return text if ":" in text else f"{text}:latest"

    def inspect(self, name: str, *, insecure: bool = False) -> Future[ModelInfo]:
        found = self.models.get(name, NotFoundError(f"the registry has no {name} (404)", "Check the name."))
        self.calls.append(("inspect", name))
        future: Future[ModelInfo] = Future()
        if isinstance(found, Exception):
            future.set_exception(found)
        else:
            future.set_result(found)
        return future

    def recent(self) -> Future[tuple[str, ...]]:
        future: Future[tuple[str, ...]] = Future()
        future.set_result(self.names)
        return future

    def add(self, name: str, *, insecure: bool = False) -> Future[str]:
        return self._answer(("add", name), "new")

    def pause(self, pulls: Collection[str]) -> Future[None]:
        return self._answer(("pause", *pulls), None)

    def resume(self, pulls: Collection[str]) -> Future[None]:
        return self._answer(("resume", *pulls), None)

    def retry(self, pulls: Collection[str]) -> Future[None]:
        return self._answer(("retry", *pulls), None)

    def remove(self, pulls: Collection[str], *, delete: bool = False) -> Future[None]:
        return self._answer(("delete" if delete else "remove", *pulls), None)

    def move(self, pulls: Collection[str], by: int) -> Future[None]:
        """The order of the view changes as the engine would change it."""
        ids = [pull.id for pull in self.view.pulls]
        self._arrange(moved(ids, set(pulls), by), f"moving {', '.join(pulls)}")
        return self._answer(("move", by, *pulls), None)

    def start_next(self, pulls: Collection[str]) -> Future[None]:
        ids = [pull.id for pull in self.view.pulls]
        queued = {pull.id for pull in self.view.pulls if pull.state is PullState.QUEUED}
        self._arrange(put_before(ids, set(pulls), queued), f"moving {', '.join(pulls)}")
        return self._answer(("start_next", *pulls), None)

    def undo(self) -> Future[str]:
        words = self.view.undo
        if self.before:
            self.view = self.before.pop()
        return self._answer(("undo",), words)

    def set_limit(self, rate: float | None, pulls: Collection[str] | None = None) -> Future[None]:
        if pulls is None:
            self.view = replace(self.view, limit=rate, limit_why="set by hand" if rate else "")
        else:
            limited = [replace(each, limit=rate) if each.id in pulls else each for each in self.view.pulls]
            self.view = replace(self.view, pulls=tuple(limited))
        return self._answer(("set_limit", rate, *(pulls or ())), None)

    def change_settings(self, settings: Settings) -> Future[None]:
        return self._answer(("change_settings", settings), None)

    def partials(self) -> Future[tuple[PartialView, ...]]:
        return self._answer(("partials",), self.view.adoptable)

    def adopt(self, digests: Collection[str]) -> Future[tuple[PartialView, ...]]:
        chosen = tuple(each for each in self.view.adoptable if each.digest in digests)
        left = tuple(each for each in self.view.adoptable if each.digest not in digests)
        self.view = replace(self.view, adoptable=left)
        return self._answer(("adopt", *digests), tuple(replace(each, owner="pulltui") for each in chosen))

    def _arrange(self, order: list[str], words: str) -> None:
        self.before.append(self.view)
        pulls = {pull.id: pull for pull in self.view.pulls}
        self.view = replace(self.view, pulls=tuple(pulls[each] for each in order), undo=words)

    def watch(self, digests: Collection[str]) -> None:
        self.watched = list(digests)

    def request_stop(self) -> None:
        self.calls.append(("request_stop",))
        self.stop_requested.set()

    def stop(self, timeout: float = 10.0) -> bool:
        self.stop_requested.set()
        saved = self.may_stop.wait(timeout)
        self.calls.append(("stop", saved))
        return saved

    def release(self) -> None:
        """End all held commands."""
        held, self.held = self.held, []
        for future in held:
            future.set_result(None)

    def change(self, change: Callable[[EngineView], EngineView]) -> None:
        """Publish a new view made from the present one."""
        self.view = change(self.view)

    def _answer(self, call: tuple[Any, ...], result: Any) -> Future[Any]:
        self.calls.append(call)
        future: Future[Any] = Future()
        if self.error is not None:
            future.set_exception(self.error)
        elif self.hold:
            self.held.append(future)
        else:
            future.set_result(result)
        return future
