"""The user's commands at the end of a pull: what they are told, how long they may take, how they fail."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from pulltui.demo import Registry
from pulltui.engine import hooks as module
from pulltui.engine.hooks import Hooks, facts
from pulltui.engine.log import EventLog
from pulltui.engine.views import Event, EventKind
from pulltui_config import load, settings
from pulltui_config.environment import FACTS
from support.engine import KB, PATIENCE, Engine
from support.registry import make_model

Told = list[tuple[str, str]]
ENVIRON = {"PATH": os.environ["PATH"], "KEPT": "as inherited"}


class Kit:
    """Hooks over a log of their own, and what they told."""

    def __init__(self, models: Path, limit: float, clock: Callable[[], float]) -> None:
        self.log = EventLog(lambda: 0.0)
        self.commands = settings.Hooks()
        self.told: Told = []
        self.hooks = Hooks(
            lambda: self.commands,
            self.log,
            lambda event, why: self.told.append((event.name, why)),
            models_dir=models,
            environ=ENVIRON,
            limit=limit,
            clock=clock,
        )

    def on_done(self, *command: str) -> None:
        self.commands = settings.Hooks(on_done=command)

    def shell(self, script: str) -> None:
        self.on_done("/bin/sh", "-c", script)

    def done(self, name: str = "tiny") -> None:
        self.log.emit(EventKind.DONE, pull="p1", name=name, size=1_000, seconds=2.4)
        self.hooks.look()

    def end(self, patience: float = 60) -> Told:
        """Let all of them end; what was told."""
        self.hooks.close(patience)
        return self.told


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Kit]:
    """`kit(limit=60, clock=time.monotonic)`; commands run in the test's own directory."""
    monkeypatch.chdir(tmp_path)

    def make(limit: float = 60, clock: Callable[[], float] = time.monotonic) -> Kit:
        return Kit(tmp_path / "models", limit, clock)

    return make


def test_the_facts_are_in_the_environment_and_no_shell_reads_the_words(
    kit: Callable[..., Kit], tmp_path: Path
) -> None:
    each = kit()
    each.on_done("/bin/sh", "-c", 'env > facts; printf "%s\\n" "$@" > words', "sh", "$(touch bad)", "; a  b")
    each.done("x/y:1")
    assert each.end() == []
    lines = (tmp_path / "facts").read_text().splitlines()
    assert {line for line in lines if line.startswith(("PULLTUI_", "KEPT"))} == {
        "KEPT=as inherited",
        "PULLTUI_EVENT=done",
        "PULLTUI_NAME=x/y:1",
        "PULLTUI_SIZE=1000",
        "PULLTUI_SECONDS=2",
        f"PULLTUI_MODELS_DIR={tmp_path}/models",
        "PULLTUI_WHY=",
        "PULLTUI_HINT=",
    }
    assert (tmp_path / "words").read_text() == "$(touch bad)\n; a  b\n"
    assert not (tmp_path / "bad").exists()


def test_a_failure_has_a_command_of_its_own(kit: Callable[..., Kit], tmp_path: Path) -> None:
    each = kit()
    each.commands = settings.Hooks(on_failed=("/bin/sh", "-c", 'echo "$PULLTUI_WHY|$PULLTUI_HINT" > why'))
    each.log.emit(EventKind.FAILED, name="tiny", why="it's 404 `here`", hint="Check $HOME.")
    each.done()
    assert each.end() == []
    assert (tmp_path / "why").read_text() == "it's 404 `here`|Check $HOME.\n"


def test_each_event_has_one_process_and_the_commands_of_that_moment(
    kit: Callable[..., Kit], tmp_path: Path
) -> None:
    each = kit()
    each.done("before")
    each.shell('echo "$PULLTUI_NAME" >> first')
    each.done("one")
    each.hooks.look()
    each.shell('echo "$PULLTUI_NAME" >> second')
    each.done("two")
    assert each.end() == []
    assert (tmp_path / "first").read_text() == "one\n"
    assert (tmp_path / "second").read_text() == "two\n"


