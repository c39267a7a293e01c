"""The benchmark of the screen works, and its arithmetic is right. What it measures is nobody's test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bench import screen
from bench.figures import Sample, Sent, left_off, speed_off
from bench.moving import BLOBS, FRAMES, RECEIVING, MovingService, busy_views, long_queue
from bench.record import recorded
from bench.screen_app import Meter
from pulltui.engine.views import PartState


@pytest.mark.parametrize("parts", [300, 3000])
def test_the_views_are_those_of_a_busy_engine(parts: int) -> None:
    views = busy_views(parts)
    assert len(views) == FRAMES
    for view in views:
        blobs = [pull.blobs[0] for pull in view.pulls]
        assert [blob.parts for blob in blobs] == [parts] * BLOBS
        assert sum(blob.connections for blob in blobs) == RECEIVING
        looked_at = blobs[0].map
        assert looked_at is not None and all(blob.map is None for blob in blobs[1:])
        busy = [state for state in looked_at.states if state in (PartState.RECEIVING, PartState.QUIET)]
        assert len(busy) == len(blobs[0].active) == RECEIVING // BLOBS
        assert sum(memoryview(looked_at.done).cast("Q")) == blobs[0].done < blobs[0].size
        assert all(0 < part.done < part.size for part in blobs[0].active)
    dones = [view.pulls[0].done for view in views]
    assert dones == sorted(dones), "it only goes on"


def test_the_service_shows_something_new_each_time() -> None:
    service = MovingService(long_queue(3))
    first, second = service.view, service.view
    assert (second.rev, second.pulls) == (first.rev + 1, first.pulls)
    assert len(first.pulls) == 3


def test_a_report_is_about_the_time_after_the_warm_up() -> None:
    meter = Meter()
    meter.ticks = [(t / 10, t * 0.001 if t < 100 else 0.1 + (t - 100) * 0.002, 1000 + t) for t in range(300)]
    report = meter.report(10.0)
    assert report["hz"] == pytest.approx(10)
    assert report["core"] == pytest.approx(0.02)
    assert report["tick"] == pytest.approx(0.002)
    assert (report["rss_first"], report["rss_last"]) == (1148, 1299)


def test_the_figures_are_compared_with_what_was_sent() -> None:
    times = [n / 8 for n in range(1, 161)]  # fractions that floats have exactly
    sent = Sent(times, [round(at * 1000) for at in times])
    assert (sent.by(0.0), sent.by(5.0), sent.by(99)) == (0, 5000, 20_000)
    samples = [Sample(at, 1100.0, (20 - at) * 0.9, round(at * 1000)) for at in times]
    assert speed_off(samples, sent) == pytest.approx([0.1] * len(speed_off(samples, sent)))
    assert left_off(samples) == pytest.approx([0.1] * 129)


@pytest.mark.long
def test_the_benchmark_of_the_screen_prints_its_table(tmp_path: Path) -> None:
    file = tmp_path / "figures"
    command = [sys.executable, screen.__file__, "--rounds", "1", "--minutes", "0.1", "--record", str(file)]
    rows = ["--rows", "draw,keys,frame,pull,soak"]
    done = subprocess.run([*command, *rows], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = [line.split() for line in done.stdout.splitlines() if line]
    assert [line[0] for line in told] == ["on", "parts", "300", "3000", "still", "a", "first", "a", "0.1"]
    noted = recorded(file)
    assert list(noted) == [
        *("screen draw 300", "screen draw 3000", "screen draw still"),
        *("screen key", "screen frame", "screen pull core", "screen pull rate"),
    ]
    assert 0.5 < noted["screen pull rate"].middle < 2
