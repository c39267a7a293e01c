"""The engine's thread and its loop: how it comes up, how commands get in, how it ends.

A thread may be made to wait with its work, until the app has drawn its first frame, and then takes a while to
load the engine. Commands that come before that are carried out, in their order, as soon as it is up.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from pulltui.engine.errors import PullError
from pulltui.engine.log import log_unexpected
from pulltui.engine.views import EngineView

if TYPE_CHECKING:
    from pulltui.engine.core import Core

T = TypeVar("T")

_HELPERS = 32
"""Threads for what blocks: a blob should not wait to be opened because others are being synced."""
_SLICE = 0.1
"""Nobody waits for the thread for longer than so many seconds at once: a signal that comes in the moment when
Python goes to wait is looked at only when that is over."""


class EngineThread:
    """Runs one Core, from `begin` until `ask_to_stop`. Commands are taken from the start on.

    Whoever makes one calls `ask_to_stop` and `join` in the end, also if it never began.
    """

    def __init__(
        self,
        make: Callable[[], Coroutine[Any, Any, Core]],
        publish: Callable[[EngineView], None],
        let_go: Callable[[], None],
    ) -> None:
        """`make` puts the engine together, in the thread; it raises what keeps it from coming up.

        `publish` is given its views, `let_go` is called in the thread at its end, whatever happened.
        """
        self._make, self._publish, self._let_go = make, publish, let_go
        self.core: Core | None = None
        """Set as soon as the engine is up, and from then on."""
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(ThreadPoolExecutor(_HELPERS, thread_name_prefix="pulltui-io"))
        self.failure: BaseException | None = None
        """What ended the engine unexpectedly, or kept it from coming up."""
        self.saved = False
        """Whether it has ended and left nothing unsaved."""
        self._up = asyncio.Event()
        """Commands wait for this: the engine is up, or will never be."""
        self._settled = threading.Event()
        """The same, for other threads."""
        self._door = threading.Lock()
        """Held while a command goes in, so that none goes in unseen when the door is shut. Never taken in a
        signal handler, which may have interrupted who holds it."""
        self._open = True
        self._stop_asked = False
        self._thread = threading.Thread(target=self._main, name="pulltui-engine")

    def begin(self) -> None:
        """Let the engine come up; returns at once, and may be called again."""
        with self._door:
            if self._thread.ident is None:
                self._thread.start()

    def wait(self) -> None:
        """Return when the engine is up. Raises what kept it from that."""
        while not self._settled.wait(_SLICE):
            pass
        if self.failure is not None:
            self._thread.join()
            raise self.failure

    def call(self, work: Callable[[Core], Coroutine[Any, Any, T]]) -> Future[T]:
        """Do `work` in the engine's loop as soon as it is up; the future has what comes of it."""

        async def done_and_shown() -> T:
            await self._up.wait()
            if self.core is None:
                raise self._refusal()
            try:
                return await work(self.core)
            finally:  # who is told that it is done shall see it
                self._publish(self.core.viewer.view())

        with self._door:
            if self._open and not self._stop_asked:
                return asyncio.run_coroutine_threadsafe(done_and_shown(), self.loop)
        failed: Future[T] = Future()
        failed.set_exception(self._refusal())
        return failed

    def _refusal(self) -> Exception:
        """Return why no command is carried out."""
        return self.failure if isinstance(self.failure, PullError) else not_running()

    def ask_to_stop(self) -> None:
        """Ask the engine to save everything and end; returns at once, callable from a signal handler."""
        self._stop_asked = True
        if self.core is not None:  # else it sees that it was asked as soon as it is up
            with suppress(RuntimeError):  # the loop is closed: it has ended already
                self.loop.call_soon_threadsafe(self.core.stopping.set)

    def join(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the end, which was asked for; return `saved`."""
        self.begin()  # if it never did: who waits for a command is told in there, and all is let go
        while timeout > 0 and self._thread.is_alive():
            self._thread.join(min(timeout, _SLICE))
            timeout -= _SLICE
        return self.saved

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
                runner.run(self._run())
            self.saved = self.core is None or self.core.saved
        except BaseException as error:
            self.failure = error
            if self.core is not None:  # it was up, and nobody waits for it who would be told
                raise
        finally:
            self._let_go()
            self._settled.set()

    async def _run(self) -> None:
        self.loop.set_exception_handler(log_unexpected)
        if self._stop_asked:  # nothing has begun, and there is nothing to save
            await self._turn_away()
            return
        try:
            core = await self._make()
        except BaseException as error:
            self.failure = error
            await self._turn_away()
            raise
        self._publish(core.viewer.view())
        self.core = core
        self._up.set()
        if self._stop_asked:
            self.loop.call_soon(core.stopping.set)  # behind the commands that came before
        self._settled.set()
        try:
            await core.run(self._publish)
        finally:
            self._shut()
            await core.close()
            self._publish(core.viewer.view())

    def _shut(self) -> None:
        """Let no more commands in."""
        with self._door:
            self._open = False

    async def _turn_away(self) -> None:
        """Let no more commands in, and tell those that are in that nothing becomes of them."""
        self._shut()
        self._up.set()
        await asyncio.sleep(0)  # what came in until now has a task then
        if commands := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(commands)


def not_running() -> RuntimeError:
    """Return what commands to an engine that does not run fail with."""
    return RuntimeError("the engine is not running")
