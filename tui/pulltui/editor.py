"""Which editor to open a file in."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Final

EDITORS: Final = ("sensible-editor", "nano", "vi")
"""Who opens files when neither VISUAL nor EDITOR says so: the first that is there."""


class NoEditorError(Exception):
    """There is no editor; `str()` says why, and what would help."""


def editor_command(environ: Mapping[str, str], which: Callable[[str], str | None]) -> list[str]:
    """Return the editor's command: VISUAL, EDITOR, or what is there. Raises NoEditorError.

    `which` finds a program, like shutil.which.
    """
    for name in ("VISUAL", "EDITOR"):
        try:
            if words := shlex.split(environ.get(name, "")):
                return words
        except ValueError as error:
            raise NoEditorError(f"{name} cannot be understood: {str(error).lower()}") from None
    found = [name for name in EDITORS if which(name)]
    if not found:
        raise NoEditorError("there is no editor; set EDITOR to the one you like")
    return found[:1]
