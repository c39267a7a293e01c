"""Where everything is on disk: the only module that knows. Nothing is read or made until somebody asks."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from pulltui_config.environment import ollama_text
from pulltui_config.settings import Settings

APP: Final = "pulltui"
SERVICE_MODELS: Final = "usr/share/ollama/.ollama/models"
"""Where Ollama's Linux service keeps its models, below the root directory."""
DEMO_PREFIX: Final = "pulltui-demo-"
"""How the name of a demo's directory begins; it is deleted with all that is in it when the demo ends."""


class Locations(Struct, frozen=True, kw_only=True):
    """The directories of this program; a models directory has its own below `state_dir`."""

    config_dir: Path
    state_dir: Path
    log_dir: Path

    @property
    def config_file(self) -> Path:
        """The settings."""
        return self.config_dir / "config.toml"

    @property
    def credentials_file(self) -> Path:
        """Users and passwords of registries, for the owner's eyes only; people make it themselves."""
        return self.config_dir / "credentials.toml"

    @property
    def schema_file(self) -> Path:
        """The schema that the settings' first line names."""
        return self.config_dir / "config.schema.json"

    @property
    def log_file(self) -> Path:
        """The log, rotated."""
        return self.log_dir / "pulltui.log"

    def models_state(self, models: Path) -> Path:
        """The directory of the queue and history that belong to a resolved models directory."""
        return self.state_dir / models_id(models)


def locate() -> Locations:
    """Our directories for whoever runs this process, as platformdirs names them. Makes none of them."""
    # Imported late: it takes 20 ms, and a demo or a test that names its own places needs none of it.
    from platformdirs import PlatformDirs

    places = PlatformDirs(APP, appauthor=False)
    return Locations(
        config_dir=places.user_config_path, state_dir=places.user_state_path, log_dir=places.user_log_path
    )


def models_dir(settings: Settings, env: Mapping[str, str], home: Path) -> Path:
    """The models directory, resolved: the setting, else OLLAMA_MODELS as Ollama reads it, else its default.

    It need not exist; links are followed as far as there are any. Touches the disk.
    """
    chosen = settings.storage.models_dir or ollama_text(env, "OLLAMA_MODELS")
    return Path(os.path.realpath(expand(chosen, home) if chosen else home / ".ollama" / "models"))


def expand(path: str, home: Path) -> Path:
    """A path of the settings, with ~ made the home directory."""
    return home / path[2:] if path == "~" or path.startswith("~/") else Path(path)


def models_id(models: Path) -> str:
    """16 hex digits that stand for a resolved models directory, so that two never share a queue."""
    return hashlib.sha256(os.fsencode(models)).hexdigest()[:16]


def service_notice(models: Path, root: Path = Path("/")) -> str | None:
    """What to tell a user whose models directory is not the one Ollama's service reads; None if all is well.

    `models` is resolved; `root` is where the file system begins. The second remedy is the one of Ollama's
    docs/faq.md ("How do I configure Ollama server?").
    """
    service = root / SERVICE_MODELS
    try:
        if not service.is_dir():
            return None
    except PermissionError:
        # It is there, only not for us.
        pass
    if os.path.realpath(service) == str(models):
        return None
    return (
        f"Ollama's service keeps its models in {service} and will not see what is pulled into {models}. "
        "Either pull as the service's user: "
        f'sudo -u ollama "$(command -v pulltui)" pull --models-dir {service} NAME. '
        f"Or let the service read yours: sudo systemctl edit ollama.service, add the two lines [Service] and "
        f'Environment="OLLAMA_MODELS={models}", let the user ollama read and write there, '
        "then sudo systemctl restart ollama."
    )
