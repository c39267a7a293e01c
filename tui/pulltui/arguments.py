"""The arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Models: [host/][namespace/]model[:tag].")
]
ModelsDir = Annotated[
    str | None,
    typer.Option("--models-dir", metavar="DIR", help="The models directory, instead of the setting."),
]


def absolute(directory: str | None) -> str | None:
    """Return a directory of the command line as settings want it."""
    if directory == "":
        raise typer.BadParameter("it is empty: perhaps a variable is not set", param_hint="--models-dir")
    return None if directory is None else str(Path(directory).expanduser().absolute())
