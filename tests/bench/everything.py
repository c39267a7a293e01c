"""All benchmarks, one after the other, as one report.

    python tests/bench/everything.py [--quick] [--only loopback,network,...] [--hf-python PYTHON]
        [--directory DIR]

It takes hours; `--quick` takes minutes and tells whether all of them work, not how fast anything is. Each is
a program of its own in this directory, whose first lines say what its figures are; one that fails does not
keep the others from running, but the exit code is 1 then. Needed from Debian: nginx-light, aria2, curl.

    loopback    2 GiB from nginx over http and TLS, beside aria2c, curl, hf_transfer
    network     networks that misbehave, beside aria2c, with the ideal of each
    latency     what long runs gain where first bytes take their time
    rates       how exactly caps are kept
    longqueue   what a queue of 1,000 pulls costs
    resume      100 GB blobs: starting again, cost a GB, what state files write; start of the command
    screen      what the screen costs, how true its figures are
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Program:
    """One benchmark: its file's name, its arguments for the full and for the quick report."""

    name: str
    full: tuple[tuple[str, ...], ...]
    quick: tuple[str, ...]
    has_directory: bool = True

    def commands(self, quick: bool, more: Sequence[str]) -> list[list[str]]:
        """What to run, one after the other."""
        arguments = (self.quick,) if quick else self.full
        return [[sys.executable, str(HERE / f"{self.name}.py"), *some, *more] for some in arguments]


PROGRAMS = (
    Program("loopback", ((),), ("--size", "128MiB", "--pairs", "1", "--connections", "auto,16")),
    Program(
        "network",
        (("--size", "256"), ("--size", "1000")),
        ("--size", "64", "--pairs", "1", "--rows", "clean,slow,stall,reset"),
    ),
    Program("latency", ((),), ("--size", "128", "--pairs", "1")),
    Program("rates", ((),), ("--seconds", "2", "--pulls", "1")),
    Program("longqueue", ((),), ("--entries", "100", "--rounds", "3")),
    Program("resume", ((),), ("--rounds", "1", "--seconds", "3", "--rates", "160")),
    Program(
        "screen",
        ((),),
        ("--rounds", "1", "--minutes", "0.1", "--rows", "draw,keys,frame,soak"),
        has_directory=False,
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
    """Run them and print the report as it comes; 1 if one failed."""
    known = {program.name: program for program in PROGRAMS}
    parser = argparse.ArgumentParser(
        prog="python tests/bench/everything.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="whether they work, in minutes")
    parser.add_argument("--only", type=_names, default=list(known), metavar="NAME,...")
    parser.add_argument("--hf-python", metavar="PYTHON", help="for loopback.py")
    parser.add_argument("--directory", type=Path, help="where everything goes, instead of the system's place")
    options = parser.parse_args(arguments)
    print(f"{machine()}\n{'a quick look: no figures to quote' if options.quick else 'the full report'}")
    failed = []
    for name in options.only:
        more = []
        if options.directory and known[name].has_directory:
            more += ["--directory", str(options.directory)]
        if name == "loopback" and options.hf_python:
            more += ["--hf-python", options.hf_python]
        for command in known[name].commands(options.quick, more):
            print(f"\n== {name} {' '.join(command[2:])}".rstrip(), flush=True)
            began = time.monotonic()
            code = subprocess.run(command, check=False).returncode
            ending = f"failed with {code}" if code else "done"
            print(f"== {name}: {ending} in {time.monotonic() - began:.0f} s", flush=True)
            failed += [name] if code else []
    print(f"\n{'failed: ' + ', '.join(failed) if failed else 'all ran'}; {machine()}")
    return 1 if failed else 0


def _names(text: str) -> list[str]:
    names = text.split(",")
    known = [program.name for program in PROGRAMS]
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: known are {', '.join(known)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
