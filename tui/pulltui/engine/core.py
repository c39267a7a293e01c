"""What runs in the engine's loop beside the pulls: the view, the watchdog, the checkpoints, the way out."""

from __future__ import annotations

import asyncio
import math
import platform
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx
from pulltui_config import Settings
from pulltui_config.units import format_size

import pulltui
from pulltui.engine.attempt import Watchdog
from pulltui.engine.auth import Keyring, new_nonce, resolve
from pulltui.engine.backoff import Uniform
from pulltui.engine.checkpoints import LOOKS, Checkpoints
from pulltui.engine.context import Context, Live
from pulltui.engine.credentials import Credentials
from pulltui.engine.edges import Edges
from pulltui.engine.errors import NoSpaceError, storage_error
from pulltui.engine.gates import Clock, Gates
from pulltui.engine.history import History
from pulltui.engine.hooks import PATIENCE, Hooks
from pulltui.engine.keeper import Keeper
from pulltui.engine.limits import Limits
from pulltui.engine.log import EventLog
from pulltui.engine.network import find_way
from pulltui.engine.partial import Partial
from pulltui.engine.partials import Partials
from pulltui.engine.queue import Queue
from pulltui.engine.queuefile import QueueFile
from pulltui.engine.request import Requester
from pulltui.engine.slots import Slots
from pulltui.engine.store import Store
from pulltui.engine.throttle import Throttle
from pulltui.engine.tokens import TokenRules
from pulltui.engine.transport import make_transport
from pulltui.engine.tuning import Tuning
from pulltui.engine.viewing import Viewer
from pulltui.engine.views import EngineView, Event, EventKind
from pulltui.engine.wall import today
from pulltui.engine.watchdog import SuspendWatch
from pulltui.engine.writer import Writer

_GO_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}

_SOONEST = 0.02
"""Seconds from one view to the next, at least, though many pulls end."""
WOKEN = 5.0
"""Seconds for which the view says that the machine slept."""


