"""The command never repeats a password: not on the terminal, not in the log, not in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.authserver import BasicDoor, HttpServer, Registry
from support.command import command_env, run
from support.registry import KB, make_model

MODEL = make_model("tiny", 100 * KB, seed=75)


@pytest.mark.parametrize("json", [True, False])
@pytest.mark.parametrize(
    ("password", "code"), [("hunter2", 0), ("hunter22", 1)], ids=["right password", "wrong password"]
)
def test_a_pull_with_a_password_in_its_name(tmp_path: Path, json: bool, password: str, code: int) -> None:
    with HttpServer(Registry(BasicDoor("me", "hunter2"), [MODEL]).answer) as server:
        name = f"http://me:{password}@{server.host}/{MODEL.path}"
        done = run(["pull", name, *(["--json"] if json else [])], tmp_path)
    assert done.returncode == code, done.stderr
    said = done.stdout + done.stderr
    assert server.host in said
    if code:
        assert f"credentials for {server.host} refused" in said
    assert "hunter2" not in said
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "pulltui.log" for path in files)
    for path in files:
        assert b"hunter2" not in path.read_bytes()
        assert "hunter2" not in str(path)


@pytest.mark.parametrize(
    "name", ["https://me:hunter2@host/n", "https://me:hunter2@host/n/m m", "me:hunter2@host/n/m"]
)
def test_a_name_that_is_refused(tmp_path: Path, name: str) -> None:
    done = run(["pull", name], tmp_path)
    assert done.returncode == 2
    assert "hunter2" not in done.stdout + done.stderr
    assert "host" in done.stderr


def test_the_variable_is_known(tmp_path: Path) -> None:
    with HttpServer(Registry(BasicDoor("me", "hunter2"), [MODEL]).answer) as server:
        env = command_env(tmp_path, PULLTUI_CREDENTIALS=f"{server.host}=me:hunter2")
        done = run(["pull", f"{server.host}/{MODEL.path}"], tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert "PULLTUI_CREDENTIALS" not in done.stderr
