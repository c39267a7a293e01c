"""What the app may know of, and what may be loaded before its first frame."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pulltui.ui

FOLDER = Path(pulltui.ui.__file__).parent
ENGINE = {"pulltui.engine.views", "pulltui.engine.api", "pulltui.engine.errors", "pulltui.engine.clean"}
ALLOWED = {*ENGINE, "pulltui.bell", "pulltui.editor", "pulltui.reload", "pulltui.start"}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


def test_the_app_knows_the_engines_door_only() -> None:
    ours = {
        module
        for path in FOLDER.rglob("*.py")
        for module in imported(path)
        if module.split(".")[0] == "pulltui"
    }
    beyond = {module for module in ours if not module.startswith("pulltui.ui")}
    assert beyond <= ALLOWED
    assert "pulltui.engine.api" in beyond


def test_nothing_slow_is_loaded_before_the_first_frame() -> None:
    code = (
        "import sys, pulltui.ui.app\n"
        "slow = {'httpx', 'pyreqwest', 'cryptography', 'tomlkit', 'tree_sitter', 'typer'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
