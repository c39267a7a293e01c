"""Models for tests of whatever pulls from the embedded registry."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

from pulltui.demo import Blob, BytesBlob, GeneratedBlob, Layer, Model, build_model
from pulltui.demo.intervals import Interval

KB = 1000
MB = 1000 * KB


def make_model(name: str, *sizes: int, seed: int = 0, tag: str = "latest") -> Model:
    """`library/<name>` (or `name`, if there is a slash in it) with a generated layer of each size (bytes) and
    a small license. Models of different seeds share nothing but the license.
    """
    path = name if "/" in name else f"library/{name}"
    layers = [
        Layer("model" if number == 0 else "projector", GeneratedBlob(size, seed=1000 * seed + number))
        for number, size in enumerate(sizes)
    ]
    return build_model(path, [*layers, Layer("license", BytesBlob(b"Do as you like.\n"))], tag)


def layer(model: Model, number: int = 0) -> Blob:
    """The blob of one of a model's layers, in the order they were given to `make_model`."""
    return list(model.blobs.values())[number]


def differences(path: Path, blob: Blob, ranges: Iterable[Interval]) -> list[Interval]:
    """Those pieces (of at most 1 MB) of `ranges` where the file's bytes are not the blob's."""
    wrong = []
    with path.open("rb") as file:
        for start, stop in ranges:
            for position in range(start, stop, MB):
                size = min(MB, stop - position)
                file.seek(position)
                if file.read(size) != blob.read(position, size):
                    wrong.append((position, position + size))
    return wrong


def closed_port() -> int:
    """A port number on 127.0.0.1 at which nobody listens, and which no other process is given by chance.

    A socket holds it, bound and never listening, as long as this process lives; a server that wants this very
    number has it all the same.
    """
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    port: int = sock.getsockname()[1]
    sock.detach()
    return port
