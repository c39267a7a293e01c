"""The benchmark of the long queue works; what it measures is nobody's test."""

from __future__ import annotations

from pathlib import Path

from bench import longqueue


def test_the_benchmark_of_the_queue_has_its_figures(tmp_path: Path) -> None:
    rows = longqueue.measure(tmp_path, 20, 2)
    assert len(rows) == 10
    assert all(value >= 0 for value in rows.values())
