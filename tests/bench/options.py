"""What the benchmarks' options have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path


def some_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """What reads names with commas between them; an unknown one is refused by argparse."""
    names = list(known)

    def read(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := [name for name in chosen if name not in names]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: known are {', '.join(names)}")
        return chosen

    return read


def add_directory(parser: argparse.ArgumentParser) -> None:
    """Add `--directory`."""
    parser.add_argument("--directory", type=Path, help="where everything goes, instead of the system's place")


def add_record(parser: argparse.ArgumentParser) -> None:
    """Add `--record`."""
    parser.add_argument("--record", type=Path, metavar="FILE", help="add the figures to this file, as JSON")
