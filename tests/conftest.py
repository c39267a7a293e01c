from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from pulltui.demo import Model, Registry
from support.engine import Engine

with suppress(ImportError):
    # Tests run many engines in one process, one after the other. pyreqwest must not be loaded first by a
    # thread that ends: the next client would crash in it.
    import pulltui.engine.fast  # noqa: F401


# A commit passes or fails; what chance finds once more is looked for with --hypothesis-profile=search.
# No deadline: how long an example takes says how busy the machine is.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("steady")

LONG = (
    "test_queue_histories.py",
    "test_crew.py",
    "test_crew_looks.py",
    "test_hostile.py",
    "test_disk.py",
    "test_viewing.py",
    "test_waits.py",
    "test_turns.py",
    "test_beside.py",
    "test_stopping.py",
    "test_real_engine.py",
    "test_truth.py",
    "test_queue_pulls.py",
)
"""Files with few tests that take long."""


def pytest_configure(config: pytest.Config) -> None:
    """Files are begun in the order of `pytest_collection_modifyitems`, not by their number of tests alone."""
    if hasattr(config.option, "loadscopereorder"):  # pytest-xdist's
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, lest one process is at it while the others have nothing left to do."""
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.name not in LONG, -tests[item.path]))


@pytest.fixture(autouse=True)
def nobody_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or changes the home, the settings, the models or the proxies of whoever runs it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.delenv(f"XDG_{name}_HOME", raising=False)
    for name in ("OLLAMA_MODELS", "OLLAMA_DOWNLOAD_PART_SIZE", "OLLAMA_DOWNLOAD_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """The command sets up the process's log; the next test finds it as it was."""
    log, loud = logging.getLogger("pulltui"), logging.raiseExceptions
    before = (log.propagate, log.level, list(log.handlers))
    yield
    for handler in log.handlers:
        if handler not in before[2]:
            handler.close()
    log.propagate, log.handlers = before[0], before[2]
    log.setLevel(before[1])
    logging.raiseExceptions = loud


@pytest.fixture
def registry() -> Iterator[Callable[..., Registry]]:
    """`registry(*models, faults="")`: embedded registries that live as long as the test."""
    started: list[Registry] = []

    def start(*models: Model, faults: str = "", seed: int = 0) -> Registry:
        started.append(Registry(models, faults, seed).start())
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """`engine(directory=None, **settings)`: running services with waits of milliseconds, stopped after."""
    running: list[Engine] = []

    def start(directory: Path | None = None, **options: object) -> Engine:
        running.append(Engine(directory or tmp_path / "models", **options).start())  # type: ignore[arg-type]
        return running[-1]

    yield start
    _stop_all(running)


def _stop_all(running: Iterable[Engine]) -> None:
    for each in running:
        each.stop()
