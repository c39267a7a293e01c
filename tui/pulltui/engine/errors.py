"""What can go wrong, as types.

Every error says what failed, with the evidence, in `str(error)`, and what to do next in `hint`.
`kind` is a stable word for machines (the `failed` event of `--json`), `exit_code` is what the command
line ends with (README's table).
"""

from __future__ import annotations

import errno

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class PullError(Exception):
    """A pull cannot go on as it is. What was fetched stays on disk."""

    kind = "failed"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class BadNameError(PullError):
    """The name is not one that a registry could know; refused before anything is touched."""

    kind = "name"
    exit_code = 2


class InsecureError(PullError):
    """Plain http to a host for which it was not allowed."""

    kind = "insecure"


class ManifestError(PullError):
    """The registry's manifest is not one that can be pulled."""

    kind = "manifest"

    def __init__(
        self, message: str, hint: str = "Check the name; if it is right, the registry's copy is damaged."
    ) -> None:
        super().__init__(message, hint)


class NotFoundError(PullError):
    """The registry does not know this model or blob (404, 410)."""

    kind = "not-found"


class RefusedError(PullError):
    """The registry refuses (401, 403, 412 and other answers that trying again does not change)."""

    kind = "refused"


class TrustError(PullError):
    """The certificate of a host is not trusted."""

    kind = "trust"


class ResponseError(PullError):
    """A server's answer contradicts the request or the manifest; nothing of it was written."""

    kind = "response"


class DigestError(PullError):
    """All bytes are here and they are not the blob: repair did not help."""

    kind = "digest"


class BusyError(PullError):
    """The server asks to wait longer than anyone sits before a screen."""

    kind = "busy"


class NoSpaceError(PullError):
    """The disk has no room for what is missing."""

    kind = "no-space"
    exit_code = 3


class StorageError(PullError):
    """The models directory cannot be read or written."""

    kind = "storage"


class ChangedError(StorageError):
    """Another program changed the models directory meanwhile: whoever looks again can go on."""


class UnsavedError(StorageError):
    """A command is in force, but the queue cannot be saved: it would be forgotten if pulltui ended now."""

    pull = ""
    """Id of the pull that was added."""


class LockedError(PullError):
    """Another process holds the models directory."""

    kind = "locked"
    exit_code = 4


class GaveUpError(PullError):
    """No byte came for `give_up_after` seconds."""

    kind = "gave-up"


class MovedError(OSError):
    """A file that is open is not where it was: nothing can be saved any more."""


def storage_error(error: OSError, what: str) -> PullError:
    """Return the error for people behind what the disk said; `what` is the thing that failed."""
    if isinstance(error, MovedError):
        return ChangedError(f"{what}: {error.strerror}", "It is fetched again.")
    if error.errno in DISK_FULL:
        return NoSpaceError(
            f"{what}: {error.strerror}", "Free some space; it goes on by itself. Nothing that came is lost."
        )
    return StorageError(
        f"{what}: {error.strerror or error}", "Look at the disk; what is recorded there is kept."
    )