def test_its_standard_input_is_empty(kit: Callable[..., Kit], tmp_path: Path) -> None:
    each = kit()
    each.shell("cat > said; echo end >> said")
    each.done()
    assert each.end() == []
    assert (tmp_path / "said").read_text() == "end\n"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("no-such-command",), "no-such-command was not found"),
        (("/",), "could not be run: Permission denied"),
        (("/bin/echo", "a\0b"), "could not be run: embedded null byte"),
        (
            ("/bin/sh", "-c", "echo first; echo 'it \033[31mbroke' >&2; exit 3"),
            "exit status 3: it �[31mbroke",
        ),
        (("/bin/sh", "-c", "kill -SEGV $$"), "ended by SIGSEGV"),
    ],
)
def test_a_hook_that_fails_is_told(
    command: tuple[str, ...],
    why: str,
    kit: Callable[..., Kit],
    caplog: pytest.LogCaptureFixture,
) -> None:
    logging.getLogger("pulltui").propagate = True
    each = kit()
    each.on_done(*command)
    each.done()
    assert each.end() == [("tiny", f"hooks.on_done: {why}")]
    assert f"hooks.on_done for tiny: {why}" in caplog.text


def test_the_end_of_what_it_says_goes_to_the_log_clean(
    kit: Callable[..., Kit], caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("pulltui").propagate = True
    caplog.set_level(logging.INFO, "pulltui.hooks")
    each = kit()
    each.shell(r"yes 0123456789 | head -c 300000; printf 'the \033]0;end\377\n'")
    each.done()
    assert each.end() == []
    said = [record.getMessage() for record in caplog.records if "says" in record.getMessage()]
    assert said[-1].endswith("the �]0;end�")
    assert len(said) == module.LINES


def test_what_a_hook_leaves_running_does_not_hold_it_up(kit: Callable[..., Kit], tmp_path: Path) -> None:
    each = kit(limit=1000)
    each.shell("sleep 1000 & echo $! > left")
    each.done()
    try:
        assert each.end(1000) == []
    finally:
        os.kill(int((tmp_path / "left").read_text()), signal.SIGKILL)


@pytest.mark.parametrize("deaf", ["", "trap '' TERM; "])
def test_one_that_takes_too_long_is_ended_with_all_it_started(
    deaf: str, kit: Callable[..., Kit], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "alive")
    begun = threading.Event()
    # Time flies as soon as the hook has begun: it is not ended before.
    each = kit(limit=1000, clock=lambda: time.monotonic() * (100_000 if begun.is_set() else 1))
    each.shell(f"{deaf}exec 3> alive; exec >&- 2>&-; sleep 1000 & sleep 1000")
    each.done()
    with (tmp_path / "alive").open("rb") as alive:
        begun.set()
        assert alive.read() == b"", "until nobody has it open any more"
    assert each.end() == [("tiny", "hooks.on_done: took longer than 1000 s and was ended")]


def test_no_more_than_two_run_at_once_and_all_get_their_turn(kit: Callable[..., Kit], tmp_path: Path) -> None:
    each = kit()
    each.shell(
        "mkdir one 2>&- && mine=one || { mkdir two 2>&- && mine=two; } || exit 1; "
        'sleep 0.05; echo "$PULLTUI_NAME" >> ran; rmdir $mine'
    )
    for n in range(6):
        each.done(f"m{n}")
    assert each.end() == []
    assert sorted((tmp_path / "ran").read_text().split()) == [f"m{n}" for n in range(6)]


def test_at_the_end_what_still_runs_is_ended_and_what_waits_is_left_out(
    kit: Callable[..., Kit], tmp_path: Path
) -> None:
    each = kit(limit=1000)
    each.shell('exec 3> "$PULLTUI_NAME"; sleep 1000')
    for name in "ab":
        os.mkfifo(tmp_path / name)
    for name in "abc":
        each.done(name)
    for name in "ab":
        (tmp_path / name).open("rb").close()  # when the hook has it open, too
    assert sorted(each.end(patience=0.1)) == [
        ("a", "hooks.on_done: ended because pulltui ends"),
        ("b", "hooks.on_done: ended because pulltui ends"),
        ("c", "hooks.on_done: not run any more: pulltui ended"),
    ]


def test_whoever_is_in_a_hurry_does_not_wait(kit: Callable[..., Kit], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    each = kit(limit=1000)
    each.shell("exec 3> alive; sleep 1000")
    each.done()
    (tmp_path / "alive").open("rb").close()  # when the hook has it open, too
    each.hooks.hurry()
    assert each.end(patience=1000) == [("tiny", "hooks.on_done: ended because pulltui ends")]


def test_what_ended_last_has_its_hook_too(kit: Callable[..., Kit], tmp_path: Path) -> None:
    each = kit()
    each.shell("touch ran")
    each.log.emit(EventKind.DONE, name="tiny")
    assert each.end() == []
    assert (tmp_path / "ran").exists()


def test_the_settings_name_every_fact_and_take_none_for_a_setting() -> None:
    found = facts(Event(seq=1, at=0.0, kind=EventKind.DONE), Path("/models"))
    assert tuple(found) == FACTS
    described = [
        settings.Hooks.__annotations__[key].__metadata__[0].description for key in ("on_done", "on_failed")
    ]
    assert [name for name in FACTS if name not in " ".join(described)] == []
    assert load(None, found).problems == ()


class TestInTheEngine:
    """Hooks as the engine runs them."""

    @staticmethod
    def change(running: Engine, **hooks: tuple[str, ...]) -> None:
        """Put hooks into the settings of an engine that runs."""
        changed = replace(running.settings, hooks=settings.Hooks(**hooks))
        running.service.change_settings(changed).result(PATIENCE)

    def test_one_runs_for_each_pull_also_for_the_last_before_the_end(
        self, engine: Callable[..., Engine], registry: Callable[..., Registry], tmp_path: Path
    ) -> None:
        models = [make_model("a", 300 * KB), make_model("b", 300 * KB, seed=1)]
        served = registry(*models)
        running = engine(environ=ENVIRON)
        said = tmp_path / "said"
        script = f'echo "$PULLTUI_EVENT $PULLTUI_NAME $PULLTUI_SIZE" >> {said}'
        self.change(running, on_done=("/bin/sh", "-c", script), on_failed=("/bin/sh", "-c", script))
        names = [*served.names(), served.names()[0].replace("/a:", "/unknown:")]
        pulls = [running.add(name) for name in names]
        running.until_done(*pulls[:2])
        running.until_failed(pulls[2])
        assert running.stop()
        sizes = [model.size for model in models] + [0]
        events = ["done", "done", "failed"]
        assert sorted(said.read_text().splitlines()) == sorted(
            f"{event} {name.removeprefix('http://')} {size}"
            for event, name, size in zip(events, names, sizes, strict=True)
        )

    def test_its_failure_is_an_event_and_holds_nothing_up(
        self, engine: Callable[..., Engine], registry: Callable[..., Registry]
    ) -> None:
        served = registry(make_model("a", 300 * KB), make_model("b", 300 * KB, seed=1))
        running = engine(environ=ENVIRON)
        self.change(running, on_done=("no-such-command",))
        running.until_done(*[running.add(name) for name in served.names()])
        running.until(lambda: len(running.events(EventKind.NOTE)) == 2, "two notes")
        note = running.events(EventKind.NOTE)[0]
        assert (note.why, note.error_kind) == ("hooks.on_done: no-such-command was not found", "hook")
        assert note.name

    @pytest.mark.parametrize(("timeout", "patience"), [(0.2, 5.0), (10.0, 5.0), (45.0, 40.0)])
    def test_who_has_time_gives_it_to_hooks(
        self, engine: Callable[..., Engine], timeout: float, patience: float
    ) -> None:
        running = engine(environ=ENVIRON)
        core = running.service._core
        assert core is not None
        running.service.stop(timeout)
        assert core.hook_patience == patience
        assert running.stop()

    def test_a_stop_by_a_signal_does_not_wait_for_it(
        self, engine: Callable[..., Engine], registry: Callable[..., Registry], tmp_path: Path
    ) -> None:
        os.mkfifo(tmp_path / "alive")
        running = engine(environ=ENVIRON)
        self.change(running, on_done=("/bin/sh", "-c", f"exec 3> {tmp_path}/alive; sleep 1000"))
        pull = running.add(registry(make_model("a", 300 * KB)).names()[0])
        with (tmp_path / "alive").open("rb") as alive:
            running.until_done(pull)
            running.service.request_stop()
            assert running.stop()
            assert alive.read() == b""
        assert [note.why for note in running.events(EventKind.NOTE)] == [
            "hooks.on_done: ended because pulltui ends"
        ]
