"""The embedded registry: a thread with its own loop, two listening ports, and the plan of faults in force."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import TypeVar

from pulltui.demo.connection import Connection
from pulltui.demo.counters import Counters, Record
from pulltui.demo.faults import Faults, parse
from pulltui.demo.models import Model
from pulltui.demo.port import Port
from pulltui.demo.site import Site
from pulltui.demo.values import Value
from pulltui.demo.wire import Wire

BACKLOG = 512
ANSWER_TIME = 10.0
Result = TypeVar("Result")


class Registry:
    """A registry on loopback at `127.0.0.1:PORT`, sending blobs from `localhost:PORT2` as a CDN would.

    Use it as a context manager, or `start()` and `stop()` it. All of it may be called from any thread.
    """

    def __init__(self, models: Iterable[Model] = (), faults: str | Faults = "", seed: int = 0) -> None:
        """`seed` decides which requests the faults hit. Raises FaultError for a plan that cannot be read."""
        self._faults = parse(faults) if isinstance(faults, str) else faults
        self._site = Site(self._faults, seed)
        for model in models:
            self._site.add(model)
        self._hooks: list[Callable[[Record], None]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="pulltui demo registry", daemon=True)
        self._ports: list[Port] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._weather: set[asyncio.Task[None]] = set()
        self._outage: Value = None

    def start(self) -> Registry:
        """Binds both ports and begins to answer. Raises OSError if loopback cannot be bound."""
        self._ports = [Port(cdn=False), Port(cdn=True)]
        self._site.registry, self._site.cdn = self.url, self.cdn_url
        self._thread.start()
        self._call(self._begin())
        return self

    def stop(self) -> None:
        """Resets all connections, closes the ports and ends the thread. Twice does no harm."""
        if self._loop.is_closed():
            return
        if self._thread.is_alive():
            self._call(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(ANSWER_TIME)
        self._loop.close()

    def __enter__(self) -> Registry:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`, as it stands at the front of a name."""
        return f"127.0.0.1:{self._ports[0].number}"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{self.host}"

    @property
    def cdn_url(self) -> str:
        """`http://localhost:PORT2`, where the blobs come from."""
        return f"http://localhost:{self._ports[1].number}"

    @property
    def counters(self) -> Counters:
        """What went over the wire so far."""
        return self._site.counters

    def name(self, path: str, tag: str = "latest") -> str:
        """The name to pull a model by: `127.0.0.1:PORT/library/tiny:latest`."""
        return f"{self.host}/{path}:{tag}"

    def names(self) -> list[str]:
        """The names of all models on offer, in the order they were added."""
        return [self.name(model.path, model.tag) for model in self._site.models]

    def add(self, model: Model) -> str:
        """Offers another model, or a new version of one; the name to pull it by."""
        self._site.add(model)
        return self.name(model.path, model.tag)

    @property
    def faults(self) -> Faults:
        """The plan in force. Setting one (as text or read) begins it anew; answers under way go on."""
        return self._faults

    @faults.setter
    def faults(self, plan: str | Faults) -> None:
        self._faults = parse(plan) if isinstance(plan, str) else plan
        self._call(self._change(self._faults))

    def on_range(self, hook: Callable[[Record], None]) -> None:
        """`hook` is called in the registry's thread with each request for a blob, before its answer."""
        self._hooks.append(hook)

    def go_offline(self) -> None:
        """Resets all connections and refuses new ones, until `go_online`."""
        self._call(self._shut())

    def go_online(self) -> None:
        """Listens again, on the same ports."""
        self._call(self._open())

    def reset_connections(self) -> None:
        """Resets all connections; new ones are welcome."""
        self._call(self._drop())

    def _call(self, work: Coroutine[None, None, Result]) -> Result:
        """Has the registry's loop do it; its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_TIME)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _begin(self) -> None:
        for port in self._ports:
            port.listen(self._welcome)
        await self._change(self._faults)

    async def _end(self) -> None:
        await self._calm()
        await self._shut()
        for port in self._ports:
            port.release()

    async def _change(self, plan: Faults) -> None:
        self._site.set_plan(plan)
        await self._calm()
        await self._open()
        self._forecast(plan.server("offline"))
        self._outage = plan.server("outage")

    async def _calm(self) -> None:
        """Calls off what the plan in force still had in store."""
        for task in self._weather:
            task.cancel()
        await asyncio.gather(*self._weather, return_exceptions=True)
        self._weather.clear()
        self._outage = None

    def _forecast(self, window: Value) -> None:
        """Goes offline and online again at these times from now on, if they are times."""
        if isinstance(window, tuple):
            self._weather.add(asyncio.create_task(self._be_offline(*window)))

    async def _be_offline(self, begin: float, end: float) -> None:
        await asyncio.sleep(begin)
        await self._shut()
        await asyncio.sleep(end - begin)
        await self._open()

    async def _shut(self) -> None:
        for port in self._ports:
            port.close()
        await self._drop()

    async def _open(self) -> None:
        for port in self._ports:
            if not port.is_open:
                port.bind()
                port.listen(self._welcome)

    async def _drop(self) -> None:
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _welcome(self, sock: socket.socket, cdn: bool) -> None:
        connection = Connection(Wire(sock), self._site, cdn, self._tell)
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    def _tell(self, record: Record) -> None:
        self._forecast(self._outage)
        self._outage = None
        for hook in self._hooks:
            hook(record)
