"""The app's first frame: what is loaded for it, what it says, and what may happen before the engine is up."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from pulltui.engine.queuefile import Entry, QueueFile
from pulltui.engine.store import Store
from pulltui_config import Locations
from support import first_frame
from support.command import Terminal, command_env, run
from support.registry import closed_port
from support.terminals import Terminal as Screen

LOOKING = b"Looking what is queued"
SLOW = {"httpx", "pyreqwest", "cryptography", "typer", "tomlkit", "tree_sitter"}


def on_screen(what: str, home: Path) -> Screen:
    """The app, with an engine that comes up as `first_frame` says."""
    return Screen([first_frame.__file__, what], size=(120, 36), environ=command_env(home))


def assert_left(screen: Screen, models: Path) -> None:
    """The terminal is as it was, and another process can have the models directory."""
    assert screen.screen.count(b"\x1b[?1049h") == screen.screen.count(b"\x1b[?1049l") == 1
    assert screen.modes_now() == screen.modes
    store = Store(models)
    store.open("now")
    store.close()


def test_what_is_slow_to_load_is_loaded_after_it(tmp_path: Path) -> None:
    with on_screen("come", tmp_path) as screen:
        screen.read_until(told=b" end\n")
        loaded = set(screen.told.decode().split())
        assert {"pulltui", "textual"} <= loaded
        assert loaded & SLOW == set()
        screen.read_until(screen=LOOKING)
        screen.read_until(screen=b"Nothing queued")
        assert screen.screen.index(LOOKING) < screen.screen.index(b"Nothing queued")
        screen.press("q")
        assert screen.read_to_end() == 0
        assert_left(screen, tmp_path / ".ollama" / "models")


def test_it_does_not_say_that_nothing_is_queued_while_something_is(tmp_path: Path) -> None:
    models = tmp_path / ".ollama" / "models"
    places = Locations(
        config_dir=tmp_path, state_dir=tmp_path / ".local" / "state" / "pulltui", log_dir=tmp_path
    )
    entry = Entry(name=f"127.0.0.1:{closed_port()}/library/kept:latest", scheme="http", paused=True)
    QueueFile(places.models_state(models)).save([entry])
    with Terminal([], tmp_path) as terminal:
        terminal.wait_for(b"library/kept")
        terminal.type(b"q")
        assert terminal.end() == 0
    assert LOOKING in terminal.seen
    assert b"Nothing queued" not in terminal.seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("what", ["wait", "linger"])
def test_a_signal_before_the_engine_is_up_ends_it_all(
    what: str, number: signal.Signals, tmp_path: Path
) -> None:
    with on_screen(what, tmp_path) as screen:
        screen.read_until(screen=LOOKING, told=b"coming\n" if what == "linger" else b" end\n")
        screen.signal(number)
        assert screen.read_to_end() == 128 + number
        assert b"ended before" not in screen.screen
        assert_left(screen, tmp_path / ".ollama" / "models")


@pytest.mark.parametrize("what", ["wait", "linger"])
def test_so_does_its_key(what: str, tmp_path: Path) -> None:
    with on_screen(what, tmp_path) as screen:
        screen.read_until(screen=LOOKING, told=b"coming\n" if what == "linger" else b" end\n")
        screen.press("q")
        assert screen.read_to_end() == 0
        assert b"ended before" not in screen.screen
        assert_left(screen, tmp_path / ".ollama" / "models")


def test_what_keeps_the_engine_from_coming_up_is_told_when_the_screen_is_gone(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n")
    env = command_env(tmp_path, PULLTUI_NETWORK_CA_FILE=str(bad))
    headless = run(["pull", "tiny"], tmp_path, env=env)
    with Terminal([], tmp_path, env=env) as terminal:
        assert terminal.end() == headless.returncode != 0
    after = terminal.seen.rpartition(b"\x1b[?1049l")[2].decode()
    assert headless.stderr
    for line in headless.stderr.splitlines():
        assert line in after
    assert "Traceback" not in after


def test_who_holds_the_models_directory_is_told_before_any_screen(tmp_path: Path) -> None:
    store = Store(tmp_path / ".ollama" / "models")
    store.open("now")
    with Terminal([], tmp_path) as terminal:
        assert terminal.end() == 4
    store.close()
    assert b"is in use by process" in terminal.seen
    assert b"\x1b[?1049h" not in terminal.seen
