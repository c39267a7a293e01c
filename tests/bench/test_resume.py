"""The benchmarks of large blobs and of latency work; what they measure is nobody's test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench import everything, latency, resume
from bench.prepared import AHEAD, begun
from bench.scenarios import LINK
from pulltui.engine.manifest import blob_file_name
from pulltui.engine.partial import Partial, PartialPaths
from support import benchmark

DIGEST = f"sha256:{'ab' * 32}"
MB = 1_000_000
RUNS = (("long", 2.5), ("by part", 5.0))


def test_what_was_prepared_is_what_a_kill_leaves(tmp_path: Path) -> None:
    assert begun(tmp_path, DIGEST, 95 * MB + 1, MB) == 96
    paths = PartialPaths(tmp_path / ".pulltui", blob_file_name(DIGEST))
    assert paths.data.stat().st_blocks == 0
    partial = Partial(paths, DIGEST, 95 * MB + 1, MB)
    try:
        done = [part.done for part in partial.table]
        assert done == [True] * (48 + AHEAD) + [False] * (48 - AHEAD)
    finally:
        partial.close()


def test_every_version_of_a_file_is_counted(tmp_path: Path) -> None:
    file, new = tmp_path / "state", tmp_path / "new"
    file.write_text("old")
    changes = resume.Changes(file)
    for size in (10, 200):
        new.write_text("x" * size)
        new.replace(file)
        changes.until(changes.count + 1)
    assert (changes.count, changes.bytes) == (2, 210)


@pytest.mark.parametrize("queued", [0, 3])
def test_the_engine_asks_for_what_is_missing(tmp_path: Path, queued: int) -> None:
    bench = resume.Bench(64 * MB, tmp_path)
    assert 0 < bench.from_engine(True, queued) < 1e3 * resume.PATIENCE
    assert list(tmp_path.iterdir()) == []


def test_the_rows_of_latency_have_medians_and_their_ratio() -> None:
    found = {name: [latency.Fetched(seconds, 9), latency.Fetched(seconds, 9)] for name, seconds in RUNS}
    one, two, ratio = (row.split() for row in latency.rows(0.5, 2 * LINK, found))
    assert one == ["500", "long", "2.50", "1.00", "9"]
    assert two == ["500", "by", "part", "5.00", "2.00", "9"]
    assert ratio == ["long", "/", "by", "part", "0.50", "[0.50,", "0.50]"]


def test_every_program_of_the_report_is_there() -> None:
    every = [
        "--pairs",
        "5",
        "--directory",
        "d",
        "--networks",
        "clean",
        "--clients",
        "curl",
        "--hf-python",
        "p",
    ]
    options = Path(everything.__file__).with_name("options.py").read_text()
    for kind in (["--quick"], ["--budgets"], []):
        given = everything.read_options([*kind, *every])
        for program in everything.PROGRAMS:
            for command in program.commands(given, Path("record")):
                assert Path(command[1]).is_file()
                text = Path(command[1]).read_text() + options
                for word in command[2:]:
                    assert not word.startswith("--") or f'"{word}"' in text


def test_the_report_hands_its_options_on() -> None:
    every = ["--pairs", "5", "--networks", "mixes", "--clients", "pulltui,curl", "--directory", "d"]
    options = everything.read_options(["--budgets", *every])
    commands = {program.name: program.commands(options, Path("r")) for program in everything.PROGRAMS}
    assert [name for name, some in commands.items() if not some] == ["latency", "rates", "longqueue"]
    [network], [screen] = commands["network"], commands["screen"]
    said = [
        "--record",
        "r",
        "--pairs",
        "5",
        "--directory",
        "d",
        "--rows",
        "mixes",
        "--clients",
        "pulltui,curl",
    ]
    assert network[2:] == ["--size", "1000", *said]
    assert screen[-4:] == ["--record", "r", "--rounds", "5"]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A checkout with the same benchmarks and an engine that cannot be loaded."""
    (tmp_path / "tests").symlink_to(Path(everything.__file__).parents[1])
    (tmp_path / "config").symlink_to(Path(everything.__file__).parents[2] / "config")
    package = tmp_path / "tui" / "pulltui"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('this one is broken')\n")
    return tmp_path


@pytest.mark.parametrize("program", everything.PROGRAMS, ids=lambda program: program.name)
def test_a_benchmark_measures_the_checkout_it_stands_in(broken: Path, program: everything.Program) -> None:
    """Not what its Python has installed."""
    command = [sys.executable, str(broken / "tests" / "bench" / f"{program.name}.py"), "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "this one is broken" in ended.stderr


STARTER = """
import subprocess, sys
from pathlib import Path
from bench.checkout import environment
started = subprocess.run([sys.executable, "-m", "pulltui", "--version"], env=environment(Path.cwd()))
sys.exit(started.returncode)
"""


def test_what_a_benchmark_starts_is_of_the_same_checkout(broken: Path, tmp_path: Path) -> None:
    env = os.environ | {"PYTHONPATH": str(broken / "tests")}
    command = [sys.executable, "-c", STARTER]
    ended = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "this one is broken" in ended.stderr


def test_the_report_goes_on_after_one_that_fails(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    command = [sys.executable, everything.__file__, "--quick", "--directory", nowhere]
    failing = benchmark.run([*command, "--only", "longqueue,latency"])
    assert failing.returncode == 1
    assert failing.stdout.splitlines()[-1].startswith("failed: longqueue, latency; ")
    command[-1] = str(tmp_path)
    working = benchmark.run([*command, "--only", "longqueue"])
    assert (working.returncode, working.stderr) == (0, "")
    assert "add one and pause it" in working.stdout
    assert working.stdout.splitlines()[-1].startswith("all ran; ")


@pytest.mark.long
def test_the_benchmarks_print_their_tables(tmp_path: Path) -> None:
    command = [sys.executable, everything.__file__, "--quick", "--directory", str(tmp_path)]
    done = benchmark.run([*command, "--only", "latency,resume"])
    assert (done.returncode, done.stderr) == (0, "")
    words = [line.split()[0] for line in done.stdout.splitlines() if line]
    assert words.count("at") == 2 and words.count("median") == 1 and words.count("from") == 2
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [row.split("|")[4].strip() for row in rows if "not measured" not in row] == ["pairs", *"1111"]
    assert list(tmp_path.iterdir()) == []
