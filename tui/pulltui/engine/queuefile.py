"""The queue on disk: `queue.toml`, and the manifests of what is queued beside it.

    version = 1

    [[pulls]]                       # in queue order; what is done is in the history instead
    name = "registry.ollama.ai/library/gemma3:4b"
    scheme = "https"
    paused = true                   # left out when it waits for its turn or runs
    limit = 2000000.0               # its own cap, bytes a second
    manifest = "sha256:<hex>"       # of the raw bytes, which are in manifests/sha256-<hex>
    size = 3338801718               # bytes of all its blobs, as that manifest has them

    [pulls.failure]                 # it has failed, and why
    kind = "refused"
    why = "..."
    hint = "..."
    exit_code = 1

No login is ever in it: names are kept without. It belongs to whoever holds the models directory.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import msgspec
import tomli_w

from pulltui.engine.clean import safe
from pulltui.engine.errors import BadNameError, ManifestError, PullError, StorageError
from pulltui.engine.manifest import Manifest, blob_file_name, parse_manifest
from pulltui.engine.names import ModelName, Scheme, parse
from pulltui.engine.partstate import replace_durably, sync_directory

VERSION = 1
_VERSION_LINE = re.compile(r"^version\s*=\s*(\d{1,9})\s*$", re.MULTILINE)
_HEAD = re.compile(r"^\[\[pulls\]\]\s*$", re.MULTILINE)
_ASIDE = ".damaged-"
_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")
_ONLY_US = 0o600
_Bytes = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Failure(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Why a pull has failed: what its PullError said."""

    kind: str
    why: str
    hint: str = ""
    exit_code: int = 1

    @classmethod
    def of(cls, error: PullError) -> Failure:
        """Return what is kept of an error."""
        return cls(error.kind, str(error), error.hint, error.exit_code)

    def error(self) -> PullError:
        """Return an error that says the same."""
        error = PullError(safe(self.why, 2000), safe(self.hint, 2000))
        error.kind, error.exit_code = safe(self.kind), self.exit_code
        return error


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """One pull of the queue, as it stands in the file."""

    name: str
    """`host/namespace/model:tag`; `parse` makes the name of it."""
    scheme: Scheme
    paused: bool = False
    limit: Annotated[float, msgspec.Meta(gt=0, le=sys.float_info.max)] | None = None
    manifest: Annotated[str, msgspec.Meta(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Digest of the manifest it had last; empty if it never had one."""
    size: _Bytes = 0
    failure: Failure | None = None

    @property
    def model(self) -> ModelName:
        """The name, parsed."""
        return parse(self.name)


class Kept(msgspec.Struct, frozen=True):
    """What the file says."""

    entries: tuple[Entry, ...] = ()
    """Every name once, in queue order."""
    damage: str = ""
    """What is wrong with the file, in words; empty if all of it could be read."""


def encode(entries: Collection[Entry]) -> bytes:
    """Return the file's bytes."""
    return "".join([f"version = {VERSION}\n", *map(_text, entries)]).encode()


@lru_cache(maxsize=4096)
def _text(entry: Entry) -> str:
    """Return an entry as it stands in the file; of a thousand, one or two change at a time."""
    table = tomli_w.dumps({"pulls": msgspec.to_builtins(entry)})
    return f"\n[[pulls]]\n{table.removeprefix('[pulls]').lstrip()}"


def decode(data: bytes) -> Kept:
    """Return what the bytes of a file say; of a damaged one, what can still be read, and the damage.

    Raises StorageError if a newer pulltui wrote it.
    """
    text = data.decode("utf-8-sig", "replace")  # some editors put a byte order mark there
    problems: list[str] = []
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        problems.append(safe(str(error)))
        document = _piecewise(text)
    version = document.get("version")
    if type(version) is not int or version < VERSION:
        problems.append("it has no version")
    elif version > VERSION:
        raise StorageError(
            f"the queue was written by a newer pulltui (version {version} of its format)",
            "Use that one, or move queue.toml away to begin with an empty queue.",
        )
    if extra := sorted(set(document) - {"version", "pulls"}):
        problems.append(f'nobody knows "{safe(extra[0], 40)}"')
    rows = document.get("pulls", [])
    entries: dict[str, Entry] = {}
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], 1):
        try:
            entry = msgspec.convert(row, Entry)
            key = entry.model.key
        except (msgspec.ValidationError, BadNameError) as error:
            problems.append(f"entry {number}: {safe(str(error))}")
            continue
        if key in entries:
            problems.append(f"entry {number}: {safe(entry.name)} is there twice")
        entries.setdefault(key, entry)
    return Kept(tuple(entries.values()), "; ".join(problems[:3]))


