"""Runs a command and writes what it cost: `python measured.py REPORT COMMAND...`, a program of its own.

A child's peak of resident memory is told by wait4 only, and there it is never below its parent's at the fork;
so the parent has to be small, as this program is. It hands SIGTERM on, and ends as the command did.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time


def main(report: str, command: list[str]) -> int:
    """Run it; writes `{"wall": s, "cpu": s, "rss": bytes, "code": n}` to `report`, returns `code`."""
    began = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(pid, number))
    _, status, used = os.wait4(pid, 0)
    wall = time.monotonic() - began
    code = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    cost = {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "rss": used.ru_maxrss * unit, "code": code}
    with open(report, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would double our own size
        json.dump(cost, file)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
