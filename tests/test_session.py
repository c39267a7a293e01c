"""What of a kept queue goes on by itself: in the app, and beside a headless command."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulltui.engine.errors import LockedError, PullError, TrustError
from pulltui.engine.queuefile import Entry, QueueFile
from pulltui.engine.views import PullState, PullView
from pulltui.session import Session
from pulltui.start import Start, read_start
from pulltui.ui.app import Ended
from pulltui_config import Locations
from support.engine import PATIENCE
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


def only_pull(session: Session) -> PullView:
    """The pull in the queue of a session whose engine is up, or comes up now."""
    session.service.begin()
    session.service.recent().result(PATIENCE)
    [pull] = session.service.view.pulls
    return pull


def test_the_app_goes_on_with_it(start: Start) -> None:
    with Session(start) as session:
        assert only_pull(session).state is not PullState.PAUSED


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
        assert only_pull(session).state is PullState.PAUSED
    assert file.read_bytes() == before


def test_for_the_app_the_directory_is_held_and_nothing_has_begun(start: Start) -> None:
    with Session(start) as session:
        assert session.service.view.starting
        with pytest.raises(LockedError), Session(start):
            pass
        assert session.service.view.pulls == ()
    with Session(start) as again:
        assert only_pull(again).name


def broken(start: Start, tmp_path: Path) -> Start:
    """The same start, with certificates that cannot be used."""
    bad = tmp_path / "bad.pem"
    bad.write_text("-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n")
    flags = {"storage.models_dir": str(start.models), "network.ca_file": str(bad)}
    return read_start(start.locations, {}, tmp_path, flags)


def test_what_keeps_the_engine_from_coming_up_is_told_by_the_app_as_by_a_command(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = broken(start, tmp_path)
    with pytest.raises(TrustError) as told, Session(start, headless=True):
        pass

    def run_app(_: object, *, on_shown: object, **__: object) -> Ended:
        assert callable(on_shown)
        waiting = session.service.add("tiny")
        on_shown()
        with pytest.raises(TrustError):
            waiting.result(PATIENCE)
        session.service.stop()
        return Ended(1, saved=False)

    monkeypatch.setattr("pulltui.ui.app.run_app", run_app)
    with pytest.raises(PullError) as shown, Session(start) as session:
        session.show(["tiny"])
    assert (str(shown.value), shown.value.hint) == (str(told.value), told.value.hint)
    assert shown.value.exit_code == told.value.exit_code
