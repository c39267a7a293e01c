"""Blobs a registry can serve: bytes kept, or bytes made when they are asked for.

A generated blob of any size costs no memory. Every 4 KiB of it begins with a stamp, so that bytes written to
the wrong place in a file cannot pass for right ones::

    offset  size  what
    0       8     the absolute offset of this block in the blob, little endian
    8       8     the blob's seed, little endian
    16      4080  filler drawn from the seed (repeats every 256 KiB)
"""

from __future__ import annotations

import hashlib
import random
import struct
from functools import lru_cache
from typing import Protocol

BLOCK = 4096
TEMPLATE = 64 * BLOCK
STAMP = struct.Struct("<QQ")
OFFSET = struct.Struct("<Q")
HASH_STEP = 4 * TEMPLATE


class Blob(Protocol):
    """Content-addressed bytes of a known size."""

    @property
    def size(self) -> int:
        """Bytes in the blob."""
        ...

    @property
    def digest(self) -> str:
        """`sha256:<64 hex digits>`."""
        ...

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start`, at most `length` of them, fewer only at the end of the blob."""
        ...


class BytesBlob:
    """A small blob whose bytes are kept."""

    def __init__(self, data: bytes, digest: str | None = None) -> None:
        """`digest` replaces the true one, for a server that lies."""
        self._data = data
        self.size = len(data)
        self.digest = digest or "sha256:" + hashlib.sha256(data).hexdigest()

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start`, at most `length` of them."""
        return self._data[start : start + length]


class GeneratedBlob:
    """A blob of any size made from a seed, see the module's description."""

    def __init__(self, size: int, seed: int = 0, digest: str | None = None) -> None:
        """`size` in bytes; `digest` replaces the true one (see `unfinished`)."""
        self.size = size
        self.seed = seed
        self._digest = digest
        self._template = _template(seed)

    @classmethod
    def unfinished(cls, size: int, seed: int = 0) -> GeneratedBlob:
        """A blob too large to be hashed: its digest is made up, so nobody can ever verify it."""
        name = f"unfinished {size} {seed}".encode()
        return cls(size, seed, "sha256:" + hashlib.sha256(name).hexdigest())

    @property
    def digest(self) -> str:
        """`sha256:<hex>`, computed when first asked for (about a second a gigabyte), then remembered."""
        if self._digest is None:
            self._digest = _digest(self.size, self.seed)
        return self._digest

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start`, at most `length` of them, fewer only at the end of the blob."""
        stop = min(start + length, self.size)
        if start >= stop:
            return b""
        first = start - start % BLOCK
        end = -(-stop // BLOCK) * BLOCK
        lead = first % TEMPLATE
        repeats = -(-(lead + end - first) // TEMPLATE)
        buffer = bytearray(self._template[lead:] + self._template * (repeats - 1))
        for offset in range(first, end, BLOCK):
            OFFSET.pack_into(buffer, offset - first, offset)
        return bytes(memoryview(buffer)[start - first : stop - first])


class DamagedBlob:
    """Another blob with one bit of one byte flipped; size and digest stay what the other says."""

    def __init__(self, blob: Blob, position: int, bit: int = 0) -> None:
        """`position` is the damaged byte's offset in the blob, `bit` 0 to 7."""
        self._blob = blob
        self._position = position
        self._mask = 1 << bit
        self.size = blob.size
        self.digest = blob.digest

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start`, at most `length` of them, the damaged one included as it is."""
        data = self._blob.read(start, length)
        index = self._position - start
        if not 0 <= index < len(data):
            return data
        return data[:index] + bytes([data[index] ^ self._mask]) + data[index + 1 :]


@lru_cache(maxsize=64)
def _template(seed: int) -> bytes:
    """256 KiB of filler with the seed's half of each stamp in place."""
    template = bytearray(random.Random(seed).randbytes(TEMPLATE))
    for offset in range(0, TEMPLATE, BLOCK):
        STAMP.pack_into(template, offset, 0, seed)
    return bytes(template)


@lru_cache(maxsize=256)
def _digest(size: int, seed: int) -> str:
    """The sha256 of the generated blob, remembered because tests make the same ones again and again."""
    blob = GeneratedBlob(size, seed)
    whole = hashlib.sha256()
    for start in range(0, size, HASH_STEP):
        whole.update(blob.read(start, HASH_STEP))
    return "sha256:" + whole.hexdigest()
