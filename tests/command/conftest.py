"""A small registry, and the command in this process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulltui import cli
from pulltui.demo import Model, Registry
from support.commands import SIZE, Command
from support.registry import make_model


@pytest.fixture
def tiny() -> Model:
    return make_model("tiny", SIZE)


@pytest.fixture
def registry(tiny: Model) -> Iterator[Registry]:
    with Registry([tiny]) as started:
        yield started


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """The command in this process, with `tmp_path` for a home: for what ends before the engine starts."""
    for name in [name for name in os.environ if name.startswith(("PULLTUI_", "OLLAMA_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = cli.run(list(arguments))
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    return call
