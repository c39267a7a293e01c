"""The budgets, and whether what was measured meets them, as one table.

    python tests/bench/budgets.py FILE    the table of what was recorded in FILE (see record.py)

A budget is met if the interval of what was measured reaches it; of fewer than seven figures the median has
to, for their interval is all of them. Where several figures fall under one budget, such as all networks, the
one that is furthest from it is shown and decides, and "met in part" says that not all were measured. A figure
of another size than the budget's is shown but decides nothing. What was not measured has no figure and no
verdict.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

from bench.method import PAIRS
from bench.record import Figure, recorded
from bench.scenarios import USUAL

GIB_2 = 2 << 30
RIVALS = "(?P<which>aria2c|curl)"
NETWORKS = rf"(?P<which>{'|'.join(scenario.name for scenario in USUAL)})"


@dataclass(frozen=True)
class Budget:
    """One row: what it is about, the most that is allowed (the least, if not `upper`), whose figures decide.

    `names` is a regular expression for them; its group `size` must be `size`, its group `which` says which of
    several it was, of which there must be `wanted`. Figures are multiplied by `scale` and shown with `digits`
    decimals and `unit`.
    """

    what: str
    limit: float
    names: str
    unit: str = ""
    scale: float = 1.0
    digits: int = 2
    size: int = 0
    wanted: int = 1
    upper: bool = True

    @property
    def program(self) -> str:
        """The benchmark that it comes from."""
        return self.names.partition(" ")[0]

    def told(self, value: float) -> str:
        """A value as this row shows it; `value` as the figures have it."""
        return f"{value * self.scale:.{self.digits}f}"

    @property
    def must(self) -> str:
        """What it must be."""
        number = f"{self.limit * self.scale:.4g}"
        return f"at {'most' if self.upper else 'least'} {number}{self.unit}"


BUDGETS = (
    Budget(
        "2 GiB over TLS on loopback: wall, of the best rival's",
        1.0,
        rf"loopback (?P<size>\d+) https auto pulltui/{RIVALS} wall",
        size=GIB_2,
        wanted=2,
    ),
    Budget(
        "2 GiB over TLS on loopback: processor, of the best rival's",
        1.25,
        rf"loopback (?P<size>\d+) https auto pulltui/{RIVALS} processor",
        size=GIB_2,
        wanted=2,
    ),
    Budget(
        "from the last byte of a 2 GiB blob until verified",
        0.3,
        r"finish (?P<size>\d+) verified",
        " s",
        size=GIB_2,
    ),
    Budget(
        "lossy networks, 1 GB: time, of the ideal",
        1.2,
        rf"network (?P<size>\d+) {NETWORKS} pulltui of ideal",
        size=1000,
        wanted=len(USUAL),
    ),
    Budget(
        "lossy networks, 1 GB: bytes on the wire, of the blob",
        1.02,
        rf"network (?P<size>\d+) {NETWORKS} pulltui wire",
        digits=3,
        size=1000,
        wanted=len(USUAL),
    ),
    Budget(
        "lossy networks, 1 GB: time, of aria2c's (0: it does not finish)",
        1.0,
        rf"network (?P<size>\d+) {NETWORKS} pulltui/aria2c",
        size=1000,
        wanted=len(USUAL),
    ),
    Budget(
        "resident memory, headless, blobs of 1 and 100 GB",
        120e6,
        r"memory headless (?P<which>\S+)",
        " MB",
        1e-6,
        0,
        wanted=2,
    ),
    Budget(
        "resident memory, with the app, blobs of 1 and 100 GB",
        160e6,
        r"memory app (?P<which>\S+)",
        " MB",
        1e-6,
        0,
        wanted=2,
    ),
    Budget("first frame, of a bare Textual app's", 1.5, "screen frame"),
    Budget("pulltui --version, of python -c pass", 3.0, "resume version"),
    Budget("drawing 8 blobs of 300 parts at 10 Hz, of a core", 0.15, "screen draw 300", " %", 100, 1),
    Budget("drawing 8 blobs of 3,000 parts at 10 Hz, of a core", 0.15, "screen draw 3000", " %", 100, 1),
    Budget("the app's cost to a 100 MB/s pull, of a core", 0.15, "screen pull core", " %", 100, 1),
    Budget("its rate, of the headless one's", 0.99, "screen pull rate", upper=False),
    Budget(
        "100 GB, 6,250 parts: first byte asked for, from the command's start",
        1e3,
        r"resume (?P<size>\d+) start of the command",
        " s",
        1e-3,
        size=10**11,
    ),
    Budget(
        "100 GB, 6,250 parts: the same from the engine's start",
        1e3,
        r"resume (?P<size>\d+) start of the engine",
        " s",
        1e-3,
        size=10**11,
    ),
    Budget("a key among 1,000 pulls, the slowest of ten", 50, "screen key", " ms", digits=1),
    Budget(
        "state files, of what is downloaded, at 1, 10 and 160 MB/s",
        0.01,
        r"resume (?P<size>\d+) states (?P<which>\d+)",
        " %",
        100,
        size=10**11,
        wanted=3,
    ),
)
FOOT = """\
What kills (16 MiB each) and power cuts (128 MiB over all blobs) may cost is asserted elsewhere:
tests/real/test_kills.py and tests/engine/test_checkpoints.py."""
TITLES = ("what", "must be", "measured [95 %]", "pairs", "")


def table(figures: Mapping[str, Figure], failed: Collection[str] = (), judged: bool = True) -> list[str]:
    """The table's lines; `failed` are the programs that did not do all they were asked for. Without `judged`
    there are no verdicts.
    """
    cells = [TITLES, *(_row(budget, figures, failed) for budget in BUDGETS)]
    if not judged:
        cells = [(*row[:-1], "") for row in cells]
    widths = [max(len(row[column]) for row in cells) for column in range(len(TITLES))]
    lines = [
        "| " + " | ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    rule = "|".join("-" * (width + 2) for width in widths)
    return [lines[0], f"|{rule}|", *lines[1:], "", FOOT]


def _row(budget: Budget, figures: Mapping[str, Figure], failed: Collection[str]) -> tuple[str, ...]:
    size, found = _of(budget, figures)
    if not found:
        why = f": {budget.program} failed" if budget.program in failed else ""
        return budget.what, budget.must, f"not measured{why}", "", ""
    which, worst = max(found.items(), key=lambda item: _distance(budget, item[1]))
    ends = f"{budget.told(worst.low)}, {budget.told(worst.high)}"
    measured = f"{budget.told(worst.middle)}{budget.unit} [{ends}]"
    if which:
        measured += f" {which}" + (f", worst of {len(found)}" if len(found) > 1 else "")
    if size != budget.size:
        verdict = f"of another size: {size}"
    elif _distance(budget, worst) > 0:
        missed = sum(_distance(budget, one) > 0 for one in found.values())
        verdict = "missed" + (f" by {missed} of {len(found)}" if len(found) > 1 else "")
    else:
        verdict = "met" if len(found) >= budget.wanted else f"met in part: {len(found)} of {budget.wanted}"
    return budget.what, budget.must, measured, str(worst.count), verdict


def _of(budget: Budget, figures: Mapping[str, Figure]) -> tuple[int, dict[str, Figure]]:
    """The budget's figures by which they are, of its size or else of the largest there is; that size."""
    matches = {name: re.fullmatch(budget.names, name) for name in figures}
    sized = [
        (int(match.groupdict().get("size") or 0), match.groupdict().get("which") or "", figures[name])
        for name, match in matches.items()
        if match
    ]
    if not sized:
        return 0, {}
    sizes = {size for size, _, _ in sized}
    size = budget.size if budget.size in sizes else max(sizes)
    return size, {which: figure for its, which, figure in sized if its == size}


def _distance(budget: Budget, figure: Figure) -> float:
    """How far what was measured is from reaching the budget; not above 0: it does."""
    if not math.isfinite(figure.high):
        return math.inf  # it did not always finish
    low, high = (figure.low, figure.high) if figure.count >= PAIRS else (figure.middle, figure.middle)
    return low - budget.limit if budget.upper else budget.limit - high


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of a file."""
    [file] = sys.argv[1:] if arguments is None else arguments
    print("\n".join(table(recorded(Path(file)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
