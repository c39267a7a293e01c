"""One life of a queue in a process of its own: it gives itself commands until it is killed, and tells.

    python -m support.queuelife MODELS STATE SEED NAME...

prints one JSON array a line: ["restored", [[name, paused, whole], ...]] at the start, then ["do", command,
name, by], ["ack"] when it was acknowledged, ["order", [name, ...]] when the view shows it. With the seed 0
it resumes and adds everything instead, waits until all is done, and prints ["done", [name, ...]].
"""

from __future__ import annotations

import json
import random
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from pulltui.engine.service import Service
from pulltui.engine.views import PullState, PullView
from pulltui_config import Settings
from pulltui_config.settings import Retry, Storage, Transfer

COMMANDS = ("pause", "resume", "move", "start_next", "remove", "add")


def tell(*what: Any) -> None:
    print(json.dumps(what), flush=True)


class Life:
    """The service, by the names of its pulls."""

    def __init__(self, models: Path, state: Path) -> None:
        settings = Settings(
            storage=Storage(keep_free=0),
            transfer=Transfer(part_size=1_000_000, active_pulls=2, connections=4),
            retry=Retry(stall_timeout=5),
        )
        self.service = Service(settings, models, environ={}, state_dir=state)
        self.service.start()
        core = self.service._core
        assert core is not None
        while core.queue._peeks:  # it still looks what is on disk
            time.sleep(0.01)

    def pulls(self) -> list[PullView]:
        return list(self.service.view.pulls)

    def command(self, what: str, name: str, by: int) -> None:
        """Give a command and wait until it is acknowledged."""
        future: Future[Any]
        ids = [pull.id for pull in self.pulls() if pull.name == name]
        tell("do", what, name, by)
        if what == "add":
            future = self.service.add(name)
        elif what == "move":
            future = self.service.move(ids, by)
        else:
            future = getattr(self.service, what)(ids)
        future.result(30)
        tell("ack")
        rev = self.service.view.rev
        while self.service.view.rev <= rev + 1:  # the next command is about what this one left
            time.sleep(0.01)
        tell("order", [pull.name for pull in self.pulls()])


def live(life: Life, names: list[str], chance: random.Random) -> None:
    """Give commands for ever, most of them harmless enough for something to come."""
    while True:
        present = [pull.name for pull in life.pulls()]
        what = chance.choices(COMMANDS, weights=(2, 4, 3, 2, 1, 3))[0]
        life.command(what, chance.choice(names if what == "add" else present or names), chance.randint(-3, 3))
        time.sleep(chance.uniform(0, 0.1))


def finish(life: Life, names: list[str]) -> None:
    """Have everything done."""
    for name in names:
        life.command("add", name, 0)
    while any(pull.state is not PullState.DONE for pull in life.pulls()):
        assert not (bad := [pull.error for pull in life.pulls() if pull.state is PullState.FAILED]), bad
        time.sleep(0.05)
    tell("done", [pull.name for pull in life.pulls()])
    assert life.service.stop()


def main() -> None:
    models, state, seed, *names = sys.argv[1:]
    life = Life(Path(models), Path(state))
    names = [life.service.check_name(name) for name in names]
    tell(
        "restored",
        [[p.name, p.state is PullState.PAUSED, p.size > 0 and p.done == p.size] for p in life.pulls()],
    )
    if seed == "0":
        finish(life, names)
    else:
        live(life, names, random.Random(int(seed)))


if __name__ == "__main__":
    main()
