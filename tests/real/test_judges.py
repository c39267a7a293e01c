"""What judges the pulls here would notice what is wrong. Needs no server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pulltui.engine.partial import Partial, PartialPaths
from support import counting, ollama
from support.disk import examine

DIGEST = f"sha256:{'ab' * 32}"
NAME = DIGEST.replace(":", "-")
DATA = bytes(range(1, 251)) * 10


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models directory with a partial in two parts: 1000 bytes claimed of the first, 300 of the second."""
    work = tmp_path / "models" / ".pulltui"
    work.mkdir(parents=True)
    partial = Partial(PartialPaths(work, NAME), DIGEST, len(DATA), 1500)
    partial.write(partial.table.parts[0], memoryview(DATA)[:1000], 0)
    partial.write(partial.table.parts[1], memoryview(DATA)[1500:1800], 0)
    partial.checkpoint()
    partial.close()
    return tmp_path / "models"


@pytest.fixture
def truth(tmp_path: Path) -> dict[str, Path]:
    file = tmp_path / "truth"
    file.write_bytes(DATA)
    return {DIGEST: file}


def test_true_claims_are_borne_out(models: Path, truth: dict[str, Path]) -> None:
    disk = examine(models, truth)
    assert disk.false_claims == []
    assert disk.right == {DIGEST: [(0, 1000), (1500, 1800)]}
    assert (disk.claims, disk.claimed_bytes) == (4, 1300)


def test_one_wrong_byte_is_a_false_claim(models: Path, truth: dict[str, Path]) -> None:
    with (models / ".pulltui" / f"{NAME}-partial").open("r+b") as file:
        file.seek(1799)
        file.write(b"\0")
    disk = examine(models, truth)
    assert len(disk.false_claims) == 1
    assert disk.right[DIGEST][1] == (1500, 1799)


def test_a_finished_name_is_a_claim_too(models: Path, truth: dict[str, Path]) -> None:
    (models / ".pulltui" / NAME).write_bytes(DATA[:-1] + b"\0")
    assert len(examine(models, truth).false_claims) == 1


@pytest.mark.parametrize("suffix", ["json", "live"])
def test_a_damaged_state_file_is_told(models: Path, truth: dict[str, Path], suffix: str) -> None:
    (models / ".pulltui" / f"{NAME}-partial.{suffix}").write_bytes(b"{")
    with pytest.raises(ValueError, match="damaged"):
        examine(models, truth)


def test_a_line_of_the_log_says_what_was_asked_and_sent() -> None:
    sizes = {DIGEST: 5000}
    uri = f"/v2/library/x/blobs/{DIGEST}"
    assert counting.parse_line(f"run-3\t{uri}\t206\tbytes=100-299\t50", sizes) == counting.Request(
        3, DIGEST, (100, 300), (100, 150)
    )
    assert counting.parse_line(f"run-3\t{uri}\t502\tbytes=100-299\t50", sizes) == counting.Request(
        3, DIGEST, (100, 300), (0, 0)
    )
    assert counting.parse_line(f"run-4\t{uri}\t200\t-\t5000", sizes) == counting.Request(
        4, DIGEST, (0, 5000), (0, 5000)
    )
    assert counting.parse_line("run-3\t/v2/library/x/manifests/latest\t200\t-\t50", sizes) is None


def test_ollama_deletes_what_no_manifest_names_and_what_is_no_blob(tmp_path: Path) -> None:
    blobs, place = tmp_path / "blobs", tmp_path / "manifests" / "host" / "library" / "x"
    blobs.mkdir()
    place.mkdir(parents=True)
    config = blobs / NAME
    config.write_text("{}")
    entry = {"mediaType": "config", "digest": DIGEST, "size": 2}
    (place / "latest").write_text(json.dumps({"config": entry, "layers": []}))
    stray = [blobs / f"sha256-{'0' * 64}", blobs / f"{NAME}-partial"]
    for path in stray:
        path.write_bytes(b"x")
    now = config.stat().st_mtime
    assert ollama.doomed(tmp_path, now + ollama.GRACE + 60) == stray
    assert ollama.doomed(tmp_path, now + 60) == []
    assert list(ollama.listed(tmp_path)) == ["host/library/x:latest"]
    assert ollama.missing(tmp_path) == []
    config.write_text("{")
    assert ollama.listed(tmp_path) == {}
    assert ollama.missing(tmp_path) == [DIGEST]
