"""The table of budgets says what was measured, and of what was not that it was not."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

import pytest
from bench import budgets, everything, finish, memory
from bench.budgets import BUDGETS, table
from bench.record import Figure, figure, record, recorded, run
from bench.scenarios import USUAL
from support import benchmark

MB = 1_000_000
GIB_2 = 2 << 30


def row(about: str, *figures: Figure, failed: tuple[str, ...] = ()) -> list[str]:
    """The cells of the row that begins with these words."""
    [line] = [
        line for line in table({one.name: one for one in figures}, failed) if line.startswith(f"| {about}")
    ]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def one(name: str, middle: float, low: float | None = None, high: float | None = None) -> Figure:
    return Figure(name, middle, middle if low is None else low, middle if high is None else high, 7)


def test_figures_are_kept_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "figures"
    assert recorded(file) == {}
    record(file, [figure("a", [3, 1, 2])])
    record(file, [one("b", math.inf), one("a", 4)])
    record(None, [one("c", 1)])
    assert recorded(file) == {"a": one("a", 4), "b": one("b", math.inf)}
    assert figure("a", [3, 1, 2]) == Figure("a", 2, 1, 3, 3)


def test_a_row_that_fails_does_not_keep_the_others_from_being_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> list[Figure]:
        raise TimeoutError("nothing came")

    file = tmp_path / "figures"
    assert run({"x": fails, "y": lambda: [one("y", 1)]}, file) == 1
    assert list(recorded(file)) == ["y"]
    assert "x: failed:" in (said := capsys.readouterr().out) and "nothing came" in said
    assert run({"y": list}, file) == 0


def test_what_was_not_measured_has_no_figure() -> None:
    lines = table({})
    assert [line for line in lines if "met" in line or "missed" in line] == []
    assert sum("not measured" in line for line in lines) == len(BUDGETS)
    assert row("first frame") == ["at most 1.5", "not measured", "", ""]
    assert row("first frame", failed=("screen",))[1] == "not measured: screen failed"
    assert row("first frame", failed=("network",))[1] == "not measured"


def test_a_budget_is_met_if_the_interval_reaches_it() -> None:
    assert row("first frame", one("screen frame", 1.6, 1.5, 1.7)) == [
        "at most 1.5",
        "1.60 [1.50, 1.70]",
        "7",
        "met",
    ]
    assert row("first frame", one("screen frame", 1.6, 1.51, 1.7))[-1] == "missed"
    assert row("its rate", one("screen pull rate", 0.95, 0.9, 0.99))[-1] == "met"
    assert row("its rate", one("screen pull rate", 0.95, 0.9, 0.98))[-1] == "missed"
    assert row("drawing 8 blobs of 300 ", one("screen draw 300", 0.05))[1] == "5.0 % [5.0, 5.0]"


def test_of_a_few_figures_the_median_decides() -> None:
    assert row("first frame", figure("screen frame", [1.4, 1.5, 1.7]))[-1] == "met"
    assert row("first frame", figure("screen frame", [1.4, 1.6, 1.7]))[-1] == "missed"


def test_what_is_furthest_from_a_budget_decides() -> None:
    shares = [one(f"network 1000 {name} pulltui of ideal", 1.1) for name in (s.name for s in USUAL)]
    about = "lossy networks, 1 GB: time, of the ideal"
    assert row(about, *shares)[-1] == "met"
    assert row(about, *shares[:3])[-1] == f"met in part: 3 of {len(USUAL)}"
    slow = one("network 1000 loss pulltui of ideal", 1.3, 1.25, 1.4)
    assert row(about, *shares[:-1], slow)[1:] == [
        f"1.30 [1.25, 1.40] loss, worst of {len(USUAL)}",
        "7",
        f"missed by 1 of {len(USUAL)}",
    ]
    failed = one("network 1000 loss pulltui of ideal", 1.1, 1.0, math.inf)
    assert row(about, *shares[:-1], failed)[-1] == f"missed by 1 of {len(USUAL)}"


def test_only_the_usual_networks_count() -> None:
    about = "lossy networks, 1 GB: time, of aria2c's"
    usual = [one(f"network 1000 {scenario.name} pulltui/aria2c", 0.7) for scenario in USUAL]
    others = [one(f"network 1000 {name} pulltui/aria2c", 1.5) for name in ("slow+reset", "other")]
    assert row(about, *usual[1:], *others)[-1] == f"met in part: {len(USUAL) - 1} of {len(USUAL)}"
    assert row(about, *usual, *others)[-1] == "met"
    alone = one(f"network 1000 {USUAL[0].name} pulltui/aria2c", 0.0)
    assert row(about, alone, *usual[1:])[-1] == "met"
    lost = one(f"network 1000 {USUAL[0].name} pulltui/aria2c", 0.7, 0.6, math.inf)
    assert row(about, lost, *usual[1:])[-1] == f"missed by 1 of {len(USUAL)}"


def test_the_best_rival_counts() -> None:
    name = f"loopback {GIB_2} https auto pulltui"
    found = [one(f"{name}/aria2c wall", 1.1), one(f"{name}/curl wall", 0.5)]
    about = "2 GiB over TLS on loopback: wall"
    assert row(about, *found)[1:] == ["1.10 [1.10, 1.10] aria2c, worst of 2", "7", "missed by 1 of 2"]
    assert row(about, found[1])[-1] == "met in part: 1 of 2"


def test_another_size_has_no_verdict() -> None:
    small, right = one("finish 1000 verified", 0.1), one(f"finish {GIB_2} verified", 0.2)
    assert row("from the last byte", small)[1:] == ["0.10 s [0.10, 0.10]", "7", "of another size: 1000"]
    assert row("from the last byte", small, right)[-1] == "met"


def test_every_budget_is_about_a_benchmark_that_records() -> None:
    recording = {program.name for program in everything.PROGRAMS if program.budgets is not None}
    assert {budget.program for budget in BUDGETS} == recording
    for budget in BUDGETS:
        assert ("size" in re.compile(budget.names).groupindex) == bool(budget.size)


def test_the_table_of_a_file_can_be_had(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path / "figures", [one("resume version", 2.2)])
    assert budgets.main([str(tmp_path / "figures")]) == 0
    assert "2.20 [2.20, 2.20]" in capsys.readouterr().out


def test_a_quick_look_ends_with_the_table_without_verdicts(tmp_path: Path) -> None:
    command = [sys.executable, everything.__file__, "--quick", "--only", "finish"]
    done = benchmark.run([*command, "--directory", str(tmp_path)])
    assert (done.returncode, done.stderr) == (0, "")
    [shown] = [line for line in done.stdout.splitlines() if line.startswith("| from the last byte")]
    cells = [cell.strip() for cell in shown.strip("|").split("|")]
    assert cells[2].endswith("]") and cells[3:] == ["1", ""]


def test_what_a_quick_look_finds_is_not_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be judged beside what was measured properly, or in its place."""
    with pytest.raises(SystemExit):
        everything.main(["--quick", "--record", str(tmp_path / "figures")])
    assert "not to be kept" in capsys.readouterr().err