class Core:
    """Everything inside the engine's thread, put together. Make it in the loop that runs it."""

    def __init__(
        self,
        settings: Settings,
        tuning: Tuning,
        *,
        store: Store,
        log: EventLog,
        environ: Mapping[str, str],
        credentials_file: Path | None,
        keys: Sequence[Path],
        clock: Clock,
        uniform: Uniform,
        state_dir: Path | None = None,
        patient: bool = False,
    ) -> None:
        """`state_dir` is where the queue is kept; nothing is kept without. `patient` as in `Context`.

        Raises PullError if the transport or the network settings cannot be had."""
        self.stopping = asyncio.Event()
        self.saved = False
        """Whether everything that came was durable at the end."""
        self._tuning = tuning
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._due = asyncio.Event()
        """It may be time for a checkpoint."""
        self.live = live = Live(settings)
        network = settings.network
        transport = make_transport(
            settings.transfer.transport,
            way=find_way(network.proxy, network.ca_file, environ),
            connect_timeout=network.connect_timeout,
            max_connections=settings.transfer.max_connections,
            stall_timeout=lambda: live.settings.retry.stall_timeout,
        )
        # No timeout here: silence is the watchdog's. No cookies: they would go to other ports of a host.
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.AsyncClient(transport=transport, timeout=None, trust_env=False, cookies=cookies)
        gates = Gates(tuning, clock)
        throttle = Throttle(clock)
        self._writer = Writer(
            self._loop,
            backlog=tuning.backlog,
            swift_backlog=tuning.swift_backlog,
            unsynced=tuning.unsynced_limit,
            checkpoint_bytes=tuning.checkpoint_bytes // LOOKS,
            on_checkpoint=self._due.set,
            on_error=self._cannot_write,
        )
        self._watchdog = Watchdog(clock, lambda: live.settings.retry.stall_timeout, tuning)
        requester = Requester(
            self._client,
            gates,
            user_agent=network.user_agent or default_user_agent(),
            max_redirects=lambda: live.settings.retry.max_redirects,
            retry_after_limit=tuning.retry_after_limit,
            wall=time.time,
        )
        self.context = Context(
            live=live,
            tuning=tuning,
            clock=clock,
            uniform=uniform,
            store=store,
            writer=self._writer,
            watchdog=self._watchdog,
            requester=requester,
            keyring=Keyring(
                Credentials(environ, credentials_file),
                keys,
                TokenRules(
                    lambda: live.settings.network.token_hosts,
                    lambda: live.settings.network.insecure_hosts,
                    resolve,
                ),
                wall=time.time,
                nonce=new_nonce,
            ),
            gates=gates,
            slots=Slots(
                lambda: live.settings.transfer.max_connections,
                lambda: live.settings.transfer.per_host,
                lambda: throttle.connections,
                throttle.connections_of,
            ),
            throttle=throttle,
            limits=Limits(live, throttle, wall=time.time, local=datetime.fromtimestamp),
            log=log,
            edges=Edges(clock, tuning.takeover_after),
            patient=patient,
        )
        self.queue = Queue(self.context)
        self._keeper: Keeper | None = None
        if state_dir is not None:
            files, past = QueueFile(state_dir), History(state_dir)
            self._keeper = Keeper(self.queue, files, past, log=log, tuning=tuning, today=today)
        self.context.limits.on_change = self.limits_changed
        self.partials = Partials(self.context, self.queue)
        self.viewer = Viewer(self.context, self.queue, transport.kind)
        self.hooks = Hooks(
            lambda: live.settings.hooks, log, self._hook_failed, models_dir=store.root, environ=environ
        )
        self.hook_patience = PATIENCE
        """Seconds that the way out waits for hooks; see `let_hooks_have`."""
        self._woke_at = -math.inf
        self._suspend = SuspendWatch(tuning.suspend_gap, self._woke)

    async def run(self, publish: Callable[[EngineView], None]) -> None:
        """Run until `stopping` is set."""
        self._suspend.start()
        async with asyncio.TaskGroup() as group:
            chores: list[Coroutine[Any, Any, None]] = [
                *([self._keeper.run()] if self._keeper is not None else []),
                self._publish(publish),
                self._watch(),
                self._look_after_connections(),
                Checkpoints(self.context, self.queue.downloads, self._due).run(),
                self._look_at_disk(),
                self._look_beside(),
                self._keep_hours(),
                self._run_hooks(),
            ]
            tasks = [group.create_task(chore) for chore in chores]
            await self.stopping.wait()
            for task in tasks:
                task.cancel()

    def change_settings(self, settings: Settings) -> None:
        """Work with other settings from now on."""
        self.live.settings = settings
        self.context.limits.look()
        self.context.slots.look()
        self.queue.schedule()

    async def restore(self, *, asleep: bool) -> None:
        """Queue what was kept; `asleep`: nothing of it starts by itself. Raises StorageError."""
        if self._keeper is not None:
            await self._keeper.restore(asleep=asleep)

    def let_hooks_have(self, timeout: float) -> None:
        """Give hooks what the saving leaves of a long `timeout` (seconds), of a short one a few seconds."""
        self.hook_patience = max(PATIENCE, timeout - PATIENCE)

    async def flush(self) -> None:
        """Return when the queue as it is now is durable. Raises StorageError if it cannot be saved."""
        if self._keeper is not None:
            await self._keeper.flush()

    async def close(self) -> None:
        """Stop the pulls, make everything durable, let go of the network."""
        self.stopping.set()
        try:
            await self.queue.stop()
            kept = self._keeper is None or await self._keeper.close()
            self.saved = kept and all(blob.unsaved is None for blob in self.queue.downloads())
        finally:
            await asyncio.to_thread(self.hooks.close, self.hook_patience)
            await asyncio.to_thread(self._writer.stop)
            if self._suspend.running:
                await asyncio.to_thread(self._suspend.stop)
            with suppress(httpx.HTTPError):
                await self._client.aclose()

    async def _publish(self, publish: Callable[[EngineView], None]) -> None:
        while True:
            woke = self.context.clock() - self._woke_at < WOKEN
            publish(self.viewer.view(suspended=woke))
            soonest = self._loop.time() + min(_SOONEST, self._tuning.publish)
            with suppress(TimeoutError):  # an end is shown at once: a command may wait for it
                async with asyncio.timeout(self._tuning.publish):
                    await self.queue.some_ended.wait()
            await asyncio.sleep(soonest - self._loop.time())
            self.queue.some_ended.clear()

    async def _watch(self) -> None:
        while True:
            if await self._sleeps_well(self._tuning.tick):
                self._watchdog.look()

    async def _run_hooks(self) -> None:
        while True:
            self.hooks.look()
            await asyncio.sleep(self._tuning.publish)

    def _hook_failed(self, event: Event, why: str) -> None:
        """Tell of it; called by the hook's thread."""
        told = partial(
            self.context.log.emit,
            EventKind.NOTE,
            pull=event.pull,
            name=event.name,
            why=why,
            error_kind="hook",
        )
        with suppress(RuntimeError):  # the loop is closed: the log has it
            self._loop.call_soon_threadsafe(told)

    async def _look_after_connections(self) -> None:
        while True:
            if not await self._sleeps_well(self._tuning.look):
                continue
            for pull in self.queue.pulls.values():
                if pull.crew is not None:
                    pull.crew.look()

    async def _sleeps_well(self, seconds: float) -> bool:
        """Return after so many seconds whether it was not far more: nobody read what came meanwhile, so the
        silence is no connection's. If the process was stopped, the watch's thread can only tell us later.
        """
        began = self.context.clock()
        await asyncio.sleep(seconds)
        return self.context.clock() - began - seconds <= self._tuning.suspend_gap

    async def _look_at_disk(self) -> None:
        while True:
            with suppress(OSError):  # whoever writes will notice
                self.viewer.free = free = await asyncio.to_thread(self._store.free)
                await self._keep_free(free)
            await asyncio.sleep(self._tuning.space_check)

    async def _keep_hours(self) -> None:
        """Look at the clock on the wall every minute: quiet hours begin and end."""
        while True:
            await asyncio.sleep(self.context.limits.next_look)
            self.context.limits.look()

    def limits_changed(self) -> None:
        """Other caps are in force, or other numbers of connections."""
        self.context.slots.look()
        for pull in self.queue.pulls.values():
            pull.kick()

    async def _look_beside(self) -> None:
        """Notice what other programs did in the models directory."""
        self.viewer.adoptable = await self.partials.adoptable()
        while True:
            for blob in list(self.queue.downloads()):
                await blob.look_beside()
            if self.viewer.adoptable:
                self.viewer.adoptable = await self.partials.still_there(self.viewer.adoptable)
            await asyncio.sleep(self._tuning.space_check)

    async def _keep_free(self, free: int) -> None:
        """Stop whatever still takes room when the disk comes down to what shall stay free.

        What is mended has all its blocks: it takes none, and whoever stopped it would start it again at once.
        """
        storage = self.context.settings.storage
        if not storage.check_space or free >= storage.keep_free:
            return
        occupied = self._store.occupied
        for blob in [blob for blob in self.queue.downloads() if blob.is_open and not blob.all_written]:
            takes_room = await asyncio.to_thread(occupied, blob.digest) < blob.size
            if takes_room and blob.is_open and not blob.all_written:
                blob.fail(
                    NoSpaceError(
                        f"{format_size(free)} free in {self._store.root}; "
                        f"{format_size(storage.keep_free)} stay free (storage.keep_free)",
                        "Free some space; it goes on by itself. Nothing that came is lost.",
                    )
                )

    def _cannot_write(self, partial: Partial, error: OSError) -> None:
        trouble = storage_error(error, f"cannot write blob {partial.digest[7:19]}")
        for blob in self.queue.downloads():
            full = isinstance(trouble, NoSpaceError) and blob.is_open and not blob.all_written
            if full or blob.digest == partial.digest:
                blob.fail(trouble)

    def _woke(self) -> None:
        """The machine slept, or the process was stopped: called by the watch's thread."""
        with suppress(RuntimeError):  # the loop is closed: we are on the way out
            self._loop.call_soon_threadsafe(self._reconnect)

    def _reconnect(self) -> None:
        self._woke_at = self.context.clock()
        self.context.limits.look()
        self.limits_changed()  # even if they did not: the countdown of quiet hours stood still
        self._watchdog.reconnect("the machine slept: connecting again")


def default_user_agent() -> str:
    """Return what we call ourselves to servers.

    registry.ollama.ai wants to read Ollama's version at the front, in the form that Ollama sends it, and
    answers 412 to those too old for a model and to what it cannot read. 0.0.0 is what builds of no release
    say, and is let through.
    """
    machine = platform.machine().lower()
    system = f"{_GO_NAMES.get(machine, machine)} {platform.system().lower()}"
    return f"ollama/0.0.0 ({system}) pulltui/{pulltui.__version__}"
