"""The benchmark of the screen works, and its arithmetic is right. What it measures is nobody's test."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench import screen, screen_app
from bench.figures import Sample, Sent, left_off, speed_off
from bench.moving import BLOBS, FRAMES, RECEIVING, MovingService, busy_views, long_queue
from bench.record import recorded
from bench.screen_app import Meter, Tick
from pulltui.engine.views import PartState
from support import benchmark


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
    meter.ticks = [
        Tick(
            t / 10,
            t * 0.001 if t < 100 else 0.1 + (t - 100) * 0.002,
            0.001 if t < 200 else 0.003,
            1000 + t,
            0,
        )
        for t in range(300)
    ]
    report = meter.report(10.0)
    assert report["hz"] == pytest.approx(10)
    assert report["core"] == pytest.approx(0.02)
    assert report["tick"] == pytest.approx(0.002)
    assert (report["first_yard"], report["last_yard"]) == (0.001, 0.003)
    assert (report["rss_first"], report["rss_last"]) == (1148, 1299)
    assert report["drawn"] == 0
    # Of the last quarter's 49 intervals every second one.
    meter.ticks = [tick._replace(out=t // 2) for t, tick in enumerate(meter.ticks)]
    assert meter.report(10.0)["drawn"] == pytest.approx(24 / 49)


def test_a_yardstick_is_not_part_of_what_a_tick_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0

    def takes_a_second() -> None:
        nonlocal now
        now += 1

    monkeypatch.setattr(screen_app, "yardstick", takes_a_second)
    for clock in ("process_time", "thread_time"):
        monkeypatch.setattr(f"time.{clock}", lambda: now)
    meter = Meter()
    for _ in range(3):
        meter.tick()
        now += 0.25
    assert [(tick.used, tick.yard) for tick in meter.ticks] == [(100, 1), (100.25, 1), (100.5, 1)]
    assert all(tick.rss for tick in meter.ticks)


def test_what_the_app_costs_is_told_pair_by_pair(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each round of a pull is a share of a core and MB/s, of which the first pair only warms up."""
    runs = {
        "terminal": [(9.0, 1.0), (0.5, 90.0), (0.3, 99.0)],
        "headless": [(9.0, 1.0), (0.4, 100.0), (0.1, 99.0)],
    }

    def steady(start: Callable[[str, Path], Any], home: Path) -> tuple[float, float]:
        return runs[start.__name__.replace("on_a_", "")].pop(0)

    monkeypatch.setattr(screen, "_steady", steady)
    core, rate = screen.pull(2)
    assert (core.name, core.middle, core.low, core.high) == (
        "screen pull core",
        *map(pytest.approx, (0.15, 0.1, 0.2)),
    )
    assert (rate.name, rate.middle, rate.low, rate.high) == ("screen pull rate", 0.95, 0.9, 1.0)
    assert (
        "terminal 40.0% of a core, 94.5 MB/s; headless 25.0% of a core, 99.5 MB/s" in capsys.readouterr().out
    )


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
    done = benchmark.run([*command, *rows])
    assert (done.returncode, done.stderr) == (0, "")
    told = [line.split() for line in done.stdout.splitlines() if line]
    assert [line[0] for line in told] == ["on", "parts", "300", "3000", "still", "a", "first", "a", "0.1"]
    noted = recorded(file)
    assert list(noted) == [
        *("screen draw 300", "screen draw 3000", "screen draw still"),
        *("screen key", "screen frame", "screen pull core", "screen pull rate"),
    ]
    # How near both rates are is not for one pair of runs to say.
    rate = noted["screen pull rate"]
    assert 0 < rate.low == rate.middle == rate.high < math.inf
