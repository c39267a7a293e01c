"""The door to the engine: commands in, views and events out.

Everything that downloads happens in one thread with a loop of its own, so that a terminal that stops
reading cannot stop a download, and a busy download cannot freeze the screen. Most of the engine, and httpx
and pyreqwest with it, is loaded in that thread: whoever imports this module to draw a first frame shall not
wait for them.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pulltui_config import Settings

from pulltui.engine.errors import UnsavedError
from pulltui.engine.log import EventLog
from pulltui.engine.names import ModelName, Scheme, allowed_scheme, parse, split_login
from pulltui.engine.store import Store
from pulltui.engine.thread import EngineThread, not_running
from pulltui.engine.tuning import Tuning
from pulltui.engine.views import EngineView, Event, ModelInfo, PartialView
from pulltui.engine.wall import today

if TYPE_CHECKING:
    from pulltui.engine.core import Core

T = TypeVar("T")


class Service:
    """The engine for one models directory; keeps to `pulltui.engine.api.EngineApi`.

    `start` for those who wait for it; `hold`, and `begin` when the screen is there, for those who do not.
    """

    def __init__(
        self,
        settings: Settings,
        models_dir: Path,
        *,
        tuning: Tuning | None = None,
        environ: Mapping[str, str] | None = None,
        credentials_file: Path | None = None,
        keys: Sequence[Path] = (),
        state_dir: Path | None = None,
        resume: bool = True,
        patient: bool = False,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`environ` has proxies and credentials; `keys` are the files of Ollama's keys, the preferred first.
        `state_dir` is where the queue of this models directory is kept; without it nothing is. `resume`: what
        was unfinished when the engine ended last goes on by itself, unless it was paused. `patient`: a
        registry that never answers is waited for, as somebody looks on.
        `tuning`, `clock` and `uniform` are for tests.
        """
        self._settings = settings
        self._tuning = tuning or Tuning()
        self._environ = os.environ if environ is None else environ
        self._credentials_file = credentials_file
        self._keys = keys
        self._state_dir = state_dir
        self._resume = resume
        self._patient = patient
        self._clock = clock
        self._uniform = uniform
        self._store = Store(models_dir)
        self._log = EventLog(clock)
        self._thread: EngineThread | None = None
        self._watched: Collection[str] = ()
        self._news = threading.Condition()
        """Told of each new view."""
        self.view = EngineView(models_dir=str(models_dir), starting=True)
        """The newest view."""

    def start(self) -> None:
        """Become the holder of the models directory, start the engine, and return when it is up.

        Raises LockedError, StorageError, PullError (the transport or the network settings).
        """
        self.hold()
        assert self._thread is not None
        self._thread.begin()
        self._thread.wait()

    def hold(self) -> None:
        """Become the holder of the models directory. Commands are taken from now on.

        They are carried out, in their order, when the engine is up. Who calls this calls `stop` in the end.
        Raises LockedError, StorageError.
        """
        self._store.open(today())
        self._thread = EngineThread(self._made, self._publish, self._store.close)

    def begin(self) -> None:
        """Let the engine come up, if it holds its directory; returns at once, and may be called again.

        If it cannot, `failure` has what `start` would raise, and so has every command.
        """
        if self._thread is not None:
            self._thread.begin()

    @property
    def failure(self) -> BaseException | None:
        """What ended the engine unexpectedly, or kept it from coming up; None while all is well."""
        return self._thread.failure if self._thread is not None else None

    @property
    def _core(self) -> Core | None:
        """What is inside, once the engine is up."""
        return self._thread.core if self._thread is not None else None

    def wait(self, rev: int, timeout: float) -> None:
        """Return when there is a view newer than `rev`, or after `timeout` seconds."""
        with self._news:
            self._news.wait_for(lambda: self.view.rev > rev, timeout)

    def events(self, after: int) -> list[Event]:
        """Return all events with `seq > after`, oldest first."""
        return self._log.after(after)

    def check_name(self, text: str) -> str:
        """Return the name as it would be pulled; raise BadNameError."""
        return parse(text).short

    def inspect(self, name: str, *, insecure: bool = False) -> Future[ModelInfo]:
        """Look a name up without queueing it; the future may have a PullError."""

        async def inspect(core: Core) -> ModelInfo:
            from pulltui.engine.lookup import look_up

            parsed = parse(name)
            scheme = self._scheme(core, name, parsed, insecure)
            return await look_up(parsed, scheme, core.context, core.queue.room)

        return self._call(inspect)

    def recent(self) -> Future[tuple[str, ...]]:
        """Return the names that were pulled before, the newest first, each once."""

        async def recent(_: Core) -> tuple[str, ...]:
            from pulltui.engine.history import History

            if self._state_dir is None:
                return ()
            with suppress(OSError):  # nothing to offer then
                records = await asyncio.to_thread(History(self._state_dir).read)
                return tuple(dict.fromkeys(record.name for record in reversed(records)))
            return ()

        return self._call(recent)

    def _scheme(self, core: Core, name: str, parsed: ModelName, insecure: bool) -> Scheme:
        """Return the scheme for a name, and take note of a login in it. Raises InsecureError."""
        hosts = core.context.settings.network.insecure_hosts
        scheme = allowed_scheme(parsed, insecure=insecure, insecure_hosts=hosts)
        if (login := split_login(name)[1]) is not None:
            core.context.keyring.at(parsed.base_url(scheme), parsed.repository).use(login)
        return scheme

    def add(self, name: str, *, insecure: bool = False) -> Future[str]:
        """Queue a name; the future has the pull's id, or BadNameError, or InsecureError.

        User and password in the name are for this model, and are kept in memory only.
        """

        async def add(core: Core) -> str:
            parsed = parse(name)
            pull = core.queue.add(parsed, self._scheme(core, name, parsed, insecure)).id
            try:
                await core.flush()
            except UnsavedError as error:
                error.pull = pull
                raise
            return pull

        return self._call(add)

    def pause(self, pulls: Collection[str]) -> Future[None]:
        """Pause; the future ends when everything received is durable."""

        async def pause(core: Core) -> None:
            await core.queue.pause(pulls)
            await core.flush()

        return self._call(pause)

    def resume(self, pulls: Collection[str]) -> Future[None]:
        """Go on with paused or failed pulls."""

        async def resume(core: Core) -> None:
            core.queue.resume(pulls)
            await core.flush()

        return self._call(resume)

    def retry(self, pulls: Collection[str]) -> Future[None]:
        """Skip countdowns, refill budgets, start failed pulls again."""

        async def retry(core: Core) -> None:
            core.queue.retry(pulls)
            await core.flush()

        return self._call(retry)

    def remove(self, pulls: Collection[str], *, delete: bool = False) -> Future[None]:
        """Take pulls off the list."""

        async def remove(core: Core) -> None:
            try:
                await core.queue.remove(pulls, delete=delete)
            finally:
                await core.flush()

        return self._call(remove)

    def move(self, pulls: Collection[str], by: int) -> Future[None]:
        """Move pulls `by` places down in the queue (negative: up), as a block, in their order."""

        async def move(core: Core) -> None:
            core.queue.move(pulls, by)
            await core.flush()

        return self._call(move)

    def start_next(self, pulls: Collection[str]) -> Future[None]:
        """Put pulls at the head of those that wait for their turn."""

        async def start_next(core: Core) -> None:
            core.queue.start_next(pulls)
            await core.flush()

        return self._call(start_next)

    def undo(self) -> Future[str]:
        """Take back the newest removal or move; the future has what it was, in words."""

        async def undo(core: Core) -> str:
            words = core.queue.undo()
            await core.flush()
            return words

        return self._call(undo)

    def set_limit(self, rate: float | None, pulls: Collection[str] | None = None) -> Future[None]:
        """Cap the speed of everything together (`pulls` None), or of each of these pulls; None lifts the cap.

        Raises ValueError (through the future) for a rate that is not above 0.
        """

        async def limit(core: Core) -> None:
            if rate is not None and not 0 < rate < math.inf:
                raise ValueError(f"a cap is bytes a second, above 0, not {rate}")
            if pulls is None:
                core.context.limits.set_by_hand(rate)
            else:
                core.queue.limit(pulls, rate)
                await core.flush()

        return self._call(limit)

    def partials(self) -> Future[tuple[PartialView, ...]]:
        """Look which unfinished blobs there are; the future may have a StorageError."""

        async def partials(core: Core) -> tuple[PartialView, ...]:
            return await core.partials.look()

        return self._call(partials)

    def adopt(self, digests: Collection[str]) -> Future[tuple[PartialView, ...]]:
        """Take over Ollama's partials of these blobs; returns them as they are then."""

        async def adopt(core: Core) -> tuple[PartialView, ...]:
            return await core.partials.adopt(digests)

        return self._call(adopt)

    def change_settings(self, settings: Settings) -> Future[None]:
        """Work with other settings from now on, as far as they can change under way."""

        async def change(core: Core) -> None:
            core.change_settings(settings)

        return self._call(change)

    def watch(self, digests: Collection[str]) -> None:
        """Say which blobs somebody looks at."""

        async def watch(core: Core) -> None:
            core.viewer.watch(self._watched)

        self._watched = digests
        if (core := self._core) is not None:
            core.viewer.watch(digests)
        else:
            self._call(watch)

    def request_stop(self) -> None:
        """Ask the engine to save everything and end; callable from a signal handler.

        Hooks that run are not waited for.
        """
        if (core := self._core) is not None:
            core.hooks.hurry()
        if self._thread is not None:
            self._thread.ask_to_stop()

    def stop(self, timeout: float = 10.0) -> bool:
        """Save everything and end; True when that was done within `timeout` seconds.

        Hooks that run get what the saving leaves of a long `timeout`, of a short one a few seconds.
        """
        if self._thread is None:
            return False
        if (core := self._core) is not None:
            core.let_hooks_have(timeout)
        self._thread.ask_to_stop()
        return self._thread.join(timeout)

    def _call(self, work: Callable[[Core], Coroutine[Any, Any, T]]) -> Future[T]:
        if self._thread is not None:
            return self._thread.call(work)
        failed: Future[T] = Future()
        failed.set_exception(not_running())
        return failed

    async def _made(self) -> Core:
        """Load the engine, put it together, and queue what was kept."""
        from pulltui.engine.core import Core

        core = Core(
            self._settings,
            self._tuning,
            store=self._store,
            log=self._log,
            environ=self._environ,
            credentials_file=self._credentials_file,
            keys=self._keys,
            clock=self._clock,
            uniform=self._uniform,
            state_dir=self._state_dir,
            patient=self._patient,
        )
        try:
            await core.restore(asleep=not self._resume)
        except BaseException:  # a cancellation too: its threads and files would stay
            await core.close()
            raise
        return core

    def _publish(self, view: EngineView) -> None:
        with self._news:
            self.view = view
            self._news.notify_all()
