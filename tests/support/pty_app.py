"""The app over a fake engine on this process's terminal, for tests of how it ends.

Arguments: seconds of grace after a signal, then what is special: "busy" (the screen changes all the time),
"broken" (the app fails after its first frame), "dead" (the engine does), "slow" (saving never ends), or a
directory for settings, which can be edited then.
Standard output is a pipe here, and tells line by line what the engine was asked.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import msgspec
from pulltui.engine.views import EngineView
from pulltui.ui.app import run_app
from pulltui.ui.settings_file import SettingsFile
from pulltui_config.settings import Ui
from support.fake_service import FakeService
from support.scenes import queue
from support.settings import make_start


class TellingService(FakeService):
    """Tells on standard output what it was asked."""

    def __init__(self, special: str) -> None:
        self.looks = 0
        self.special = special
        self.newest = queue()
        super().__init__(self.newest)

    @property
    def view(self) -> EngineView:
        self.looks += 1
        if self.special == "broken" and self.looks > 3:
            raise RuntimeError("this app is broken")
        if self.special == "dead" and self.looks > 3:
            self.failure = RuntimeError("this engine is broken")
        if self.special == "busy":
            names = [f"{self.looks}-{'x' * (self.looks % 30)}" for _ in self.newest.pulls]
            pulls = [
                msgspec.structs.replace(pull, name=name, done=pull.size * (self.looks % 2))
                for pull, name in zip(self.newest.pulls, names, strict=True)
            ]
            self.newest = msgspec.structs.replace(self.newest, rev=self.looks, pulls=tuple(pulls))
        return self.newest

    @view.setter
    def view(self, view: EngineView) -> None:
        self.newest = view

    def request_stop(self) -> None:
        tell("request_stop")
        super().request_stop()

    def stop(self, timeout: float = 10.0) -> bool:
        tell("stop")
        return super().stop(timeout)


def tell(what: str) -> None:
    os.write(1, f"{what}\n".encode())


def watch(service: TellingService) -> None:
    """Tell when nobody has looked at the view for half a second: the loop is blocked."""
    seen = -1
    while service.looks != seen or seen < 3:
        seen = service.looks
        time.sleep(0.5)
    tell("blocked")


def main() -> None:
    special = sys.argv[2] if len(sys.argv) > 2 else ""
    service = TellingService(special)
    if special == "busy":
        threading.Thread(target=watch, args=(service,), daemon=True).start()
    if special == "slow":
        service.may_stop.clear()
    file = SettingsFile(make_start(Path(special))) if Path(special).is_absolute() else None
    ui = Ui(fps=50, animations=False)
    sys.exit(run_app(service, ui=ui, file=file, grace=float(sys.argv[1])).code)


if __name__ == "__main__":
    main()
