"""Who has a file open: looked up in a /proc made for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulltui.engine.openfiles import Users, users_of


def proc(root: Path, number: int, name: str, opened: Path | None = None) -> Path:
    """A process as /proc shows it."""
    directory = root / str(number)
    (directory / "fd").mkdir(parents=True)
    (directory / "comm").write_text(f"{name}\n")
    if opened is not None:
        (directory / "fd" / "3").symlink_to(opened)
    return directory


def test_a_process_that_hides_its_files_is_told_only_if_it_is_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    target.touch()
    root = tmp_path / "proc"
    hidden = {proc(root, 11, "ollama") / "fd", proc(root, 12, "init") / "fd"}
    proc(root, 13, "vi\x07", target)
    proc(root, 14, "cat", tmp_path)
    (root / "meminfo").touch()
    real = Path.iterdir

    def iterdir(path: Path) -> Any:
        if path in hidden:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    users = users_of(target, "ollama", root)
    assert users == Users(("vi\ufffd (process 13)",), ("ollama (process 11)",))


def test_nobody_has_it_open(tmp_path: Path) -> None:
    proc(tmp_path / "proc", 14, "cat", tmp_path)
    target = tmp_path / "target"
    target.touch()
    assert users_of(target, "ollama", tmp_path / "proc") == Users()


def test_a_system_without_proc_tells_nothing(tmp_path: Path) -> None:
    assert users_of(tmp_path, "ollama", tmp_path / "no proc") == Users(blind=True)
    (tmp_path / "empty").mkdir()
    assert users_of(tmp_path, "ollama", tmp_path / "empty") == Users(blind=True)
