"""kill -9 at random moments of a real pull: what is claimed is there, and little of it comes twice.

Each series prints its seed; PULLTUI_TEST_SEED repeats one. The full count is
`PULLTUI_TEST_KILLS=200 pytest -m long tests/real/test_kills.py`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from support import kills
from support.gguf import RealRegistry

FEW = 3
MANY = int(os.environ.get("PULLTUI_TEST_KILLS", "20"))
ROUNDING = 500_000
"""Half of what the app's header leaves out of a size in MB."""


def _check(
    registry: RealRegistry,
    live: Callable[[str, Path, int, Path, float], kills.Life],
    count: int,
    directory: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seed = int(os.environ.get("PULLTUI_TEST_SEED") or random.SystemRandom().randrange(10**6))
    found = kills.series(registry, live, count, directory, seed)
    with capsys.disabled():
        print(f"\n{live.__name__}: {kills.report(found, seed)}")
    assert [claim for kill in found for claim in kill.disk.false_claims] == []
    assert max(kill.again for kill in found) <= kills.MOST_AGAIN
    assert max(kill.sent_again for kill in found) <= kills.MOST_AGAIN
    backwards = [
        kill for kill in found if kill.shown is not None and kill.shown + ROUNDING < kill.disk.claimed_bytes
    ]
    assert backwards == []


@pytest.mark.real
@pytest.mark.parametrize("live", [kills.headless, kills.in_the_app])
def test_a_few_kills(
    registry: RealRegistry,
    live: Callable[[str, Path, int, Path, float], kills.Life],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _check(registry, live, FEW, tmp_path, capsys)


@pytest.mark.long
@pytest.mark.parametrize("live", [kills.headless, kills.in_the_app])
def test_many_kills(
    registry: RealRegistry,
    live: Callable[[str, Path, int, Path, float], kills.Life],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _check(registry, live, MANY, tmp_path, capsys)
