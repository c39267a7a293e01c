"""What commands have in common: their arguments, and their errors in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from pulltui.config_cli import USAGE
from pulltui.engine.clean import safe_name
from pulltui.engine.errors import BadNameError, PullError
from pulltui.start import Start, current_start

Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Models: [host/][namespace/]model[:tag].")
]
ModelsDir = Annotated[
    str | None,
    typer.Option("--models-dir", metavar="DIR", help="The models directory, instead of the setting."),
]


def fail(message: str, hint: str, code: int) -> NoReturn:
    """Say what is wrong and what to do next, and exit with `code`."""
    typer.echo(f"pulltui: {message}", err=True)
    if hint:
        typer.echo(f"  {hint}", err=True)
    raise typer.Exit(code)


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
        typer.echo(f"pulltui: {notice}", err=True)
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
            typer.echo(f"pulltui: {safe_name(name, 300)}: {error}", err=True)
            hints[error.hint] = True
    if hints:
        typer.echo("".join(f"  {hint}\n" for hint in hints if hint), err=True, nl=False)
        raise typer.Exit(USAGE)


def absolute(directory: str | None) -> str | None:
    """Return a directory of the command line as settings want it."""
    if directory == "":
        raise typer.BadParameter("it is empty: perhaps a variable is not set", param_hint="--models-dir")
    return None if directory is None else str(Path(directory).expanduser().absolute())
