"""All benchmarks, one after the other, as one report; at its end one table of the budgets, met or missed.

    python tests/bench/everything.py [--budgets | --quick] [--only loopback,network,...] [--pairs N]
        [--networks usual,mixes,stall,...] [--clients pulltui,aria2c,curl,fixed] [--hf-python PYTHON]
        [--record FILE] [--directory DIR]

It takes hours. `--budgets` leaves out what that table does not need, and with `--pairs 3` takes about half
an hour; `--quick` takes minutes and tells whether all of them work, not how fast anything is: no verdicts.
Each is a program of its own in this directory, whose first lines say what its figures are; one that fails
does not keep the others from running, but the exit code is 1 then and the table says what is missing. The
figures are kept if `--record` names a file; those that are there already count too. Needed from Debian:
nginx-light, aria2, curl.

    latency     what long runs gain where first bytes take their time
    rates       how exactly caps are kept
    longqueue   what a queue of 1,000 pulls costs
    resume      100 GB blobs: starting again, cost a GB, what state files write; start of the command
    memory      of pulls of 1 GB and 100 GB, headless and with the app
    finish      from the last byte until verified
    screen      what the screen costs, how true its figures are
    loopback    2 GiB from nginx over http and TLS, beside aria2c, curl, hf_transfer
    network     networks that misbehave, beside aria2c and others, with the ideal of each
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

from bench.budgets import table
from bench.options import add_directory, some_of
from bench.record import recorded

HERE = Path(__file__).parent
Arguments = tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """One benchmark: its file's name; its arguments for the full report (several: run several times), for the
    quick one, and for that of the budgets, None if it has nothing to do with them.
    """

    name: str
    quick: Arguments
    budgets: tuple[Arguments, ...] | None = None
    full: tuple[Arguments, ...] = ((),)
    pairs: str = "--rounds"
    """Its option for how often; none if empty."""
    has_directory: bool = True

    def commands(self, options: argparse.Namespace, record: Path) -> list[list[str]]:
        """What to run, one after the other."""
        more: list[str] = []
        if self.budgets is not None:
            more += ["--record", str(record)]
        if options.pairs is not None and self.pairs:
            more += [self.pairs, str(options.pairs)]
        if options.directory and self.has_directory:
            more += ["--directory", str(options.directory)]
        if self.name == "loopback" and options.hf_python:
            more += ["--hf-python", options.hf_python]
        if self.name == "network":
            more += ["--rows", options.networks] if options.networks else []
            more += ["--clients", options.clients] if options.clients else []
        chosen = (self.quick,) if options.quick else self.budgets or () if options.budgets else self.full
        return [[sys.executable, str(HERE / f"{self.name}.py"), *some, *more] for some in chosen]


PROGRAMS = (
    Program("latency", ("--size", "128", "--pairs", "1"), pairs="--pairs"),
    Program("rates", ("--seconds", "2", "--pulls", "1"), pairs=""),
    Program("longqueue", ("--entries", "100", "--rounds", "3")),
    Program(
        "resume",
        ("--rounds", "1", "--seconds", "3", "--rates", "160"),
        (("--rows", "start,states,version"),),
    ),
    Program("memory", ("--rounds", "1", "--megabytes", "100"), ((),)),
    Program("finish", ("--size", "64MiB", "--rounds", "1"), ((),)),
    Program(
        "screen",
        ("--rounds", "1", "--minutes", "0.1", "--rows", "draw,keys,frame,pull,soak"),
        (("--rows", "draw,keys,frame,pull"),),
        has_directory=False,
    ),
    Program(
        "loopback",
        ("--size", "128MiB", "--pairs", "1", "--connections", "auto,16"),
        (("--schemes", "https", "--connections", "auto"),),
        pairs="--pairs",
    ),
    Program(
        "network",
        ("--size", "64", "--pairs", "1", "--rows", "clean,slow,stall,reset"),
        (("--size", "1000"),),
        (("--size", "256", "--rows", "usual,mixes"), ("--size", "1000", "--rows", "usual,mixes")),
        pairs="--pairs",
    ),
)


def machine() -> str:
    """What the figures come from: processor, cores, memory, system, Python, and how busy it is."""
    cores = os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return (
        f"{_processor()}, {cores} cores, {memory:.0f} GB; {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}; load {load}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them and print the report as it comes, and the table of the budgets; 1 if one failed."""
    options = read_options(arguments)
    known = {program.name: program for program in PROGRAMS}
    kind = "a quick look: no figures to quote" if options.quick else "budgets" if options.budgets else "full"
    print(f"{machine()}\n{kind}", flush=True)
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="pulltui-bench-") as scratch:
        record = options.record or Path(scratch) / "figures"
        for name in options.only:
            for command in known[name].commands(options, record.absolute()):
                print(f"\n== {name} {' '.join(command[2:])}".rstrip(), flush=True)
                began = time.monotonic()
                code = subprocess.run(command, check=False).returncode
                ending = f"failed with {code}" if code else "done"
                print(f"== {name}: {ending} in {time.monotonic() - began:.0f} s", flush=True)
                failed += [name] if code and name not in failed else []
        print("\n== budgets\n" + "\n".join(table(recorded(record), failed, not options.quick)))
    print(f"\n{'failed: ' + ', '.join(failed) if failed else 'all ran'}; {machine()}")
    return 1 if failed else 0


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What is asked for."""
    names = [program.name for program in PROGRAMS]
    parser = argparse.ArgumentParser(
        prog="python tests/bench/everything.py", description=(__doc__ or "").split("\n")[0]
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--budgets", action="store_true", help="only what the table of the budgets needs")
    which.add_argument("--quick", action="store_true", help="whether they work, in minutes")
    parser.add_argument("--only", type=some_of(names), default=names, metavar="NAME,...")
    parser.add_argument("--pairs", type=int, metavar="N", help="instead of what each does by itself")
    parser.add_argument("--networks", metavar="NAME,...", help="for network.py: its --rows")
    parser.add_argument("--clients", metavar="NAME,...", help="for network.py")
    parser.add_argument("--hf-python", metavar="PYTHON", help="for loopback.py, if not this Python")
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep the figures in this file")
    add_directory(parser)
    options = parser.parse_args(arguments)
    if options.quick and options.record:
        parser.error("what --quick finds is not to be kept")
    return options


if __name__ == "__main__":
    sys.exit(main())
