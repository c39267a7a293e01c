"""README is a promise: what it says about settings, events, keys and commands is what the program has."""

from __future__ import annotations

import re
from pathlib import Path

from pulltui.jsonlines import markdown_table
from pulltui.ui import keymap
from pulltui_config import show

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_it_opens_with_the_two_commands() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.S)
    assert blocks[0] == "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/pulltui demo\n"
    install = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]'"
    assert blocks[1] == f"{install} && .venv/bin/pytest -n 4 --dist loadfile\n"
    assert README.index(blocks[1]) < 900


def test_its_table_of_settings_is_the_settings() -> None:
    assert show.markdown().strip() in README


def test_its_table_of_events_is_the_contract() -> None:
    assert markdown_table().strip() in README


def test_its_table_of_keys_is_the_keymap() -> None:
    assert keymap.markdown().strip() in README


def test_its_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file(), picture
