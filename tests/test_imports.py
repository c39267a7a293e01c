"""Who may import whom, each rule proved in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest


def loaded_by(code: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter has loaded after `code`."""
    run = [
        sys.executable,
        "-c",
        f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})",
    ]
    return set(subprocess.run(run, capture_output=True, text=True, check=True, timeout=60).stdout.split())


@pytest.mark.parametrize(
    ("code", "never"),
    [
        ("import pulltui", {"pulltui_config", "typer", "msgspec", "asyncio"}),
        ("import pulltui_config", {"pulltui", "typer", "textual", "httpx"}),
        ("import pulltui.engine.service", {"textual", "rich", "typer"}),
        ("import pulltui.cli", {"textual", "rich", "httpx", "pyreqwest", "asyncio"}),
        ("import pulltui.session, pulltui.lines, pulltui.jsonlines", {"textual", "rich", "typer"}),
        ("import pulltui.demo.session", {"textual", "typer"}),
    ],
)
def test_importing_does_not_load(code: str, never: set[str]) -> None:
    assert loaded_by(code) & never == set()


def test_version_is_answered_before_anything_is_imported() -> None:
    code = (
        "import sys, io; sys.argv = ['pulltui', '--version']; before = set(sys.modules)\n"
        "from pulltui.__main__ import main\nout, sys.stdout = sys.stdout, io.StringIO()\nassert main() == 0\n"
        "text, sys.stdout = sys.stdout.getvalue(), out\nassert text.startswith('pulltui ')\n"
        "print(*set(sys.modules) - before)\nsys.exit()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(run.stdout.split()) == {"pulltui", "pulltui.__main__"}
