import subprocess
import sys


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after running `code`."""
    shown = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", shown], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_settings_load_nothing_of_the_program_and_nothing_slow() -> None:
    loaded = loaded_after("import pulltui_config; pulltui_config.load(None)")
    assert "pulltui_config" in loaded
    unwanted = {"pulltui", "textual", "rich", "httpx", "pyreqwest", "typer", "platformdirs", "tree_sitter"}
    assert not loaded & (unwanted | {"tree_sitter_toml", "tomllib", "tomlkit", "difflib"})


def test_the_parser_with_lines_is_loaded_for_problems_only() -> None:
    assert "tree_sitter" not in loaded_after("import pulltui_config; pulltui_config.load(b'[ui]\\nfps = 5')")
    assert "tree_sitter" in loaded_after("import pulltui_config; pulltui_config.load(b'[ui]\\nfps = 0')")


def test_what_writes_loads_the_parser_when_something_is_written() -> None:
    code = "from pulltui_config import saving, watching, writing\nwriting.edit"
    slow = {"tree_sitter", "tomllib", "platformdirs", "difflib"}
    assert not loaded_after(code) & slow
    assert "tree_sitter" in loaded_after(f"{code}(b'', 'ui.fps', 5)")
