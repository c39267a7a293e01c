"""README is a promise: what it says about settings, events, keys and commands is what the program has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pulltui.jsonlines import markdown_table
from pulltui.ui.app import PulltuiApp
from pulltui.ui.screens.main import MainScreen
from pulltui.ui.widgets.pull_list import PullList
from pulltui_config import show
from textual.binding import Binding

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_it_opens_with_the_two_commands() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.S)
    assert blocks[0] == "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/pulltui demo\n"
    assert blocks[1] == "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest\n"
    assert README.index(blocks[1]) < 900


def test_its_table_of_settings_is_the_settings() -> None:
    assert show.markdown().strip() in README


def test_its_table_of_events_is_the_contract() -> None:
    assert markdown_table().strip() in README


@pytest.mark.parametrize("owner", [PulltuiApp, MainScreen, PullList])
def test_its_keys_are_all_keys(owner: type[PulltuiApp] | type[MainScreen] | type[PullList]) -> None:
    names = {"question_mark": "?"}
    table = README.split("## Keys")[1].split("## Commands")[0]
    for binding in owner.BINDINGS:
        assert isinstance(binding, Binding)
        key = binding.key.split(",")[0]
        assert f"`{names.get(key, key)}`" in table, binding.description


def test_its_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file(), picture
