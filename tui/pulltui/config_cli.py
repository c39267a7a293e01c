"""`pulltui config`: what the settings are, where they come from, what is wrong; and changing them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final, NoReturn

import typer

from pulltui.refusals import USAGE
from pulltui.start import Start, current_start

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show and change settings, where they come from, what is wrong with them.",
)
VALUE_CELLS: Final = 24
"""Room for a value in `show`; the few longer ones push their origin to the right."""

Key = Annotated[str, typer.Argument(metavar="KEY", help="A setting, like transfer.part_size.")]
Value = Annotated[
    str, typer.Argument(metavar="VALUE", help='As in the file: 8, true, ["a", "b"]; else taken as text.')
]


@app.command()
def path() -> None:
    """Print where settings, queue, log and models are."""
    start = current_start({})
    places = {
        "settings": start.locations.config_file,
        "state": start.locations.models_state(start.models),
        "log": start.locations.log_file,
        "models": start.models,
    }
    for name, place in places.items():
        there = "" if place.exists() else "  (does not exist yet)"
        typer.echo(f"{name:<9} {place}{there}")


@app.command()
def show() -> None:
    """Print every setting, its value and where that comes from."""
    start = current_start({})
    rows = list(_rows(start))
    keys = max(len(key) for key, _, _ in rows)
    for key, value, origin in rows:
        typer.echo(f"{key:<{keys}}  {value:<{VALUE_CELLS}}  {origin}")
    for sentence in _findings(start):
        typer.echo(sentence, err=True)


@app.command()
def check() -> None:
    """Say what is wrong; exit code 2 if something cannot be used."""
    start = current_start({})
    refused = _refused_by_app(start)
    findings = _findings(start) + refused
    for sentence in findings:
        typer.echo(sentence)
    if refused or not start.loaded.ok:
        raise typer.Exit(USAGE)
    if not findings:
        file = start.locations.config_file
        typer.echo(
            f"{file}: all is well" if file.exists() else f"{file} does not exist: the defaults are in force"
        )


# A value may begin with a minus.
@app.command("set", context_settings={"ignore_unknown_options": True})
def set_(key: Key, value: Value) -> None:
    """Change one setting in the file; everything else in it stays as it is."""
    from pulltui_config.environment import split_text
    from pulltui_config.writing import RefusedError, edit

    def edited(text: bytes) -> bytes:
        refusals = []
        for meaning in split_text(value):
            try:
                return edit(text, key, meaning)
            except RefusedError as error:
                refusals.append(error)
        raise refusals[0]

    _change(key, edited)


@app.command()
def unset(key: Key) -> None:
    """Let one setting be its default again: its line becomes a comment."""
    from pulltui_config.writing import reset

    _change(key, lambda text: reset(text, key))


@app.command()
def edit() -> None:
    """Open the file in $VISUAL or $EDITOR, and check it afterwards."""
    import subprocess

    from pulltui_config.saving import prepare

    locations = current_start({}).locations
    if (problem := prepare(locations)) and not locations.config_file.exists():
        _fail(str(problem))
    command = [*_editor(), str(locations.config_file)]
    while True:
        try:
            code = subprocess.run(command, check=False).returncode
        except OSError as error:
            _fail(f"{command[0]} cannot be started: {error.strerror}; set EDITOR to an editor that is there")
        if code:
            _fail(f"{command[0]} ended with exit code {code}; settings: {locations.config_file}")
        start = current_start({})
        for sentence in _findings(start):
            typer.echo(sentence, err=True)
        if start.loaded.ok:
            return
        if not sys.stdin.isatty() or not typer.confirm("Edit again?", default=True, err=True):
            raise typer.Exit(USAGE)


def _change(key: str, edited: Callable[[bytes], bytes]) -> None:
    """Save what `edited` makes of the file, and say what is in force then."""
    from pulltui_config.environment import PREFIX
    from pulltui_config.kinds import every_setting, is_live
    from pulltui_config.saving import change

    with _refusals_in_words():
        change(current_start({}).locations, edited)
    start = current_start({})
    typer.echo(next(f"{name} = {value}  ({origin})" for name, value, origin in _rows(start) if name == key))
    origin = start.loaded.origins[key]
    if origin.name.startswith(PREFIX):
        typer.echo(f"warning: {origin.name} in the environment counts, not the file", err=True)
    if not is_live(every_setting()[tuple(key.split("."))].type):
        typer.echo("A pulltui that is running takes this up at its next start.")


@contextmanager
def _refusals_in_words() -> Iterator[None]:
    """End the command with 2 and the reason when settings are not changed."""
    from pulltui_config.saving import NotSavedError
    from pulltui_config.writing import RefusedError

    try:
        yield
    except RefusedError as error:
        _fail(*map(str, error.problems))
    except NotSavedError as error:
        _fail(str(error.problem))


def _editor() -> list[str]:
    """Return the editor's command."""
    import shutil

    from pulltui.editor import NoEditorError, editor_command

    try:
        return editor_command(os.environ, shutil.which)
    except NoEditorError as error:
        _fail(str(error))


def _fail(*sentences: str) -> NoReturn:
    for sentence in sentences:
        typer.echo(f"error: {sentence}", err=True)
    raise typer.Exit(USAGE)


def _findings(start: Start) -> list[str]:
    """Return what is wrong with the settings."""
    return [f"{problem.severity}: {problem}" for problem in start.loaded.problems]


def _refused_by_app(start: Start) -> list[str]:
    """Return what only the app can know is wrong: keys and themes that do not exist."""
    from pulltui.ui import keymap, themes

    found = [str(problem) for problem in keymap.resolve(start.settings.ui.keys).problems]
    found += filter(None, [themes.choose(start.settings.ui.theme)[1]])
    return [f"error: {sentence}" for sentence in found]


def _rows(start: Start) -> Iterator[tuple[str, str, str]]:
    """Yield (key, value as TOML, origin) for every setting; names and passwords in URLs are left out."""
    from pulltui_config.show import rows

    for row in rows(start.loaded):
        key = f"{row.table}.{row.key}".lstrip(".")
        origin = start.loaded.origins[key]
        yield key, row.value, f"{origin.layer} {origin.name}".rstrip()
