"""A blob from nginx on loopback, verified: pulltui beside aria2c, curl and hf_transfer.

    python tests/bench/loopback.py [--schemes http,https] [--connections auto,1,4,16,64] [--size 2GiB]
        [--rivals aria2c,curl] [--transports auto] [--pairs 7] [--hf-python PYTHON] [--record FILE]
        [--directory DIR]

A group of rows for each scheme and number of connections: medians of seconds, of processor seconds a GB, and
of the peak of resident memory (all processes of a command together); then the first row's median ratio to
each other one over the pairs, with its bootstrap 95 % interval. `--transports fast,httpx` has pulltui in two
rows, once over each of its transports.

`auto` is what pulltui does by itself, beside 16 of the others. aria2c takes at most 16 connections to a host,
curl has one. What does not check the digest itself is followed by sha256sum, and both are counted.
hf_transfer takes part where this Python has it, or the one that `--hf-python` names. Everything is deleted
after each run. A group in which a command fails is said so and the others go on; the exit code is 1 then.
Needs Debian's nginx-light, aria2 and curl.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[2] / "config"))

from bench.checkout import environment
from bench.method import HEAD, PAIRS, Cost, interleave, measure, ratio, rows
from bench.nginx import SCHEMES, Site
from bench.options import add_directory, add_record, some_of
from bench.record import Figure, figure, record
from pulltui.demo.values import read_size
from support.debian import program

AUTO = "auto"
CONNECTIONS = (AUTO, "1", "4", "16", "64")
RIVALS = ("aria2c", "curl")
TRANSPORTS = (AUTO, "fast", "httpx")
USUAL = 16
"""Connections of the others beside `auto`: the most that aria2c takes."""
HF_CHUNK = 10 * 1024 * 1024
"""What huggingface_hub asks hf_transfer for at once."""
HF = (
    "import sys, hf_transfer; url, file, n, chunk = sys.argv[1:];"
    " hf_transfer.download(url, file, max_files=int(n), chunk_size=int(chunk), parallel_failures=0,"
    " max_retries=0)"
)
Commands = Callable[[Path], Sequence[Sequence[str]]]


class Contest:
    """Who is measured over a scheme with a number of connections; nothing is left below `scratch`."""

    def __init__(self, site: Site, scheme: str, connections: str, scratch: Path) -> None:
        self._site = site
        self._scheme = scheme
        self._connections = connections
        self._others = USUAL if connections == AUTO else int(connections)
        self._scratch = scratch

    def runs(
        self, transports: Sequence[str], rivals: Sequence[str], hf_python: str | None
    ) -> dict[str, Callable[[], Cost]]:
        """What to run, by name, pulltui first."""
        known: dict[str, Commands] = {"aria2c": self._aria2c, "curl": self._curl}
        chosen = {ours(transport): self._run(self._pulltui, transport) for transport in transports}
        chosen |= {name: self._run(known[name]) for name in rivals}
        if hf_python is not None:
            chosen["hf_transfer"] = self._run(partial(self._hf_transfer, hf_python))
        return chosen

    def _run(self, commands: Commands, transport: str = AUTO) -> Callable[[], Cost]:
        def once() -> Cost:
            with tempfile.TemporaryDirectory(dir=self._scratch) as name:
                home = Path(name)
                trust = str(self._site.ca_file)
                own = {"PULLTUI_NETWORK_CA_FILE": trust, "PULLTUI_TRANSFER_TRANSPORT": transport}
                env = environment(home, SSL_CERT_FILE=trust, **own)
                return measure(commands(home), env, home)

        return once

    def _pulltui(self, home: Path) -> list[list[str]]:
        pull = [sys.executable, "-m", "pulltui", "pull", self._site.name(self._scheme)]
        some = [] if self._connections == AUTO else ["--connections", self._connections]
        return [[*pull, *some, "--models-dir", str(home / "models")]]

    def _aria2c(self, home: Path) -> list[list[str]]:
        split = [f"-x{min(self._others, USUAL)}", f"-s{self._others}", "-k1M"]
        check = [f"--checksum=sha-256={self._site.sha256}", f"--ca-certificate={self._site.ca_file}"]
        quiet = ["--no-conf", "--console-log-level=warn", "--summary-interval=0"]
        where = ["-d", str(home), "-o", "blob", self._site.blob(self._scheme)]
        return [[program("aria2c"), *split, *check, *quiet, *where]]

    def _curl(self, home: Path) -> list[list[str]]:
        trust = ["--cacert", str(self._site.ca_file)]
        get = [program("curl"), "-sSf", *trust, "-o", str(home / "blob"), self._site.blob(self._scheme)]
        return [get, self._sum(home)]

    def _hf_transfer(self, python: str, home: Path) -> list[list[str]]:
        what = [self._site.blob(self._scheme), str(home / "blob"), str(self._others), str(HF_CHUNK)]
        return [[python, "-c", HF, *what], self._sum(home)]

    def _sum(self, home: Path) -> list[str]:
        sums = home / "sums"
        sums.write_text(f"{self._site.sha256}  {home / 'blob'}\n")
        return ["sha256sum", "--check", "--quiet", str(sums)]


def ours(transport: str) -> str:
    """What pulltui is called over a transport."""
    return "pulltui" if transport == AUTO else f"pulltui {transport}"


def figures(group: str, costs: Mapping[str, Sequence[Cost]]) -> Iterator[Figure]:
    """What the rows say, to be recorded: `GROUP NAME wall`, `... processor` (seconds), `... memory` (bytes),
    and `GROUP FIRST/NAME wall`, `... processor`.
    """
    first, *_ = costs
    for name, found in costs.items():
        for what, field in (("wall", "wall"), ("processor", "cpu"), ("memory", "rss")):
            values = [getattr(cost, field) for cost in found]
            yield figure(f"{group} {name} {what}", values)
            if name != first and what != "memory":
                mine = [getattr(cost, field) for cost in costs[first]]
                yield Figure(f"{group} {first}/{name} {what}", *ratio(mine, values), len(values))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table, group by group; 1 if one could not be measured."""
    options = _options(arguments)
    failed = False
    directory = Path(tempfile.mkdtemp(prefix="pulltui-bench-", dir=options.directory))
    try:
        site = Site(directory, options.size)
        print(
            f"{options.size / 2**20:.0f} MiB on loopback, verified;"
            f" medians of {options.pairs} pairs, [95 %]\n\n{HEAD}"
        )
        with site.nginx:
            for scheme in options.schemes:
                for connections in options.connections:
                    contest = Contest(site, scheme, connections, directory)
                    runs = contest.runs(options.transports, options.rivals, options.hf_python)
                    print(f"{scheme}, {connections} connections")
                    try:
                        costs = interleave(runs, options.pairs)
                    except (OSError, RuntimeError) as problem:
                        print(f"failed: {problem}", flush=True)
                        failed = True
                        continue
                    print("\n".join(rows(costs, options.size)), flush=True)
                    group = f"loopback {options.size} {scheme} {connections}"
                    record(options.record, figures(group, costs))
    finally:
        shutil.rmtree(directory)
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python tests/bench/loopback.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--size", type=read_size, default="2GiB", metavar="SIZE")
    parser.add_argument("--pairs", type=int, default=PAIRS, metavar="N")
    parser.add_argument("--schemes", type=some_of(SCHEMES), default=SCHEMES, metavar="NAME,...")
    parser.add_argument("--connections", type=_counts, default=CONNECTIONS, metavar="N,...")
    parser.add_argument("--rivals", type=some_of(RIVALS), default=RIVALS, metavar="NAME,...")
    parser.add_argument(
        "--transports", type=some_of(TRANSPORTS), default=[AUTO], metavar="NAME,...", help="of pulltui"
    )
    parser.add_argument(
        "--hf-python",
        type=_with_hf,
        default=sys.executable if importlib.util.find_spec("hf_transfer") else None,
        metavar="PYTHON",
        help="a Python that has hf_transfer, which takes part; this one, if it has",
    )
    add_directory(parser)
    add_record(parser)
    return parser.parse_args(arguments)


def _counts(text: str) -> list[str]:
    counts = text.split(",")
    allowed = {AUTO, *map(str, range(1, 65))}
    if wrong := [count for count in counts if count not in allowed]:
        raise argparse.ArgumentTypeError(f"{', '.join(wrong)}: auto or 1 to 64 is allowed")
    return counts


def _with_hf(python: str) -> str:
    try:
        subprocess.run([python, "-c", "import hf_transfer"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        raise argparse.ArgumentTypeError(f"{python} has no hf_transfer: {problem}") from None
    return python


if __name__ == "__main__":
    sys.exit(main())
