"""What commands refuse, in words and with an exit code: settings, names, and errors of ours.

Without typer, which the app's first frame shall not wait for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from pulltui.engine.clean import safe_name
from pulltui.engine.errors import BadNameError, PullError
from pulltui.start import Start, current_start

USAGE: Final = 2
"""Exit code for settings or arguments that cannot be used."""


def fail(message: str, hint: str, code: int) -> NoReturn:
    """Say what is wrong and what to do next, and exit with `code`."""
    _complain(f"pulltui: {message}")
    if hint:
        _complain(f"  {hint}")
    raise SystemExit(code)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Print an error of ours as people read it, and exit with its code."""
    try:
        yield
    except PullError as error:
        fail(str(error), error.hint, error.exit_code)


def read_settings(flags: Mapping[str, Any], *, strict: bool) -> Start:
    """Read the settings and say what is wrong with them; `flags` that are None were not given.

    With `strict` an error in them ends it with 2, without it the settings that are good count.
    """
    start = current_start({key: value for key, value in flags.items() if value is not None})
    for notice in start.notices():
        _complain(f"pulltui: {notice}")
    if strict and not start.loaded.ok:
        fail("nothing was done because of the settings", "`pulltui config path` says where they are", USAGE)
    return start


def check_names(names: Sequence[str]) -> None:
    """Exit with 2 and all that is wrong if a name is not one."""
    from pulltui.engine.names import parse

    hints = {}
    for name in names:
        try:
            parse(name)
        except BadNameError as error:
            _complain(f"pulltui: {safe_name(name, 300)}: {error}")
            hints[error.hint] = True
    if hints:
        for hint in filter(None, hints):
            _complain(f"  {hint}")
        raise SystemExit(USAGE)


def _complain(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
