"""What benchmarks found, in a file: one line of JSON a figure, for the table of budgets.

Each program takes `--record FILE` and adds its figures to that file as it finds them, so that those before a
failure are there.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.method import interval


@dataclass(frozen=True)
class Figure:
    """One figure: what it is called, the median of `count` values, and its 95 % interval's two ends.

    `name` is the program's, then a blank and words of its own. An end may be infinite: it did not finish.
    """

    name: str
    middle: float
    low: float
    high: float
    count: int


def figure(name: str, values: Sequence[float]) -> Figure:
    """The figure that values have: their median and its interval."""
    return Figure(name, *interval(values), len(values))


def record(file: Path | None, figures: Iterable[Figure]) -> None:
    """Add figures to the file, if there is one."""
    if file is not None:
        with file.open("a") as opened:
            opened.writelines(json.dumps(asdict(found)) + "\n" for found in figures)


def recorded(file: Path) -> dict[str, Figure]:
    """The figures in a file by name, the last of each name; none if there is no file."""
    lines = file.read_text().splitlines() if file.exists() else []
    return {found.name: found for found in (Figure(**json.loads(line)) for line in lines)}


def run(rows: Mapping[str, Callable[[], Iterable[Figure]]], file: Path | None) -> int:
    """Measure one row after the other and record its figures; the exit code, 1 if one could not be measured.

    That is said where its table would stand.
    """
    failed = False
    for name, row in rows.items():
        try:
            found = row()
        except Exception:  # whatever it was, the other rows do not depend on it
            print(f"\n{name}: failed: {traceback.format_exc()}", flush=True)
            failed = True
        else:
            record(file, found)
    return 1 if failed else 0
