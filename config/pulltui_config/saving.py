"""The settings file on disk: made when first wanted, replaced as a whole, never over somebody's edit."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pulltui_config.locations import Locations
from pulltui_config.problems import Problem
from pulltui_config.reading import UnusableError, bytes_of
from pulltui_config.schema import schema_text
from pulltui_config.template import template

ATTEMPTS = 5
"""How often `change` begins again because the file changed under it."""


class NotSavedError(Exception):
    """The file is as it was. `problem` says why it could not be written."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class ChangedMeanwhileError(NotSavedError):
    """Somebody else changed the file since it was read."""


def contents(file: Path) -> bytes | None:
    """The file's bytes, None if there is none. Raises NotSavedError if it cannot be read."""
    try:
        return bytes_of(file) if file.exists() else None
    except UnusableError as error:
        raise NotSavedError(error.problem(str(file), "nothing was changed")) from error


def save(file: Path, text: bytes, seen: bytes | None) -> None:
    """Replace `file`, which had the contents `seen` when it was read (None: it was not there), with `text`.

    The new file appears in one step, synced, with the old one's mode and owner as far as we may set them; a
    link is followed. Raises ChangedMeanwhileError if the contents are others by now, NotSavedError if it
    cannot be written; either way the file is as it was.
    """
    # Not beside a link: what it leads to would be replaced by a file of its own.
    target = Path(os.path.realpath(file))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            _fill(descriptor, text, target)
            with _alone(target.parent) as directory:
                if contents(target) != seen:
                    message = "somebody else changed it meanwhile, so it was left alone"
                    raise ChangedMeanwhileError(_problem(file, message, "try again"))
                Path(name).replace(target)
                with suppress(OSError):
                    # The new file is in place; some file systems cannot sync a directory.
                    os.fsync(directory)
        except BaseException:  # a ctrl+c too: nobody else knows of the temporary file
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        raise NotSavedError(_problem(file, message, "nothing was changed")) from error


def change(locations: Locations, edit: Callable[[bytes], bytes]) -> bytes:
    """Save what `edit` makes of the settings file, or of the template if there is none; return that.

    Begins again when the file changes meanwhile: the edit is then one of the new contents. Raises
    NotSavedError, and what `edit` raises.
    """
    file = locations.config_file
    for attempt in range(1, ATTEMPTS + 1):
        seen = contents(file)
        text = edit(template().encode() if seen is None else seen)
        if text == seen:
            return text
        try:
            save(file, text, seen)
        except ChangedMeanwhileError:
            if attempt == ATTEMPTS:
                raise
            continue
        break
    with suppress(NotSavedError):
        # Editors do without it.
        _keep_schema(locations)
    return text


def prepare(locations: Locations) -> Problem | None:
    """Make the settings file from the template if there is none, and the schema beside it as it is now.

    Returns what hindered it: worth a word to somebody who wants to edit, to nobody else.
    """
    try:
        if contents(locations.config_file) is None:
            with suppress(ChangedMeanwhileError):
                save(locations.config_file, template().encode(), None)
        _keep_schema(locations)
    except NotSavedError as error:
        return error.problem
    return None


def _keep_schema(locations: Locations) -> None:
    """Write the schema if the one there is of another version. Raises NotSavedError."""
    seen, text = contents(locations.schema_file), schema_text().encode()
    if seen != text:
        save(locations.schema_file, text, seen)


def _fill(descriptor: int, text: bytes, target: Path) -> None:
    """Write a new file to the disk, as much like the old one as we may. Raises OSError."""
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(text)
        stream.flush()
        # A new file stays its owner's alone, as mkstemp makes it: a proxy's password may come into it.
        with suppress(FileNotFoundError):
            old = target.stat()
            if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):
                    os.fchown(descriptor, old.st_uid, old.st_gid)
            os.fchmod(descriptor, old.st_mode & 0o7777)
        os.fsync(descriptor)


@contextmanager
def _alone(directory: Path) -> Iterator[int]:
    """Let one of our processes at a time compare and replace a file in `directory`; yields its descriptor.

    Others' editors know nothing of this: between comparing and replacing, they have some microseconds.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):
            # Not every network file system can; then there are those microseconds among us too.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _problem(file: Path, message: str, hint: str) -> Problem:
    return Problem(where="file", source=str(file), key="", message=message, hint=hint)
