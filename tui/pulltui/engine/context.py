"""What everybody in the engine works with."""

from __future__ import annotations

from dataclasses import dataclass

from pulltui_config import Settings

from pulltui.engine.attempt import Watchdog
from pulltui.engine.auth import Keyring
from pulltui.engine.backoff import Uniform
from pulltui.engine.gates import Clock, Gates
from pulltui.engine.log import EventLog
from pulltui.engine.request import Requester
from pulltui.engine.slots import Slots
from pulltui.engine.store import Store
from pulltui.engine.tuning import Tuning
from pulltui.engine.writer import Writer


@dataclass(frozen=True)
class Context:
    """The collaborators of pulls, blobs and connections, made once by the service."""

    settings: Settings
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
    log: EventLog
