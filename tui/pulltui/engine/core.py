"""What runs in the engine's loop beside the pulls: the view, the watchdog, the checkpoints, the way out."""

from __future__ import annotations

import asyncio
import math
import platform
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
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
from pulltui.engine.context import Context
from pulltui.engine.credentials import Credentials
from pulltui.engine.errors import NoSpaceError, storage_error
from pulltui.engine.gates import Clock, Gates
from pulltui.engine.log import EventLog
from pulltui.engine.network import find_way
from pulltui.engine.partial import Partial
from pulltui.engine.queue import Queue
from pulltui.engine.request import Requester
from pulltui.engine.slots import Slots
from pulltui.engine.store import Store
from pulltui.engine.tokens import TokenRules
from pulltui.engine.transport import make_transport
from pulltui.engine.tuning import Tuning
from pulltui.engine.viewing import Viewer
from pulltui.engine.views import EngineView
from pulltui.engine.watchdog import SuspendWatch
from pulltui.engine.writer import Writer

_GO_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}

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
    ) -> None:
        """Raises PullError if the transport or the network settings cannot be had."""
        self.stopping = asyncio.Event()
        self.saved = False
        """Whether everything that came was durable at the end."""
        self._tuning = tuning
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._due = asyncio.Event()
        """A checkpoint is wanted."""
        network = settings.network
        transport = make_transport(
            settings.transfer.transport,
            way=find_way(network.proxy, network.ca_file, environ),
            connect_timeout=network.connect_timeout,
            max_connections=settings.transfer.max_connections,
            stall_timeout=settings.retry.stall_timeout,
        )
        # No timeout here: silence is the watchdog's. No cookies: they would go to other ports of a host.
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.AsyncClient(transport=transport, timeout=None, trust_env=False, cookies=cookies)
        gates = Gates(tuning, clock)
        self._writer = Writer(
            self._loop,
            backlog=tuning.backlog,
            unsynced=tuning.unsynced_limit,
            checkpoint_bytes=tuning.checkpoint_bytes,
            on_checkpoint=self._due.set,
            on_error=self._cannot_write,
        )
        self._watchdog = Watchdog(clock, lambda: settings.retry.stall_timeout, tuning)
        requester = Requester(
            self._client,
            gates,
            user_agent=network.user_agent or default_user_agent(),
            max_redirects=lambda: settings.retry.max_redirects,
            retry_after_limit=tuning.retry_after_limit,
            wall=time.time,
        )
        self.context = Context(
            settings=settings,
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
                TokenRules(lambda: network.token_hosts, lambda: network.insecure_hosts, resolve),
                wall=time.time,
                nonce=new_nonce,
            ),
            gates=gates,
            slots=Slots(lambda: settings.transfer.max_connections, lambda: settings.transfer.per_host),
            log=log,
        )
        self.queue = Queue(self.context)
        self.viewer = Viewer(self.context, self.queue, transport.kind)
        self._woke_at = -math.inf
        self._suspend = SuspendWatch(tuning.suspend_gap, self._woke)

    async def run(self, publish: Callable[[EngineView], None]) -> None:
        """Run until `stopping` is set."""
        self._suspend.start()
        async with asyncio.TaskGroup() as group:
            chores: list[Coroutine[Any, Any, None]] = [
                self._publish(publish),
                self._watch(),
                self._checkpoints(),
                self._look_at_disk(),
            ]
            tasks = [group.create_task(chore) for chore in chores]
            await self.stopping.wait()
            for task in tasks:
                task.cancel()

    async def close(self) -> None:
        """Stop the pulls, make everything durable, let go of the network."""
        self.stopping.set()
        try:
            await self.queue.stop()
            self.saved = all(blob.unsaved is None for blob in self.queue.downloads())
        finally:
            await asyncio.to_thread(self._writer.stop)
            if self._suspend.running:
                await asyncio.to_thread(self._suspend.stop)
            with suppress(httpx.HTTPError):
                await self._client.aclose()

    async def _publish(self, publish: Callable[[EngineView], None]) -> None:
        while True:
            woke = self.context.clock() - self._woke_at < WOKEN
            publish(self.viewer.view(suspended=woke))
            await asyncio.sleep(self._tuning.publish)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._tuning.tick)
            self._watchdog.look()

    async def _look_at_disk(self) -> None:
        while True:
            with suppress(OSError):  # whoever writes will notice
                self.viewer.free = free = await asyncio.to_thread(self._store.free)
                self._keep_free(free)
            await asyncio.sleep(self._tuning.space_check)

    def _keep_free(self, free: int) -> None:
        """Stop whatever still writes when the disk comes down to what shall stay free."""
        storage = self.context.settings.storage
        if not storage.check_space or free >= storage.keep_free:
            return
        for blob in self.queue.downloads():
            if blob.is_open and not blob.all_written:
                blob.fail(
                    NoSpaceError(
                        f"{format_size(free)} free in {self._store.root}; "
                        f"{format_size(storage.keep_free)} stay free (storage.keep_free)",
                        "Free some space; it goes on by itself. Nothing that came is lost.",
                    )
                )

    async def _checkpoints(self) -> None:
        """After so many bytes over all blobs together, or so much time, make them durable."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._tuning.checkpoint_seconds):
                    await self._due.wait()
            self._due.clear()
            finished = self._writer.finished
            for blob in [blob for blob in self.queue.downloads() if blob.dirty]:
                await blob.checkpoint()
            self._writer.cover(finished)

    def _cannot_write(self, partial: Partial, error: OSError) -> None:
        for blob in self.queue.downloads():
            if blob.digest == partial.digest:
                blob.fail(storage_error(error, f"cannot write blob {blob.digest[7:19]}"))

    def _woke(self) -> None:
        """The machine slept, or the process was stopped: called by the watch's thread."""
        with suppress(RuntimeError):  # the loop is closed: we are on the way out
            self._loop.call_soon_threadsafe(self._reconnect)

    def _reconnect(self) -> None:
        self._woke_at = self.context.clock()
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
