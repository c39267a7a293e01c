"""What of a kept queue goes on by itself: in the app, and beside a headless command."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulltui.engine.queuefile import Entry, QueueFile
from pulltui.engine.views import PullState
from pulltui.session import Session
from pulltui.start import Start, read_start
from pulltui_config import Locations
from support.registry import closed_port


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """A start with one unfinished pull, whose registry does not answer, in its queue."""
    locations = Locations(
        config_dir=tmp_path / "config", state_dir=tmp_path / "state", log_dir=tmp_path / "log"
    )
    found = read_start(locations, {}, tmp_path, {"storage.models_dir": str(tmp_path / "models")})
    entry = Entry(name=f"127.0.0.1:{closed_port()}/library/tiny:latest", scheme="http")
    QueueFile(locations.models_state(found.models)).save([entry])
    return found


def test_the_app_goes_on_with_it(start: Start) -> None:
    with Session(start) as session:
        [pull] = session.service.view.pulls
        assert pull.state is not PullState.PAUSED


@pytest.mark.parametrize("why", ["headless", "setting"])
def test_it_sleeps_beside_a_headless_command_and_when_the_setting_says_so(
    start: Start, why: str, tmp_path: Path
) -> None:
    if why == "setting":
        env = {"PULLTUI_UI_RESUME_ON_START": "false"}
        start = read_start(start.locations, env, tmp_path, {"storage.models_dir": str(start.models)})
    file = QueueFile(start.locations.models_state(start.models)).file
    before = file.read_bytes()
    with Session(start, headless=why == "headless") as session:
        [pull] = session.service.view.pulls
        assert pull.state is PullState.PAUSED
    assert file.read_bytes() == before