def test_a_report_keeps_the_figures_beside_those_that_are_there(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file, few = tmp_path / "figures", ("--size", "64MiB", "--rounds", "1")
    record(file, [one("screen frame", 1.2)])
    monkeypatch.setattr(everything, "PROGRAMS", (everything.Program("finish", few, (few,), (few,)),))
    assert everything.main(["--record", str(file), "--directory", str(tmp_path)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("| first frame") and "1.20 [1.20, 1.20]" in line]
    assert sorted(recorded(file)) == ["finish 67108864 done", "finish 67108864 verified", "screen frame"]


def test_the_last_byte_was_sent_when_the_last_answer_ended() -> None:
    counters = {
        "slot": 0.05,
        "flow": {"d": [[10, 5], [20, 5]], "other": [[99, 1]]},
        "records": [
            {"digest": "d", "ended": 0.51},
            {"digest": "d", "ended": 1.03},
            {"digest": "d", "ended": None},
            {"digest": "other", "ended": 4.96},
        ],
    }
    assert finish.last_byte(counters, "d") == 1.03
    counters["records"] = [{"digest": "d", "ended": 1.7}]
    assert finish.last_byte(counters, "d") == 1.0


def test_a_blob_is_verified_after_its_last_byte_and_then_its_pull_is_done(tmp_path: Path) -> None:
    verified, done = finish.finish(8 * MB, tmp_path)
    assert -0.05 < verified < done < finish.PATIENCE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", memory.WAYS)
def test_a_pull_takes_memory(tmp_path: Path, way: str) -> None:
    assert memory.most(way, 10_000 * MB, 5 * MB, tmp_path) > 10 * MB
    assert list(tmp_path.iterdir()) == []
