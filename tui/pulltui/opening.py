"""Opening the app: what `pulltui`, `pulltui NAME` and `pulltui open` do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from pulltui.output import guard_standard_files
from pulltui.refusals import USAGE, check_names, errors_in_words, fail, read_settings

_LEFT = "pulltui: {} unfinished. Everything received is recorded; the next start goes on from there.\n"
INTERRUPTED = 130
"""Exit code after ctrl+c, as after the signal."""


def run() -> int:
    """Open the app without a name, as the command does when it is given nothing; return the exit code."""
    guard_standard_files()
    try:
        open_app([], None)
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1


def open_app(names: Sequence[str], models_dir: str | None) -> NoReturn:
    """Open the app and add `names`; exits as README's table says. `models_dir` is the flag's, absolute."""
    if not on_terminal():
        fail("the app needs a terminal", "Without one, use: pulltui pull NAME...", USAGE)
    with errors_in_words():
        start = read_settings({"storage.models_dir": models_dir}, strict=False)
        check_names(names)
        notices = start.notices()
        from pulltui.session import Session

        with Session(start) as session:
            ended = session.show(names, notices)
        if ended.saved and (left := session.unfinished):
            with suppress(OSError):  # the terminal may be gone
                sys.stderr.write(_LEFT.format(f"{left} pulls are" if left > 1 else "1 pull is"))
    raise SystemExit(ended.code)


def on_terminal() -> bool:
    """Whether the app can be shown: both a keyboard and a screen."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty())
