"""The clients and the rows of the network benchmark, and its going on when one of them cannot be measured."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from bench import fixed, loopback, network
from bench.clients import CLIENTS, PATH, file_of
from bench.method import Cost
from bench.network import Run, figures, rows
from bench.origin import Origin
from bench.record import recorded
from bench.scenarios import GROUPS, LINK, Scenario

DONE = Run("done", 4.0, 0.1, 3.0, 1.0, 8, 0.5)
FAILED = Run("failed", 1.0, 0.3, 0.9, 0.5, 2, 0.1)
SIMPLE = Scenario("x", "ttfb@1s")


def cells(*runs: Run) -> list[str]:
    [line] = rows(SIMPLE, LINK, {"pulltui": runs})
    return line.split()


def test_a_row_has_medians_and_says_what_did_not_finish() -> None:
    share = ["2.00", "[2.00,", "2.00]"]
    assert cells(DONE) == ["x", "2.00", "pulltui", "4.00", *share, "3.00", "1.000", "8", "0.50", "10%"]
    assert cells(FAILED)[3:5] == ["failed", "0.90"]
    assert cells(DONE, FAILED, DONE)[3:7] == ["4.00", "2.00", "[2.00,", "inf]"]
    assert cells(DONE, FAILED, DONE)[-4:] == ["1", "of", "3", "failed"]
    assert cells(FAILED, FAILED, DONE)[3] == "failed"


def test_the_first_client_is_compared_with_each_that_finishes() -> None:
    slower = Run("done", 8.0, 0.1, 3.0, 1.0, 8, 0.5)
    found = {"pulltui": [DONE, DONE], "curl": [slower, slower], "fixed": [slower, FAILED]}
    ours, curl, other = (line.split() for line in rows(SIMPLE, LINK, found))
    assert ours[-1] == "10%"
    assert curl[-3:] == ["0.50", "[0.50,", "0.50]"]
    assert other[-5:] == ["20%", "1", "of", "2", "failed"]
    noted = {one.name: one for one in figures(SIMPLE, LINK, found)}
    assert noted["network 160 x pulltui/curl"].middle == 0.5
    assert noted["network 160 x pulltui/fixed"].low == 0, "ours alone finished once"
    assert noted["network 160 x pulltui of ideal"].high == 2
    assert noted["network 160 x fixed of ideal"].high == math.inf
    lost = figures(SIMPLE, LINK, {"pulltui": [DONE, FAILED, DONE], "curl": [slower, slower, slower]})
    assert {one.name: one for one in lost}["network 160 x pulltui/curl"].high == math.inf


def test_a_network_that_cannot_be_measured_does_not_keep_the_others_from_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(_: network.Bench, client: str, scenario: Scenario, seed: int) -> Run:
        if scenario.name == "slow":
            raise RuntimeError("the embedded registry has ended")
        return DONE

    monkeypatch.setattr(network.Bench, "run", run)
    record, where = tmp_path / "record", ["--directory", str(tmp_path)]
    assert network.main(["--rows", "clean,slow,mixes", "--record", str(record), *where]) == 1
    shown = [line.split()[0] for line in capsys.readouterr().out.splitlines()[3:]]
    mixes = [name for one in GROUPS["mixes"] for name in (one.name, one.name)]
    assert shown == ["clean", "clean", "slow:", *mixes]
    assert {name.split()[2] for name in recorded(record)} == {"clean", *mixes}
    assert network.main(["--rows", "clean", *where]) == 0


def test_clients_take_turns_in_being_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[tuple[str, int]] = []

    def run(_: network.Bench, client: str, scenario: Scenario, seed: int) -> Run:
        ran.append((client, seed))
        return DONE

    monkeypatch.setattr(network.Bench, "run", run)
    found = network.interleaved(network.Bench(1, tmp_path, None), SIMPLE, ["a", "b", "c"], 2)
    assert ran == [("a", 0), ("b", 0), ("c", 0), ("b", 1), ("c", 1), ("a", 1)]
    assert [len(runs) for runs in found.values()] == [2, 2, 2]


def fetch(tmp_path: Path, faults: str, *options: str, size: int = 20) -> tuple[int, float, bool]:
    """Fetch a blob of so many MB by fixed parts: the exit code, what was sent over its size, whether the
    bytes are right.
    """
    with Origin([f"bench={size}MB"], faults) as origin:
        digest, url = origin.model(PATH)
        file = file_of("fixed", tmp_path, digest)
        code = fixed.main([url, digest, str(file), "--part", "4", *options])
        right = network._is_right(tmp_path, "fixed", digest)
        return code, origin.counters()["blobs"][digest]["sent"] / size / 1e6, right


@pytest.mark.parametrize(
    ("faults", "least", "most"),
    [
        ("", 1, 1),
        ("max@2", 1, 1),
        ("noredirect", 1, 1),
        ("resolve:503*3", 1, 1),
        ("stall@1MB*1", 1.05, 1.05),
        ("mute*1", 1, 1),
        # A part that breaks off is begun anew.
        ("short@2MB*1", 1.1, 1.1),
        ("502*1", 1, 1),
    ],
)
def test_fixed_parts_are_fetched_again_as_a_whole(
    tmp_path: Path, faults: str, least: float, most: float
) -> None:
    # Where nothing is silent for ever, no silence is given up: the machine may have much else to do.
    stall = ["--stall", "3"] if faults.startswith(("stall", "mute")) else []
    code, sent, right = fetch(tmp_path, faults, "--connections", "2", *stall)
    assert (code, right) == (0, True)
    assert least - 0.001 <= sent <= most + 0.001


@pytest.mark.parametrize("faults", ["norange", "reset@1MB", "403"])
def test_fixed_parts_fail_when_one_has_used_up_its_tries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], faults: str
) -> None:
    code, _, right = fetch(tmp_path, faults, "--tries", "1")
    assert (code, right) == (1, False)
    assert "part" in capsys.readouterr().err


def test_fixed_parts_fail_when_the_digest_is_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(tmp_path, "damage@1MB")[0] == 1
    assert "the digest is sha256:" in capsys.readouterr().err


def test_every_client_has_a_command(tmp_path: Path) -> None:
    with Origin(["bench=1MB"]) as origin:
        digest, url = origin.model(PATH)
        for client in ("pulltui", "fixed"):  # the others need their programs
            command = CLIENTS[client](origin, tmp_path)
            assert url in command or origin.names[0] in command
    assert file_of("pulltui", tmp_path, digest).name == digest.replace(":", "-")


def test_a_transport_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen: list[str] = []

    def measure(_: object, env: dict[str, str], __: Path) -> Cost:
        chosen.append(env["PULLTUI_TRANSFER_TRANSPORT"])
        return Cost(1, 1, 1)

    class Site:
        ca_file = tmp_path / "ca.pem"

        def name(self, scheme: str) -> str:
            return f"{scheme}://127.0.0.1:1/bench/model"

    monkeypatch.setattr(loopback, "measure", measure)
    contest = loopback.Contest(Site(), "http", "auto", tmp_path)  # type: ignore[arg-type]
    runs = contest.runs(["auto", "fast", "httpx"], [], None)
    for run in runs.values():
        run()
    assert list(runs) == ["pulltui", "pulltui fast", "pulltui httpx"]
    assert chosen == ["auto", "fast", "httpx"]


def test_a_loopback_group_has_its_figures() -> None:
    costs = {"pulltui": [Cost(1, 2, 5e6)] * 2, "curl": [Cost(2, 1, 1e6)] * 2}
    noted = {one.name: one.middle for one in loopback.figures("loopback 1 https auto", costs)}
    assert noted == {
        "loopback 1 https auto pulltui wall": 1,
        "loopback 1 https auto pulltui processor": 2,
        "loopback 1 https auto pulltui memory": 5e6,
        "loopback 1 https auto curl wall": 2,
        "loopback 1 https auto curl processor": 1,
        "loopback 1 https auto curl memory": 1e6,
        "loopback 1 https auto pulltui/curl wall": 0.5,
        "loopback 1 https auto pulltui/curl processor": 2,
    }
