"""A double of the engine for tests of screens: views are set by hand, commands are written down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any

from pulltui.engine.errors import BadNameError
from pulltui.engine.views import EngineView, Event


class FakeService:
    """Keeps to `EngineApi`. Commands end at once, unless `hold` is set: then `release` ends them."""

    def __init__(self, view: EngineView | None = None) -> None:
        self.view = view or EngineView()
        self.log: list[Event] = []
        self.calls: list[tuple[Any, ...]] = []
        self.watched: list[str] = []
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

    def events(self, after: int) -> list[Event]:
        self.polled.set()
        return [event for event in self.log if event.seq > after]

    def check_name(self, text: str) -> str:
        if " " in text or text.startswith("-"):
            raise BadNameError(f"{text!r} is not a name", "names look like llama3.2:3b")
        return text if ":" in text else f"{text}:latest"

    def add(self, name: str, *, insecure: bool = False) -> Future[str]:
        return self._answer(("add", name), "new")

    def pause(self, pulls: Collection[str]) -> Future[None]:
        return self._answer(("pause", *pulls), None)

    def resume(self, pulls: Collection[str]) -> Future[None]:
        return self._answer(("resume", *pulls), None)

    def retry(self, pulls: Collection[str]) -> Future[None]:
        return self._answer(("retry", *pulls), None)

    def remove(self, pulls: Collection[str], *, delete: bool = False) -> Future[None]:
        return self._answer(("remove", *pulls), None)

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
