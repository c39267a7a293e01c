"""`pulltui` on this process's terminal, and what there is at its first frame.

Argument: what the engine does when it may come up: "come" (as it is), "wait" (nothing), or "linger" (it comes
up when it has been asked to stop). Standard output is a pipe, and is told the packages that are loaded at the
first frame, then "coming" when the engine is about to be up.
"""

from __future__ import annotations

import os
import sys
import threading

from pulltui import opening
from pulltui.engine.service import Service

REAL_BEGIN, REAL_STOP, REAL_REQUEST = Service.begin, Service.stop, Service.request_stop


def tell(*words: str) -> None:
    os.write(1, f"{' '.join(words)}\n".encode())


def main(what: str) -> int:
    asked = threading.Event()

    def begin(self: Service) -> None:
        tell("loaded", *sorted({name.partition(".")[0] for name in sys.modules}), "end")
        if what == "linger":
            linger(asked)
        if what != "wait":
            REAL_BEGIN(self)

    def stop(self: Service, timeout: float = 10.0) -> bool:
        asked.set()
        return REAL_STOP(self, timeout)

    def request_stop(self: Service) -> None:
        asked.set()
        REAL_REQUEST(self)

    Service.begin, Service.stop, Service.request_stop = begin, stop, request_stop  # type: ignore[method-assign]
    opening.on_terminal = lambda: True
    return opening.run()


def linger(asked: threading.Event) -> None:
    """Let the engine come up only when it has been asked to stop."""
    from pulltui.engine.core import Core

    real = Core.restore

    async def restore(core: Core, *, asleep: bool) -> None:
        tell("coming")
        asked.wait()
        await real(core, asleep=asleep)

    Core.restore = restore  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
