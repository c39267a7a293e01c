"""What `pulltui demo` plays with: a registry that misbehaves and a place of its own for all it makes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import tomli_w
from pulltui_config.locations import DEMO_PREFIX

from pulltui.demo.faults import Faults
from pulltui.demo.models import default_models
from pulltui.demo.server import Registry

# About 210 MB at 20 MB/s. The first answers long enough for it include one that stalls and one that is reset,
# and each trouble ends, so that the demo comes to a verified end.
FAULTS = "link@20MB/s,rate@3MB/s,stall=1/4@2MB*2,reset=1/6@4MB*2,502=1/10*2"
STALL_TIMEOUT = 5


class Session:
    """A temporary directory with settings in it and a running registry; leaving the context removes both.

    `directory` holds `models_dir`, `state_dir`, `log_dir` and `config_file`, so that none of the user's own
    is touched; `settings` is what the file says, by table; `names` are the models to pull.
    """

    def __init__(self, faults: str | Faults = FAULTS, parent: Path | None = None) -> None:
        """`parent` is where the directory goes, the system's place for temporary files if not given.

        Raises FaultError for a plan that cannot be read, OSError if nothing can be written or bound.
        """
        self.registry = Registry(default_models(), faults)
        self._temporary = tempfile.TemporaryDirectory(prefix=DEMO_PREFIX, dir=parent)
        self.directory = Path(self._temporary.name)
        self.models_dir = self.directory / "models"
        self.state_dir = self.directory / "state"
        self.log_dir = self.directory / "log"
        self.config_file = self.directory / "config.toml"
        self.settings: dict[str, dict[str, Any]] = {
            "storage": {"models_dir": str(self.models_dir)},
            "retry": {"stall_timeout": STALL_TIMEOUT},
        }
        self.names: list[str] = []

    def start(self) -> Session:
        """Makes the directories, writes the settings, starts the registry. Raises OSError."""
        for directory in (self.models_dir, self.state_dir, self.log_dir):
            directory.mkdir()
        self.config_file.write_text(tomli_w.dumps(self.settings), encoding="utf-8")
        self.registry.start()
        self.names = self.registry.names()
        return self

    def close(self) -> None:
        """Stops the registry and removes the directory with all that was pulled."""
        self.registry.stop()
        self._temporary.cleanup()

    def __enter__(self) -> Session:
        try:
            return self.start()
        except OSError:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
