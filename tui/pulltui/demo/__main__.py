"""The embedded registry on its own: `python -m pulltui.demo [--models ...] [--faults SPEC] [--seed N]`.

Writes one JSON line with its url, the names to pull and the digests of their first layers, then answers until
its input is closed or SIGTERM comes, and ends with a JSON line of everything counted. Lines that it reads
meanwhile: `counters` writes such a line at once, `faults SPEC` puts another plan in force and writes it back,
or what is wrong with it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import zlib
from collections.abc import Sequence
from types import FrameType
from typing import Any

from pulltui.demo.blobs import Blob, GeneratedBlob
from pulltui.demo.faults import FaultError, Faults, parse
from pulltui.demo.models import Layer, Model, build_model, default_models
from pulltui.demo.server import Registry
from pulltui.demo.values import read_size


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; the exit code."""
    options = _parser().parse_args(arguments)
    models = [model for part in options.models for model in part] or default_models()
    with Registry(models, options.faults, options.seed) as registry:
        try:
            signal.signal(signal.SIGTERM, _stop)
            digests = [next(iter(model.blobs)) for model in models]
            _write({"url": registry.url, "names": registry.names(), "digests": digests})
            for line in sys.stdin:
                _obey(registry, line.strip())
        except KeyboardInterrupt:
            pass
        _write(registry.counters.dump())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pulltui.demo", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--models",
        nargs="+",
        type=_models,
        default=[],
        metavar="NAME=SIZE[+SIZE...]",
        help="generated models, one layer a size; ~ before a size: its digest is made up, for blobs too "
        "large to hash; without this the models of the demo",
    )
    parser.add_argument("--faults", type=_faults, default=Faults(), metavar="SPEC")
    parser.add_argument("--seed", type=int, default=0, help="which requests the faults hit")
    return parser


def _models(text: str) -> list[Model]:
    if text == "default":
        return default_models()
    name, equals, sizes = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r}: expected NAME=SIZE[+SIZE...], such as big=2GB+1MB")
    layers = [Layer("model", _blob(size, f"{name} {number}")) for number, size in enumerate(sizes.split("+"))]
    return [build_model(name if "/" in name else f"library/{name}", layers)]


def _blob(size: str, what: str) -> Blob:
    try:
        bytes_ = read_size(size.removeprefix("~"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{size!r} is not a size such as 20MB") from None
    seed = zlib.crc32(what.encode())
    return GeneratedBlob.unfinished(bytes_, seed) if size.startswith("~") else GeneratedBlob(bytes_, seed)


def _faults(text: str) -> Faults:
    try:
        return parse(text)
    except FaultError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _obey(registry: Registry, line: str) -> None:
    command, _, rest = line.partition(" ")
    if command == "counters":
        _write(registry.counters.dump())
    elif command == "faults":
        try:
            registry.faults = parse(rest)
            _write({"faults": str(registry.faults)})
        except FaultError as problem:
            _write({"error": str(problem)})
    elif command:
        _write({"error": f"{command!r} is not a command; counters and faults SPEC are"})


def _write(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
