"""Which editor is opened."""

from __future__ import annotations

import pytest
from pulltui.editor import NoEditorError, editor_command


def nothing(_: str) -> str | None:
    return None


@pytest.mark.parametrize(
    ("environ", "command"),
    [
        ({"VISUAL": "code --wait", "EDITOR": "ed"}, ["code", "--wait"]),
        ({"EDITOR": "'my editor' -x"}, ["my editor", "-x"]),
        ({"VISUAL": "  ", "EDITOR": "ed"}, ["ed"]),
    ],
)
def test_what_the_environment_names(environ: dict[str, str], command: list[str]) -> None:
    assert editor_command(environ, nothing) == command


def test_without_a_word_the_first_that_is_there() -> None:
    assert editor_command({}, lambda name: name if name in ("vi", "nano") else None) == ["nano"]


@pytest.mark.parametrize(
    ("environ", "words"), [({}, "set EDITOR"), ({"EDITOR": "'open"}, "EDITOR cannot be")]
)
def test_there_is_none(environ: dict[str, str], words: str) -> None:
    with pytest.raises(NoEditorError, match=words):
        editor_command(environ, nothing)
