"""What everybody in the engine works with."""

from __future__ import annotations

from dataclasses import dataclass

from pulltui_config import Settings

from pulltui.engine.attempt import Watchdog
from pulltui.engine.auth import Keyring
from pulltui.engine.backoff import Uniform
from pulltui.engine.edges import Edges
from pulltui.engine.gates import Clock, Gates
from pulltui.engine.limits import Limits
from pulltui.engine.log import EventLog
from pulltui.engine.parts import part_size_for
from pulltui.engine.request import Requester
from pulltui.engine.slots import Slots
from pulltui.engine.store import Store
from pulltui.engine.throttle import Throttle
from pulltui.engine.tuning import Tuning
from pulltui.engine.writer import Writer


@dataclass
class Live:
    """Where the settings in force are kept: they may change while everybody works."""

    settings: Settings


@dataclass(frozen=True)
class Context:
    """The collaborators of pulls, blobs and connections, made once by the service."""

    live: Live
    tuning: Tuning
    clock: Clock
    """Monotonic seconds."""
    uniform: Uniform
    store: Store
    writer: Writer
    watchdog: Watchdog
    requester: Requester
    keyring: Keyring
    gates: Gates
    slots: Slots
    throttle: Throttle
    limits: Limits
    log: EventLog
    edges: Edges
    patient: bool = False
    """Somebody looks on, and can take back a name whose host never answers."""

    @property
    def settings(self) -> Settings:
        """The settings in force at this moment: ask again rather than keep them."""
        return self.live.settings

    def part_size(self, size: int) -> int:
        """Return the size of parts for a blob of `size` bytes that is laid out now."""
        transfer = self.settings.transfer
        return part_size_for(transfer.layout, size, transfer.part_size)