def _piecewise(text: str) -> dict[str, Any]:
    """Return what can be read of a file that is no TOML: one entry after the other."""
    head, *pieces = _HEAD.split(text)
    rows: list[Any] = []
    for piece in pieces:
        try:
            rows += tomllib.loads(f"[[pulls]]{piece}")["pulls"]
        except (tomllib.TOMLDecodeError, RecursionError):
            continue  # the problem is known already
    version = _VERSION_LINE.search(head)
    return {"version": int(version[1]), "pulls": rows} if version else {"pulls": rows}


class QueueFile:
    """The queue's file and its manifests in one directory. Blocking calls: not for the event loop."""

    def __init__(self, directory: Path) -> None:
        """`directory` belongs to one models directory (`Locations.models_state`); made when needed."""
        self.directory = directory
        self.file = directory / "queue.toml"
        self.manifests = directory / "manifests"
        self._there: set[str] = set()
        """Manifests that are on disk, and whole."""
        self._swept = False

    def read(self) -> Kept:
        """Return what the file says, nothing if there is none; changes nothing.

        Raises StorageError if it cannot be read, or is a newer pulltui's.
        """
        try:
            return decode(self.file.read_bytes())
        except (FileNotFoundError, NotADirectoryError):  # also in a home like /dev/null
            return Kept()
        except OSError as error:
            raise StorageError(
                f"cannot read the queue in {self.file}: {error.strerror}",
                "Correct its permissions, or move it away to begin with an empty queue.",
            ) from error

    def load(self) -> Kept:
        """Return what the file says, as the holder of the models directory.

        A damaged file is set aside first, as `queue.toml.damaged-<n>`, and what could be read of it takes its
        place; `damage` names the file then. Raises StorageError as `read` does.
        """
        kept = self.read()
        if not kept.damage:
            return kept
        try:
            aside = self._set_aside()
            self.save(kept.entries)
        except OSError as error:
            raise StorageError(
                f"the queue in {self.file} is damaged ({kept.damage}) and cannot be set aside: "
                f"{error.strerror}",
                "Make room on its disk or correct the directory's permissions; nothing was changed.",
            ) from error
        return Kept(
            kept.entries,
            f"the queue was damaged ({kept.damage}): {len(kept.entries)} of its pulls could be read; "
            f"the file is kept as {aside}",
        )

    def _set_aside(self) -> Path:
        number = 1
        while (aside := self.file.with_name(f"{self.file.name}{_ASIDE}{number}")).exists():
            number += 1
        replace_durably(aside, self.file.read_bytes(), _ONLY_US)
        return aside

    def save(self, entries: Sequence[Entry], manifests: Mapping[str, bytes] | None = None) -> None:
        """Replace the file, durably: manifests first, then the queue, then old manifests go.

        `manifests` are raw ones by digest; those on disk already need not be among them. Raises OSError.
        """
        if not self.manifests.is_dir():
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.manifests.mkdir(exist_ok=True)
            sync_directory(self.directory.parent)
        wanted = {entry.manifest for entry in entries if entry.manifest}
        for digest in wanted & set(manifests or ()) - self._there:
            replace_durably(self.manifests / blob_file_name(digest), (manifests or {})[digest], _ONLY_US)
            self._there.add(digest)
        replace_durably(self.file, encode(entries), _ONLY_US)
        if self._there - wanted or not self._swept:
            self._sweep({blob_file_name(digest) for digest in wanted})
            self._there &= wanted
            self._swept = True

    def _sweep(self, wanted: Collection[str]) -> None:
        """Delete manifests that no entry refers to, nor a damaged file that was set aside."""
        aside = [path.read_bytes() for path in self.directory.glob(f"{self.file.name}{_ASIDE}*")]
        named = {blob_file_name(digest.decode()) for text in aside for digest in _DIGEST.findall(text)}
        for path in self.manifests.iterdir():
            if path.name not in wanted and path.name not in named:
                path.unlink(missing_ok=True)
        sync_directory(self.manifests)

    def manifest(self, entry: Entry) -> Manifest | None:
        """Return the manifest that is kept for an entry; None if there is none that is whole."""
        if not entry.manifest:
            return None
        try:
            raw = (self.manifests / blob_file_name(entry.manifest)).read_bytes()
            manifest = parse_manifest(raw)
        except (OSError, ManifestError):
            return None
        if f"sha256:{hashlib.sha256(raw).hexdigest()}" != entry.manifest:
            return None
        self._there.add(entry.manifest)
        return manifest
